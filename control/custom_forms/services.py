"""Changes of forms. Who may change a form is checked by the app that it belongs to."""

from collections.abc import Mapping, Sequence
from typing import Any

from control.accounts.actor import Actor
from control.changes import changing, locked
from control.custom_forms.definition import read_definition
from control.custom_forms.models import CustomForm, FormVersion
from control.errors import Conflict


def store_draft(
    actor: Actor, form: CustomForm, content: Mapping[str, Any], fills: Mapping[str, Sequence[str]], *,
    reserved: Sequence[str] = (), required_by_form: int = 0,
) -> None:  # fmt: skip
    """Check and store the draft of a form, new or not. Raises Invalid with all mistakes."""
    definition = read_definition(content, fills, reserved=reserved, required_by_form=required_by_form)
    form.draft = definition.model_dump(mode="json", exclude_defaults=True)
    form.draft.setdefault("fields", [])
    with changing(actor):
        form.save()


def publish_form(actor: Actor, form: CustomForm, fills: Mapping[str, Sequence[str]], **limits: Any) -> FormVersion:
    """Make the draft the next version. Raises Invalid, and Conflict if nothing has changed."""
    with changing(actor):
        form = locked(CustomForm, "form", pk=form.pk)
        read_definition(form.draft, fills, **limits)
        newest = form.newest()
        if newest is not None and newest.content == form.draft:
            raise Conflict("nothing has changed since the last version")
        version = FormVersion(
            form=form, number=newest.number + 1 if newest is not None else 1, content=form.draft,
            published_by=(actor.name or actor.kind)[:254],
        )  # fmt: skip
        version.save(force_insert=True)
    return version
