"""Sessions of people: listing them, and ending one or all."""

from collections.abc import Sequence
from uuid import UUID

from allauth.usersessions.models import UserSession

from control.accounts.actor import Actor
from control.accounts.models import User
from control.accounts.people import may_give, people
from control.accounts.roles import Action, Area, Role
from control.audit.record import Change, record
from control.changes import changing
from control.errors import NotFound

SESSIONS_SHOWN_MAX = 50


def sessions_of(user: User) -> list[UserSession]:
    """Return the sessions of a person that are in force, the latest first."""
    found: list[UserSession] = UserSession.objects.purge_and_list(user)
    return sorted(found, key=lambda session: session.last_seen_at, reverse=True)[:SESSIONS_SHOWN_MAX]


def end_sessions_of(actor: Actor, user_id: UUID | str, session: int | None = None) -> int:
    """End one session of a person, or all; return their number. Raises Forbidden, NotFound."""
    actor.require(Area.PEOPLE, Action.WRITE)
    with changing(actor):
        user = people(actor).filter(pk=user_id).first()
        if user is None:
            raise NotFound(f"there is no user {user_id}")
        if user.role == Role.OWNER:
            may_give(actor, Role.OWNER)
        return _end(user, session)


def end_own_session(actor: Actor, user: User, session: int) -> None:
    """End one session of the person who asks. Raises NotFound."""
    with changing(actor):
        _end(user, session)


def _end(user: User, session: int | None) -> int:
    found = UserSession.objects.filter(user=user)
    ended: Sequence[UserSession] = list(found if session is None else found.filter(pk=session))
    if session is not None and not ended:
        raise NotFound("this session has ended already")
    for one in ended:
        one.end()
    if ended:
        values = {"browsers": [one.user_agent for one in ended], "addresses": [one.ip for one in ended]}
        record(Change("ended_sessions", "accounts.user", str(user.pk), user.email, before=values, after={}))
    return len(ended)
