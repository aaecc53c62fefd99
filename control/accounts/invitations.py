"""Invitations: a link in a mail that makes its reader a person here."""

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.mail_links import LinkOf
from control.accounts.models import Invitation, InvitationState, Seat, User, normal_email
from control.accounts.people import may_give, new_user, partner_role_of, role_of, store_operator, store_with_seat
from control.accounts.roles import Action, Area, PartnerRole, Role
from control.audit.origin import ActorKind
from control.changes import changing
from control.configuration import current_configuration
from control.errors import Conflict, FieldError, Invalid, NotFound, validate
from control.notifications.mails import queue_mail
from control.partners.models import Partner

_TOKEN_BYTES = 32


def invite(actor: Actor, email: str, role: str, partner: int | None, link_of: LinkOf) -> Invitation:
    """Invite somebody by mail. An earlier open invitation of the address ends.

    Raises Forbidden, Invalid, NotFound, and Conflict for an operator who has an account.
    """
    actor.require(Area.PEOPLE, Action.WRITE)
    number = actor.partner if actor.partner is not None else partner
    if actor.partner is not None and partner not in (None, actor.partner):
        raise NotFound(f"there is no partner {partner}")
    may_give(actor, role_of(role) if number is None else partner_role_of(role))
    if number is not None and not Partner.objects.filter(number=number).exists():
        raise Invalid(FieldError("partner", f"there is no partner {number}"))
    with changing(actor):
        invitation, token = store_invitation(actor, email, role, number)
        _send(invitation, link_of(token))
    return invitation


def store_invitation(actor: Actor, email: str, role: str, partner: int | None) -> tuple[Invitation, str]:
    """Store an invitation, and return it with the token of its link, which the caller mails.

    The caller has checked the rights. Raises Invalid, and Conflict for an operator who has an account.
    """
    token, now = secrets.token_urlsafe(_TOKEN_BYTES), timezone.now()
    with changing(actor):
        address = normal_email(email)
        if partner is None and User.objects.exclude(role="").filter(email=address).exists():
            raise Conflict(f"{address} is an operator already; change the role on the page of the person")
        place = Q(partner=None) if partner is None else Q(partner=partner)
        Invitation.objects.filter(place, email=address, accepted=None, revoked=None).update(revoked=now)
        invitation = Invitation(
            email=address, role=role, partner_id=partner, digest=_digest(token), invited_by=actor.name[:254],
            expires=_end_of(now),
        )  # fmt: skip
        validate(invitation)
        invitation.save(force_insert=True)
    return invitation, token


def _send(invitation: Invitation, link: str) -> None:
    """Store the mail in the open transaction."""
    partner = invitation.partner
    values = {
        "who": invitation.invited_by, "partner": partner.name if partner is not None else "", "link": link,
        "expires": invitation.expires,
    }  # fmt: skip
    queue_mail("invitation", invitation.email, values, partner=partner)


def invitations(actor: Actor) -> QuerySet[Invitation]:
    """Return the invitations that the actor may see. Raises Forbidden."""
    actor.require(Area.PEOPLE, Action.READ)
    found: QuerySet[Invitation] = Invitation.objects.all()
    return found if actor.partner is None else found.filter(partner_id=actor.partner)


def in_state(found: QuerySet[Invitation], state: InvitationState) -> QuerySet[Invitation]:
    """Return those of some invitations that are in a state now."""
    if state is InvitationState.ACCEPTED:
        return found.exclude(accepted=None)
    if state is InvitationState.REVOKED:
        return found.filter(accepted=None).exclude(revoked=None)
    waiting, now = found.filter(accepted=None, revoked=None), timezone.now()
    return waiting.filter(expires__gt=now) if state is InvitationState.OPEN else waiting.filter(expires__lte=now)


def resend_invitation(actor: Actor, invitation_id: UUID | str, link_of: LinkOf) -> Invitation:
    """Send a new link for an invitation that nobody has accepted; the earlier link ends.

    Raises Forbidden, NotFound, Conflict.
    """
    actor.require(Area.PEOPLE, Action.WRITE)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with changing(actor):
        invitation = _unanswered(actor, invitation_id)
        is_operators = invitation.partner_id is None
        may_give(actor, role_of(invitation.role) if is_operators else partner_role_of(invitation.role))
        invitation.digest, invitation.expires = _digest(token), _end_of(timezone.now())
        invitation.save(update_fields=["digest", "expires"])
        _send(invitation, link_of(token))
    return invitation


def revoke_invitation(actor: Actor, invitation_id: UUID | str) -> Invitation:
    """Revoke an open invitation. Raises Forbidden, NotFound, Conflict."""
    actor.require(Area.PEOPLE, Action.WRITE)
    with changing(actor):
        invitation = _unanswered(actor, invitation_id)
        invitation.revoked = timezone.now()
        invitation.save(update_fields=["revoked"])
    return invitation


def _unanswered(actor: Actor, invitation_id: UUID | str) -> Invitation:
    invitation = invitations(actor).select_for_update(of=("self",)).filter(pk=invitation_id).first()
    if invitation is None:
        raise NotFound(f"there is no invitation {invitation_id}")
    if invitation.accepted is not None or invitation.revoked is not None:
        raise Conflict("the invitation was accepted or revoked already")
    return invitation


def _end_of(now: datetime) -> datetime:
    return now + timedelta(seconds=current_configuration().settings.web.invitation_age_max_s)


def open_invitation(token: str) -> Invitation | None:
    """Return the invitation of a link; None if it is not open any more."""
    found: QuerySet[Invitation] = Invitation.objects.filter(digest=_digest(token), accepted=None, revoked=None)
    return found.filter(expires__gt=timezone.now()).select_related("partner").first()


def accept(actor: Actor, token: str, name: str, password: str) -> User:
    """Make the reader of a link a person. Raises NotFound if it is not open, Conflict if the person exists, Invalid."""
    with changing(actor):
        invitation = _locked(token)
        user = new_user(invitation.email, name, password)
        if invitation.partner_id is None:
            user.role = role_of(invitation.role)
            store_operator(user)
        else:
            store_with_seat(user, invitation.partner_id, partner_role_of(invitation.role))
        _mark(invitation)
    return user


def accept_as(actor: Actor, token: str, user: User) -> User:
    """Give a person who has signed in the role of an invitation. Raises NotFound, Conflict."""
    with changing(actor):
        invitation = _locked(token)
        if actor.kind is not ActorKind.PERSON or user.email != invitation.email:
            raise Conflict("this invitation is for another address; sign in with that one")
        if invitation.partner_id is None:
            if user.role and user.role != invitation.role:  # given after the invitation was sent
                raise Conflict(f"you are {Role(user.role).label} already; ask an administrator for another role")
            user.role = Role(invitation.role)
            user.save(update_fields=["role"])
        else:
            role = PartnerRole(invitation.role)
            Seat.objects.update_or_create(user=user, partner_id=invitation.partner_id, defaults={"role": role})
        _mark(invitation)
    return user


def open_invitations_of(email: str) -> QuerySet[Invitation]:
    """Return the open invitations of an address, the earliest first."""
    found: QuerySet[Invitation] = Invitation.objects.filter(email=normal_email(email), accepted=None, revoked=None)
    return found.filter(expires__gt=timezone.now()).order_by("created")


def accept_all_of(email: str, name: str) -> User:
    """Make a person of all open invitations of an address that is known to be the person's, in the open transaction.

    Raises NotFound without any, Invalid, Conflict.
    """
    found = list(open_invitations_of(email).select_for_update(of=("self",)))
    if not found:
        raise NotFound(f"there is no open invitation for {email}")
    user = new_user(email, name, None)
    user.role = next((role_of(one.role) for one in found if one.partner_id is None), "")
    store_operator(user)
    for invitation in found:
        if invitation.partner_id is not None:
            role = partner_role_of(invitation.role)
            Seat.objects.create(user=user, partner_id=invitation.partner_id, role=role)
        _mark(invitation)
    return user


def _locked(token: str) -> Invitation:
    open_ones: QuerySet[Invitation] = Invitation.objects.select_for_update(of=("self",))
    found = open_ones.filter(digest=_digest(token), accepted=None, revoked=None, expires__gt=timezone.now()).first()
    if found is None:
        raise NotFound("this invitation has expired or was used; ask for another one")
    return found


def _mark(invitation: Invitation) -> None:
    invitation.accepted = timezone.now()
    invitation.save(update_fields=["accepted"])


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
