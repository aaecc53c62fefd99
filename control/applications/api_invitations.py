"""API: invitations to apply."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from control.accounts.middleware import actor_of
from control.api.answers import answers
from control.api.lists import Orders, PageQuery, page
from control.applications.inviting import INVITATION_FILTERS, InvitationFilters, invite_to_apply, visible_invitations
from control.applications.models import ApplicationInvitation

application_invitations = Router(tags=["application-invitations"])
_ORDERS = Orders({"created": "created"}, "-created")


class ApplicationInvitationIn(Schema):
    """Somebody to invite."""

    model_config = ConfigDict(extra="forbid")

    form: str = Field(max_length=60, description="Last part of the address of a published form.")
    email: str = Field(max_length=254)
    name: str = Field("", max_length=120)


class ApplicationInvitationOut(ApplicationInvitationIn):
    """An invitation to apply."""

    id: str
    invited_by: str
    created: datetime
    expires: datetime
    application: str | None = Field(description="Application that was sent by the link.")


class ApplicationInvitationPage(Schema):
    """Page of invitations."""

    items: list[ApplicationInvitationOut]
    next: str | None


class ApplicationInvitationQuery(InvitationFilters, PageQuery):
    """Filters of invitations."""


def _out(row: ApplicationInvitation) -> ApplicationInvitationOut:
    return ApplicationInvitationOut(
        id=str(row.pk), form=row.form.slug, email=row.email, name=row.name, invited_by=row.invited_by,
        created=row.created, expires=row.expires, application=str(row.application_id) if row.application_id else None,
    )  # fmt: skip


@application_invitations.get("", response=answers(ApplicationInvitationPage))
def list_invitations(request: HttpRequest, query: Query[ApplicationInvitationQuery]) -> HttpResponse:
    """List invitations to apply, newest first."""
    actor = actor_of(request)
    found = INVITATION_FILTERS.asked(actor, visible_invitations(actor), query, request.GET.dict())
    return page(request, found, query, _ORDERS, _out)


@application_invitations.post("", response=answers(ApplicationInvitationOut, status=201, errors=(409,)))
def add_invitation(request: HttpRequest, body: ApplicationInvitationIn) -> Status[ApplicationInvitationOut]:
    """Invite somebody to apply, by mail."""
    return Status(201, _out(invite_to_apply(actor_of(request), body.form, body.email, body.name)))
