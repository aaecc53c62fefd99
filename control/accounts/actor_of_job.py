"""Actors of work that is done later: with the rights that they have then."""

from uuid import UUID

from django.utils import timezone

from control.accounts.actor import Actor, command_line
from control.accounts.models import ApiKey, Seat, User
from control.accounts.roles import KeyScope, PartnerRole, Role
from control.audit.origin import ActorKind
from control.errors import Forbidden


def actor_of_job(kind: str, actor_id: str, partner: int | None = None) -> Actor:
    """Return a person, key or command that asked for work, for a partner if it was one of its people.

    Raises Forbidden if it may not do anything any more.
    """
    if kind == ActorKind.COMMAND:
        return command_line()
    if kind == ActorKind.PERSON:
        user = User.objects.filter(pk=UUID(actor_id)).first()
        seat = Seat.objects.filter(user=user, partner=partner).first() if user is not None and partner else None
        if user is not None and user.is_active and seat is not None:
            role = PartnerRole(seat.role)
            return Actor(ActorKind.PERSON, actor_id, str(user), partner=partner, partner_role=role)
        if user is not None and user.is_active and user.role and partner is None:
            return Actor(ActorKind.PERSON, actor_id, str(user), role=Role(user.role))
    if kind == ActorKind.API_KEY:
        key = ApiKey.objects.filter(pk=UUID(actor_id), revoked=None).first()
        if key is not None and not key.is_expired(timezone.now()):
            return Actor(ActorKind.API_KEY, actor_id, key.name, scope=KeyScope(key.scope), partner=key.partner_id)
    raise Forbidden("the person or key that asked for this may no longer do it; ask for it again")
