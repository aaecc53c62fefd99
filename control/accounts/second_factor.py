"""Second factors of people: who has one, whose role demands one, and the way back for somebody who has lost it."""

from datetime import datetime, timedelta
from uuid import UUID

from allauth.mfa.models import Authenticator

from control.accounts.actor import Actor
from control.accounts.models import User
from control.accounts.people import may_give, people
from control.accounts.roles import Action, Area, Role
from control.accounts.sessions import end_sessions
from control.audit.record import Change, record
from control.changes import changing
from control.configuration import current_configuration
from control.errors import Conflict, NotFound

PARTNERS_PEOPLE = "partner"
"""Name in the setting of all people of partners."""
_KINDS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_second_factor(user: User) -> bool:
    """Return whether a person has an authenticator app or a passkey. Recovery codes alone do not count."""
    found: bool = Authenticator.objects.filter(user=user, type__in=_KINDS).exists()
    return found


def demanded_since(user: User) -> datetime | None:
    """Return the time from which a person needs a second factor; None if the role does not demand one."""
    settings = current_configuration().settings.web
    if (user.role or PARTNERS_PEOPLE) not in settings.demanding_roles():
        return None
    return user.created + timedelta(seconds=settings.second_factor_grace_s)


def reset_second_factor(actor: Actor, user_id: UUID | str) -> User:
    """Remove the second factors and recovery codes of a person who has lost them, and end the sessions.

    Raises Forbidden, NotFound, and Conflict for a person without any.
    """
    actor.require(Area.PEOPLE, Action.WRITE)
    with changing(actor):
        user = people(actor).select_for_update(of=("self",)).filter(pk=user_id).first()
        if user is None:
            raise NotFound(f"there is no user {user_id}")
        if user.role == Role.OWNER:
            may_give(actor, Role.OWNER)
        found = Authenticator.objects.filter(user=user)
        kinds = sorted(found.values_list("type", flat=True))
        if not kinds:
            raise Conflict(f"{user.email} has no second factor")
        found.delete()
        end_sessions(user)
        values = {"kinds": kinds}
        record(Change("reset_second_factor", "accounts.user", str(user.pk), user.email, before=values, after={}))
    return user
