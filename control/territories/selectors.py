"""Territories that an actor may see, who owns a point, and conflicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.errors import NotFound
from control.partners.access import sees_all, visible_partners
from control.territories.matching import Overlap, Point, overlaps, owners_of
from control.territories.models import Territory, TerritoryOwner

CONFLICTS_MAX = 200
"""Most conflicts that a list shows."""


def visible_territories(actor: Actor) -> QuerySet[Territory]:
    """Return the territories that the actor may see, each with the owners whom the actor may see.

    A partner, and a manager who sees only some partners, sees the territories that these own. Raises Forbidden.
    """
    partners = visible_partners(actor, Area.PARTNERS, Action.READ)
    rows, owners = Territory.objects.all(), TerritoryOwner.objects.select_related("partner")
    if not sees_all(actor, Area.PARTNERS):
        rows = rows.filter(pk__in=TerritoryOwner.objects.filter(partner__in=partners).values("territory"))
        owners = owners.filter(partner__in=partners)
    return rows.prefetch_related(Prefetch("owners", owners.order_by("partner")))


def territory_of(actor: Actor, territory_id: UUID) -> Territory:
    """Return one territory. Raises Forbidden, NotFound."""
    found = visible_territories(actor).filter(pk=territory_id).first()
    if found is None:
        raise NotFound(f"there is no territory {territory_id}")
    return found


def territories_at(point: Point, now: datetime) -> list[Territory]:
    """Return all territories that match a point, with their owners; the one that owns it first."""
    rows = {str(row.pk): row for row in Territory.objects.prefetch_related("owners__partner")}
    return [rows[claim.id] for claim in owners_of((row.claim() for row in rows.values()), point, now)]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two territories of equal rank that match the same point."""

    first: Territory
    second: Territory
    overlap: Overlap


def conflicts(actor: Actor, now: datetime) -> Sequence[Conflict]:
    """Return the conflicts among the territories that the actor may see and that have not ended. Raises Forbidden."""
    rows = {str(row.pk): row for row in visible_territories(actor) if row.ends is None or row.ends > now}
    found = islice(overlaps([row.claim() for row in rows.values()]), CONFLICTS_MAX)
    return [Conflict(rows[one.first.id], rows[one.second.id], one) for one in found]
