"""Viewing the console or the portal as another person does: read-only, marked, audited, bounded in time."""

from collections.abc import MutableMapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.models import User
from control.accounts.people import people
from control.accounts.roles import Action, Area, PartnerRole, Role
from control.audit.record import Change, record
from control.changes import changing
from control.configuration import current_configuration
from control.errors import Conflict, NotFound

SESSION_KEY = "view_as"
Session = MutableMapping[str, Any]


def start_viewing(actor: Actor, session: Session, user_id: UUID | str) -> User:
    """Let an operator see what another person sees. Raises Forbidden, NotFound, Conflict."""
    actor.require(Area.VIEW_AS, Action.READ)
    user = people(actor).filter(pk=user_id).first()
    if user is None:
        raise NotFound(f"there is no user {user_id}")
    if str(user.pk) == actor.id:
        raise Conflict("this is your own account")
    if not user.is_active or actor_seen(actor, user) is None:
        raise Conflict(f"{user.email} is disabled or has no role, so there is nothing to see")
    until = timezone.now() + timedelta(seconds=current_configuration().settings.web.view_as_age_max_s)
    with changing(actor):
        record(Change("started_view_as", "accounts.user", str(user.pk), user.email, after={"until": until}))
    session[SESSION_KEY] = {"user": str(user.pk), "until": until.timestamp()}
    return user


def end_viewing(actor: Actor, session: Session, cause: str) -> bool:
    """End the view; return whether there was one."""
    seen = session.pop(SESSION_KEY, None)
    if seen is None:
        return False
    user = User.objects.filter(pk=seen["user"]).first()
    with changing(actor):
        email = user.email if user is not None else ""
        record(Change("ended_view_as", "accounts.user", seen["user"], email, after={"cause": cause}))
    return True


def view_in(actor: Actor, session: Session) -> tuple[Actor, User, datetime] | str | None:
    """Return the view that is open: the actor to ask as, the person, and the end. A text says why it must end now."""
    seen = session.get(SESSION_KEY)
    if seen is None:
        return None
    until = datetime.fromtimestamp(seen["until"], tz=timezone.get_default_timezone())
    if timezone.now() >= until:
        return "the time is over"
    if not actor.may(Area.VIEW_AS, Action.READ):
        return "the right was taken away"
    user = User.objects.filter(pk=seen["user"], is_active=True).first()
    found = actor_seen(actor, user) if user is not None else None
    return (found, user, until) if found is not None and user is not None else "the person was disabled"


def actor_seen(viewer: Actor, user: User) -> Actor | None:
    """Return the actor with the rights of a person, cut to reading what the viewer may read too; None without any."""
    common = replace(viewer, id=str(user.pk), name=str(user), role=None, viewer_role=viewer.role)
    if user.role:
        return replace(common, role=Role(user.role))
    seat = user.seats.order_by("created", "pk").first()
    return replace(common, partner=seat.partner_id, partner_role=PartnerRole(seat.role)) if seat is not None else None
