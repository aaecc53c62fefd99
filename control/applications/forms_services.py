"""Changes of application forms."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.apps import apps

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.applications.models import ApplicationForm
from control.applications.profile import FILLS, LIMITS
from control.applications.states import FormStatus
from control.changes import apply_values, changing, locked
from control.custom_forms.models import CustomForm, FormVersion
from control.custom_forms.services import publish_form, store_draft
from control.errors import Conflict, FieldError, Invalid, Mistakes
from control.partners.access import require_operator
from control.partners.selectors import possible_managers

EDITABLE = frozenset(
    {"slug", "name", "intro", "color", "group", "partner_type", "manager", "contract_template", "verify_email"}
    | {"reapply", "reapply_days", "sla_h", "referral_allowed", "countries", "words", "weights", "embed_hosts"}
)
FORMS_MAX = 100
KIND = "application"
FIRST_FIELDS: list[dict[str, Any]] = [
    {"key": "website", "type": "url", "label": {"en": "Your website or channel"}, "required": True, "fills": "website"},
    {"key": "country", "type": "country", "label": {"en": "Country"}, "required": True, "fills": "country"},
]
"""Fields of a new form, to begin with."""


def create_application_form(
    actor: Actor, values: Mapping[str, Any], definition: Mapping[str, Any] | None = None
) -> ApplicationForm:
    """Store a form as a draft. Raises Forbidden, Invalid with all mistakes, Conflict."""
    require_operator(actor, Area.PARTNERS, Action.WRITE)
    with changing(actor):
        if ApplicationForm.objects.count() >= FORMS_MAX:
            raise Conflict(f"there are {FORMS_MAX} application forms already; reuse a closed one")
        fields, mistakes = CustomForm(kind=KIND, name=str(values.get("name", ""))[:120]), Mistakes()
        with mistakes.gathered():
            store_draft(
                actor, fields, definition if definition is not None else {"fields": FIRST_FIELDS}, FILLS, **LIMITS
            )
        if fields._state.adding:  # the other mistakes are told together with those of the fields
            fields.draft = {"fields": []}
            fields.save()
        form = ApplicationForm(fields=fields)
        with mistakes.gathered():
            _set(form, values)
        mistakes.check()
        form.save(force_insert=True)
    return form


def change_application_form(
    actor: Actor, form_id: UUID, values: Mapping[str, Any], definition: Mapping[str, Any] | None = None
) -> ApplicationForm:
    """Change settings of a form, and the draft of its fields if they are given.

    Raises Forbidden, NotFound, Invalid with all mistakes.
    """
    require_operator(actor, Area.PARTNERS, Action.WRITE)
    with changing(actor):
        form, mistakes = _locked(form_id), Mistakes()
        if definition is not None:
            with mistakes.gathered():
                store_draft(actor, form.fields, definition, FILLS, **LIMITS)
        with mistakes.gathered():
            changed = _set(form, values)
        mistakes.check()
        if changed:
            form.save()
    return form


def publish_fields(actor: Actor, form_id: UUID) -> FormVersion:
    """Make the draft of the fields the version that people see, and open the form.

    Raises Forbidden, NotFound, Invalid, and Conflict if nothing has changed.
    """
    require_operator(actor, Area.PARTNERS, Action.WRITE)
    with changing(actor):
        form = _locked(form_id)
        newest = form.fields.newest()
        if newest is None or newest.content != form.fields.draft or form.status == FormStatus.PUBLISHED:
            newest = publish_form(actor, form.fields, FILLS, **LIMITS)
        if form.status != FormStatus.PUBLISHED:
            form.status = FormStatus.PUBLISHED
            form.save(update_fields=["status"])
    return newest


def close_form(actor: Actor, form_id: UUID) -> ApplicationForm:
    """Take no more applications by a form; those that wait stay. Raises Forbidden, NotFound, Conflict."""
    require_operator(actor, Area.PARTNERS, Action.WRITE)
    with changing(actor):
        form = _locked(form_id)
        if form.status != FormStatus.PUBLISHED:
            raise Conflict(f"the form is {form.status}; only a published form can be closed")
        form.status = FormStatus.CLOSED
        form.save(update_fields=["status"])
    return form


def _locked(form_id: UUID) -> ApplicationForm:
    form = locked(ApplicationForm, "application form", pk=form_id)
    form.fields = locked(CustomForm, "form", pk=form.fields_id)
    return form


def _set(form: ApplicationForm, values: Mapping[str, Any]) -> list[str]:
    """Set and check settings; return the changed ones. Raises Invalid."""
    mistakes = Mistakes()
    given = dict(values)
    if given.get("manager") is not None and not isinstance(given["manager"], possible_managers().model):
        manager = possible_managers().filter(pk=given["manager"]).first()
        if manager is None:
            mistakes.add("manager", f"there is no operator who may manage partners {given['manager']}")
        given["manager"] = manager
    changed: list[str] = []
    with mistakes.gathered():
        changed = apply_values(form, given, EDITABLE)
    if form.contract_template and not has_contract_template(form.contract_template):
        mistakes.add("contract_template", f"there is no contract template {form.contract_template}")
    mistakes.check()
    return changed


def has_contract_template(code: str) -> bool:
    """Return whether the contracts know a template. Raises Invalid if this installation has no contracts."""
    if not apps.is_installed("control.contracts"):
        raise Invalid(FieldError("contract_template", "cannot be set, because this installation has no contracts"))
    found: bool = apps.get_model("contracts", "ContractTemplate").objects.filter(code=code).exists()
    return found
