"""Queries on partners. Each takes the actor, and gives only what the actor may see."""

from django.db import connection
from django.db.models import Count, QuerySet

from control.accounts.actor import Actor
from control.accounts.models import User
from control.accounts.roles import Area, Limit, Role
from control.errors import NotFound
from control.partners.access import sees_all, visible_partners
from control.partners.models import Partner
from control.partners.search_text import folded

VALUES_MAX = 200
"""Most values of a field that a filter offers."""
_MANAGING = (Role.OWNER, Role.ADMIN, Role.PARTNER_MANAGER)


def partner(actor: Actor, number: int, *, related: bool = True, lock: bool = False) -> Partner:
    """Return one partner. Raises Forbidden, and NotFound also for one that the actor may not see.

    With `related`, its manager and the partner above it are read with it; with `lock`, its row is locked until the
    transaction ends, and nothing else is read.
    """
    rows = visible_partners(actor).filter(number=number)
    if lock:
        rows = rows.select_for_update()
    elif related:
        rows = rows.select_related("manager", "parent")
    row = rows.first()
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
    # Most rows fail at the first word if it is a rare one: a number, or a long word.
    words = sorted(folded(text).split(), key=lambda word: (not word.isdecimal(), -len(word)))
    for word in words if personal else ():
        rows = rows.filter(search__contains=word)
    for word in () if personal else text.split():
        rows = rows.filter(name__icontains=word)
    return rows


def used_values(actor: Actor, field: str) -> list[str]:
    """Return the values that the visible partners have in a field that is the first one of an index, in order.

    Of all partners, each value is looked up in the index after the one before; DISTINCT would read the whole index.
    """
    rows = visible_partners(actor)
    if not sees_all(actor, Area.PARTNERS):
        return list(rows.exclude(**{field: ""}).order_by(field).values_list(field, flat=True).distinct()[:VALUES_MAX])
    quote = connection.ops.quote_name
    column = quote(field)
    least = f"SELECT MIN({column}) FROM {quote(Partner._meta.db_table)} WHERE {column} > "
    further = f"SELECT ({least} used.value) FROM used WHERE used.value IS NOT NULL"
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE used(value) AS ({least} '' UNION ALL {further}) "
            f"SELECT value FROM used WHERE value IS NOT NULL LIMIT {VALUES_MAX}"
        )
        return [value for (value,) in cursor.fetchall()]


def possible_managers() -> QuerySet[User]:
    """Return the operators who may manage partners."""
    managers: QuerySet[User] = User.objects.filter(role__in=_MANAGING, is_active=True)
    return managers.order_by("name", "email")


def counts_by_status(actor: Actor) -> dict[str, int]:
    """Return the number of partners in each state. Raises Forbidden."""
    return dict(visible_partners(actor).order_by().values_list("status").annotate(Count("number")))
