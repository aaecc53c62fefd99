"""Invitations to apply, from a list."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Area
from control.applications.inviting import INVITATION_FILTERS, invite_to_apply, visible_invitations
from control.applications.models import ApplicationInvitation
from control.errors import Conflict
from control.imports.fields import Field
from control.imports.resource import Item, Resource


class ApplicationInvitations(Resource[ApplicationInvitation]):
    """Invitations to apply, by form and mail address. A row that is there already changes nothing."""

    key, noun, nouns = "application-invitations", "invitation to apply", "invitations to apply"
    filters = INVITATION_FILTERS
    area = Area.PARTNERS
    match_text = "Rows find invitations by form and e-mail address."
    fields = (
        Field("form", "Form", names=("application form", "slug"), required=True,
              help="Last part of the form's address, such as creators."),
        Field("email", "E-mail", names=("e mail", "mail", "email address"), required=True, personal=True),
        Field("name", "Name", names=("full name", "person"), personal=True),
    )  # fmt: skip

    def visible(self, actor: Actor) -> QuerySet[ApplicationInvitation]:
        return visible_invitations(actor)

    def value(self, row: ApplicationInvitation, key: str) -> Any:
        return row.form.slug if key == "form" else getattr(row, key)

    def identity(self, values: Mapping[str, Any], _match: str) -> Hashable | None:
        return (str(values.get("form", "")), str(values.get("email", "")).strip().lower())

    def stored(
        self, actor: Actor, _match: str, wanted: Sequence[Hashable]
    ) -> dict[Hashable, list[ApplicationInvitation]]:
        pairs = [key for key in wanted if isinstance(key, tuple) and all(key)]
        rows = self.writable(actor).filter(
            form__slug__in={form for form, _ in pairs}, email__in={email for _, email in pairs}
        )
        return {(row.form.slug, row.email): [row] for row in rows if (row.form.slug, row.email) in pairs}

    def store_one(self, actor: Actor, item: Item[ApplicationInvitation], _reason: str) -> None:
        if item.stored is not None:
            raise Conflict("is invited already, and the mail is sent; leave the row out")
        values = item.values
        row = invite_to_apply(actor, values.get("form", ""), values.get("email", ""), values.get("name", ""))
        item.made, item.object_id, item.name = True, str(row.pk), row.email
