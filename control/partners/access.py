"""Partners that an actor may see or change: the one place that filters by partner."""

from uuid import UUID

from django.db.models import QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area, Limit
from control.errors import Forbidden, NotFound
from control.partners.models import Partner


def visible_partners(actor: Actor, area: Area = Area.PARTNERS, action: Action = Action.READ) -> QuerySet[Partner]:
    """Return the partners to whose objects of an area an action is allowed. Raises Forbidden."""
    grant = actor.require(area, action)
    partners = Partner.objects.all()
    if actor.partner is not None:
        return partners.filter(number=actor.partner)
    return partners.filter(manager=UUID(actor.id)) if grant.limit is Limit.OWN else partners


def sees_all(actor: Actor, area: Area) -> bool:
    """Return whether the grant of an area is not limited to some partners."""
    return actor.is_operator and not actor.is_limited(area, Limit.OWN)


def check_partners(actor: Actor, area: Area, action: Action, *numbers: int) -> None:
    """Check that an action is allowed for all of these partners. Raises Forbidden, NotFound."""
    visible = visible_partners(actor, area, action)
    if sees_all(actor, area):
        return
    wanted = set(numbers)
    found = set(visible.filter(number__in=wanted).values_list("number", flat=True))
    if missing := sorted(wanted - found):
        raise NotFound(f"there is no partner {missing[0]}")


def require_operator(actor: Actor, area: Area, action: Action) -> None:
    """Check that an operator may do something. Raises Forbidden."""
    actor.require(area, action)
    if not actor.is_operator:
        raise Forbidden("only the operators of the program may do this")
