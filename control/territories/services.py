"""Changes of territories."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models.query import prefetch_related_objects

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.changes import apply_values, changing, locked
from control.errors import Conflict, FieldError, Forbidden, Invalid
from control.partners.access import require_operator, sees_all
from control.partners.models import Partner
from control.territories.models import WEIGHT_MAX, Territory, TerritoryOwner

EDITABLE = frozenset({"name", "rank", "winners", "rules", "starts", "ends", "catch_all"})
TERRITORIES_MAX = 1_000
OWNERS_MAX = 50
"""Most owners of one territory."""
Owners = Mapping[int, int]
"""Weights by the number of the partner."""


def create_territory(actor: Actor, values: Mapping[str, Any], owners: Owners) -> Territory:
    """Store a new territory. Raises Forbidden, Invalid, Conflict."""
    _require(actor)
    with changing(actor):
        if Territory.objects.count() >= TERRITORIES_MAX:
            raise Conflict(f"there are {TERRITORIES_MAX} territories already; change one of them")
        row = Territory()
        apply_values(row, values, EDITABLE)
        row.save(force_insert=True)
        _set_owners(row, owners)
    return row


def change_territory(
    actor: Actor, territory_id: UUID, values: Mapping[str, Any], owners: Owners | None = None
) -> Territory:
    """Change a territory; owners that are None stay. Raises Forbidden, NotFound, Invalid."""
    _require(actor)
    with changing(actor):
        row = locked(Territory, "territory", pk=territory_id)
        changed = apply_values(row, values, EDITABLE)
        if changed:
            row.save(update_fields=changed)
        if owners is not None:
            _set_owners(row, owners)
    return row


def _require(actor: Actor) -> None:
    require_operator(actor, Area.PARTNERS, Action.WRITE)
    if not sees_all(actor, Area.PARTNERS):
        raise Forbidden("only those who see all partners may change territories, because they divide all leads")


def _set_owners(row: Territory, owners: Owners) -> None:
    if len(owners) > OWNERS_MAX:
        raise Invalid(FieldError("owners", f"names more than {OWNERS_MAX} partners"))
    known = set(Partner.objects.filter(number__in=owners).values_list("number", flat=True))
    mistakes = [f"there is no partner {number}" for number in sorted(owners.keys() - known)]
    mistakes += [
        f"the weight of partner {number} must be 1 to {WEIGHT_MAX}"
        for number, weight in owners.items() if not 1 <= weight <= WEIGHT_MAX
    ]  # fmt: skip
    if mistakes:
        raise Invalid(*(FieldError("owners", text) for text in mistakes))
    before = {owner.partner_id: owner for owner in row.owners.all()}
    TerritoryOwner.objects.filter(territory=row, partner__in=before.keys() - owners.keys()).delete()
    for number, weight in sorted(owners.items()):
        owner = before.get(number)
        if owner is None:
            TerritoryOwner.objects.create(territory=row, partner_id=number, weight=weight)
        elif owner.weight != weight:
            owner.weight = weight
            owner.save(update_fields=["weight"])
    prefetch_related_objects([row], "owners__partner")


def as_owners(numbers: Sequence[int]) -> Owners:
    """Return owners who all get the same share."""
    return dict.fromkeys(numbers, 1)
