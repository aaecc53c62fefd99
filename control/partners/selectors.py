"""Queries on partners. Each takes the actor, and gives only what the actor may see."""

from django.db.models import Count, QuerySet

from control.accounts.actor import Actor
from control.accounts.models import User
from control.accounts.roles import Area, Limit, Role
from control.errors import NotFound
from control.partners.access import visible_partners
from control.partners.models import Partner
from control.partners.search_text import folded

_MANAGING = (Role.OWNER, Role.ADMIN, Role.PARTNER_MANAGER)


def partner(actor: Actor, number: int) -> Partner:
    """Return one partner. Raises Forbidden, and NotFound also for one that the actor may not see."""
    row = visible_partners(actor).select_related("manager", "parent").filter(number=number).first()
    if row is None:
        raise NotFound(f"there is no partner {number}")
    return row


def sees_personal_data(actor: Actor) -> bool:
    """Return whether the actor may see names and addresses of people."""
    return not actor.is_limited(Area.PARTNERS, Limit.IMPERSONAL)


def search_partners(rows: QuerySet[Partner], text: str, *, personal: bool = True) -> QuerySet[Partner]:
    """Return the partners whose name, company, e-mail address or number contains every word.

    For people who see no personal data only the name counts: else a search would tell whether an address is there.
    """
    for word in folded(text).split() if personal else ():
        rows = rows.filter(search__contains=word)
    for word in () if personal else text.split():
        rows = rows.filter(name__icontains=word)
    return rows


def possible_managers() -> QuerySet[User]:
    """Return the operators who may manage partners."""
    managers: QuerySet[User] = User.objects.filter(role__in=_MANAGING, is_active=True)
    return managers.order_by("name", "email")


def counts_by_status(actor: Actor) -> dict[str, int]:
    """Return the number of partners in each state. Raises Forbidden."""
    return dict(visible_partners(actor).order_by().values_list("status").annotate(Count("number")))
