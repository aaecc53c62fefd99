"""API: users and invitations."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from control.accounts.invitations import in_state, invite, resend_invitation, revoke_invitation
from control.accounts.invitations import invitations as visible_invitations
from control.accounts.mail_links import invitation_link
from control.accounts.middleware import actor_of
from control.accounts.models import Invitation, InvitationState, Seat, User, normal_email
from control.accounts.people import add_operator, change_person, people
from control.api.answers import answers
from control.api.etags import check_if_match, set_etag
from control.api.lists import Orders, PageQuery, exactly, page
from control.api.merge_patch import MergePatch
from control.errors import NotFound

users, invitations = Router(tags=["users"]), Router(tags=["invitations"])
_USER_ORDERS = Orders({"email": "email", "created": "created"}, "email")
_INVITATION_ORDERS = Orders({"created": "created", "expires": "expires"}, "-created")


class SeatOut(Schema):
    """Place among a partner's people."""

    partner: int
    role: str


class UserOut(Schema):
    """A person."""

    id: str
    email: str
    name: str
    role: str = Field(description="Role of an operator; empty for a partner's people.")
    partners: list[SeatOut]
    is_active: bool
    locale: str = Field(description="Language of the portal and of mails; empty for the one that the browser asks for.")
    time_zone: str = Field(description="Zone of the times in the portal; empty for UTC. Mails give times in UTC.")
    created: datetime
    last_sign_in: datetime | None


class UserIn(Schema):
    """An operator to add."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=254)
    role: str = Field(max_length=20)
    name: str = Field("", max_length=120)


class UserFields(Schema):
    """Fields of a person that may be changed."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("", max_length=120)
    role: str = Field(max_length=20)
    is_active: bool


class UserPatch(MergePatch, UserFields):
    """Fields of a person to change."""


class UserQuery(PageQuery):
    """Filters of people."""

    name: str = Field("", max_length=120)
    role: str = Field("", max_length=20)
    partner: int | None = Field(None, ge=1, lt=2**32, description="Partner among whose people they are.")
    is_active: bool | None = None
    email: str = Field("", max_length=254)


class UserPage(Schema):
    """Page of people."""

    items: list[UserOut]
    next: str | None


def user_event(user: User) -> UserOut:
    """Show a person in events."""
    return user_out(user, None)


def user_out(user: User, partner: int | None) -> UserOut:
    """Show a person; somebody of a partner sees that partner's seat only."""
    seats = [seat for seat in user.seats.all() if partner is None or seat.partner_id == partner]
    return UserOut(
        id=str(user.pk), email=user.email, name=user.name, role=user.role if partner is None else "",
        partners=[SeatOut(partner=seat.partner_id, role=seat.role) for seat in seats],
        is_active=user.is_active, locale=user.locale, time_zone=user.time_zone, created=user.created,
        last_sign_in=user.last_login,
    )  # fmt: skip


@users.get("", response=answers(UserPage))
def list_users(request: HttpRequest, query: Query[UserQuery]) -> HttpResponse:
    """List people."""
    actor = actor_of(request)
    found = people(actor).prefetch_related("seats")
    found = exactly(found, query, "name", "role", "is_active")
    if query.partner is not None:
        # Somebody of a partner sees only that partner's seats of the own people.
        own = query.partner if actor.partner in (None, query.partner) else None
        found = found.filter(pk__in=Seat.objects.filter(partner=own).values("user_id"))
    if query.email:
        found = found.filter(email=query.email.strip().lower())
    if query.q:
        found = found.filter(Q(email__icontains=query.q) | Q(name__icontains=query.q))
    return page(request, found, query, _USER_ORDERS, lambda user: user_out(user, actor.partner))


@users.post("", response=answers(UserOut, status=201, errors=(409,)))
def add_user(request: HttpRequest, response: HttpResponse, body: UserIn) -> Status[UserOut]:
    """Add an operator, who signs in with a code by mail."""
    actor = actor_of(request)
    shown = user_out(add_operator(actor, body.email, body.role, body.name), actor.partner)
    set_etag(response, shown)
    return Status(201, shown)


@users.get("/{user_id}", response=answers(UserOut, errors=(404,)))
def get_user(request: HttpRequest, response: HttpResponse, user_id: UUID) -> UserOut:
    """Get one person."""
    actor = actor_of(request)
    shown = user_out(_one(people(actor), user_id), actor.partner)
    set_etag(response, shown)
    return shown


@users.patch("/{user_id}", response=answers(UserOut, errors=(404, 409, 412)))
def change_user(request: HttpRequest, response: HttpResponse, user_id: UUID, body: UserPatch) -> UserOut:
    """Change name or role of a person, or disable the person."""
    actor = actor_of(request)
    with transaction.atomic():
        before = user_out(_one(people(actor).select_for_update(of=("self",)), user_id), actor.partner)
        check_if_match(request, before)
        user = change_person(actor, user_id, body.values(before))
    shown = user_out(user, actor.partner)
    set_etag(response, shown)
    return shown


def _one(found: QuerySet[User], user_id: UUID) -> User:
    user = found.filter(pk=user_id).first()
    if user is None:
        raise NotFound(f"there is no user {user_id}")
    return user


class InvitationOut(Schema):
    """An invitation."""

    id: str
    email: str
    role: str
    partner: int | None
    status: str = Field(description="open, accepted, revoked or expired.")
    created: datetime
    expires: datetime
    invited_by: str


class InvitationIn(Schema):
    """An invitation to send."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=254)
    role: str = Field(max_length=20, description="Role of an operator, or of one of the partner's people.")
    partner: int | None = Field(None, ge=1, lt=2**32)


class InvitationQuery(PageQuery):
    """Filters of invitations."""

    status: Literal["", "open", "accepted", "revoked", "expired"] = ""
    email: str = Field("", max_length=254)
    role: str = Field("", max_length=20)
    partner: int | None = Field(None, ge=1, lt=2**32)
    invited_by: str = Field("", max_length=254)


class InvitationPage(Schema):
    """Page of invitations."""

    items: list[InvitationOut]
    next: str | None


def invitation_out(invitation: Invitation) -> InvitationOut:
    return InvitationOut(
        id=str(invitation.pk), email=invitation.email, role=invitation.role, partner=invitation.partner_id,
        status=invitation.state.value, created=invitation.created, expires=invitation.expires,
        invited_by=invitation.invited_by,
    )  # fmt: skip


@invitations.get("", response=answers(InvitationPage))
def list_invitations(request: HttpRequest, query: Query[InvitationQuery]) -> HttpResponse:
    """List invitations."""
    found = visible_invitations(actor_of(request))
    if query.status:
        found = in_state(found, InvitationState(query.status))
    if query.email:
        found = found.filter(email=normal_email(query.email))
    found = exactly(found, query, "role", "partner", "invited_by")
    if query.q:
        found = found.filter(email__icontains=query.q)
    return page(request, found, query, _INVITATION_ORDERS, invitation_out)


@invitations.post("", response=answers(InvitationOut, status=201, errors=(404, 409)))
def send_invitation(request: HttpRequest, body: InvitationIn) -> Status[InvitationOut]:
    """Invite somebody by mail."""
    made = invite(actor_of(request), body.email, body.role, body.partner, invitation_link(request))
    return Status(201, invitation_out(made))


@invitations.get("/{invitation_id}", response=answers(InvitationOut, errors=(404,)))
def get_invitation(request: HttpRequest, invitation_id: UUID) -> InvitationOut:
    """Get one invitation."""
    invitation = visible_invitations(actor_of(request)).filter(pk=invitation_id).first()
    if invitation is None:
        raise NotFound(f"there is no invitation {invitation_id}")
    return invitation_out(invitation)


@invitations.post("/{invitation_id}/revoke", response=answers(InvitationOut, errors=(404, 409)))
def revoke(request: HttpRequest, invitation_id: UUID) -> InvitationOut:
    """Revoke an open invitation."""
    return invitation_out(revoke_invitation(actor_of(request), invitation_id))


@invitations.post("/{invitation_id}/resend", response=answers(InvitationOut, errors=(404, 409)))
def resend(request: HttpRequest, invitation_id: UUID) -> InvitationOut:
    """Send a new link for an invitation that nobody has accepted; the earlier link ends."""
    return invitation_out(resend_invitation(actor_of(request), invitation_id, invitation_link(request)))
