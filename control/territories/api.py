"""API: territories."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import AwareDatetime, ConfigDict, Field

from control.accounts.actor import command_line
from control.accounts.middleware import actor_of
from control.accounts.roles import Action, Area
from control.api.answers import answers
from control.api.etags import check_if_match, set_etag
from control.api.lists import Orders, PageQuery, page
from control.api.merge_patch import MergePatch
from control.changes import locked
from control.filters import NUMBER_MAX
from control.partners.access import require_operator
from control.territories.matching import POINT_FIELDS, RULES, VALUE_CHARS_MAX, VALUES_MAX, Point
from control.territories.models import Territory
from control.territories.selectors import conflicts, territories_at, territory_of, visible_territories
from control.territories.services import OWNERS_MAX, change_territory, create_territory

territories = Router(tags=["territories"])
_ORDERS = Orders({"rank": "rank", "name": "name", "created": "created"}, "rank")


class Rules(Schema):
    """Rules of a territory; one without values matches everything."""

    model_config = ConfigDict(extra="forbid")

    countries: list[str] = Field(default_factory=list, max_length=VALUES_MAX)
    regions: list[str] = Field(default_factory=list, max_length=VALUES_MAX)
    postal: list[str] = Field(
        default_factory=list, max_length=VALUES_MAX, description="Ranges `10000-19999`, codes, or prefixes `SW1*`."
    )
    segments: list[str] = Field(default_factory=list, max_length=VALUES_MAX)
    products: list[str] = Field(default_factory=list, max_length=VALUES_MAX)
    accounts: list[str] = Field(default_factory=list, max_length=VALUES_MAX, description="Names of companies.")


class Owner(Schema):
    """Partner who owns a territory."""

    model_config = ConfigDict(extra="forbid")

    partner: int = Field(ge=1, le=NUMBER_MAX)
    weight: int = 1


class TerritoryFields(Schema):
    """Fields of a territory that may be given and changed."""

    model_config = ConfigDict(extra="forbid")

    name: str
    rank: int = Field(100, description="The smallest rank comes first.")
    winners: int = Field(1, description="Most owners asked for one lead before the next territory has its turn.")
    rules: Rules = Field(default_factory=Rules)
    owners: list[Owner] = Field(default_factory=list, max_length=OWNERS_MAX)
    starts: AwareDatetime | None = None
    ends: AwareDatetime | None = None
    catch_all: bool = Field(False, description="Whether it owns what no other territory owns.")


class TerritoryIn(TerritoryFields):
    """A territory to add."""


class TerritoryPatch(MergePatch, TerritoryFields):
    """Fields of a territory to change."""


class TerritoryOut(TerritoryFields):
    """A territory, with the owners that the caller may see."""

    id: str
    created: datetime


class TerritoryPage(Schema):
    """Page of territories."""

    items: list[TerritoryOut]
    next: str | None


class PointIn(Schema):
    """A customer, as far as territories look at it."""

    model_config = ConfigDict(extra="forbid")

    country: str = Field("", max_length=VALUE_CHARS_MAX)
    region: str = Field("", max_length=VALUE_CHARS_MAX)
    postal: str = Field("", max_length=VALUE_CHARS_MAX)
    segment: str = Field("", max_length=VALUE_CHARS_MAX)
    product: str = Field("", max_length=VALUE_CHARS_MAX)
    company: str = Field("", max_length=VALUE_CHARS_MAX)


class OwnersOut(Schema):
    """Territories that match a point, the one that owns it first."""

    items: list[TerritoryOut]


class ConflictOut(Schema):
    """Two territories of equal rank that match the same point."""

    first: str
    second: str
    rank: int
    point: PointIn
    since: datetime | None


class ConflictsOut(Schema):
    """Conflicts."""

    items: list[ConflictOut]


def territory_out(row: Territory) -> TerritoryOut:
    """Show a territory, with the owners that were read with it."""
    owners = [Owner(partner=owner.partner_id, weight=owner.weight) for owner in row.owners.all()]
    return TerritoryOut(
        id=str(row.pk), name=row.name, rank=row.rank, winners=row.winners, owners=owners, starts=row.starts,
        ends=row.ends, catch_all=row.catch_all, created=row.created,
        rules=Rules(**{name: row.rules.get(name, []) for name in RULES}),
    )  # fmt: skip


def _changes(values: dict[str, Any]) -> tuple[dict[str, Any], dict[int, int] | None]:
    """Return columns and owners of the fields of a request."""
    owners = values.pop("owners", None)
    if "rules" in values:
        values["rules"] = {name: texts for name, texts in values["rules"].items() if texts}
    return values, None if owners is None else {owner["partner"]: owner["weight"] for owner in owners}


@territories.get("", response=answers(TerritoryPage))
def list_territories(request: HttpRequest, query: Query[PageQuery]) -> HttpResponse:
    """List territories, by rank."""
    rows = visible_territories(actor_of(request))
    rows = rows.filter(name__icontains=query.q) if query.q else rows
    return page(request, rows, query, _ORDERS, territory_out)


@territories.post("", response=answers(TerritoryOut, status=201, errors=(409,)))
def add_territory(request: HttpRequest, response: HttpResponse, body: TerritoryIn) -> Status[TerritoryOut]:
    """Add a territory."""
    values, owners = _changes(body.model_dump())
    shown = territory_out(create_territory(actor_of(request), values, owners or {}))
    set_etag(response, shown)
    return Status(201, shown)


@territories.get("/conflicts", response=answers(ConflictsOut))
def list_conflicts(request: HttpRequest) -> ConflictsOut:
    """List pairs of territories of equal rank that match the same point."""
    actor = actor_of(request)
    require_operator(actor, Area.PARTNERS, Action.READ)
    return ConflictsOut(
        items=[
            ConflictOut(
                first=str(one.first.pk), second=str(one.second.pk), rank=one.first.rank, since=one.overlap.since,
                point=PointIn(**{name: getattr(one.overlap.point, name) for name in POINT_FIELDS}),
            )
            for one in conflicts(actor, timezone.now())
        ]
    )  # fmt: skip


@territories.post("/test", response=answers(OwnersOut))
def test_point(request: HttpRequest, body: PointIn) -> OwnersOut:
    """Say which territories match a point, the one that owns it first."""
    actor = actor_of(request)
    require_operator(actor, Area.PARTNERS, Action.READ)
    visible = {row.pk: row for row in visible_territories(actor)}
    found = territories_at(Point(**body.model_dump()), timezone.now())
    return OwnersOut(items=[territory_out(visible[row.pk]) for row in found if row.pk in visible])


@territories.get("/{territory_id}", response=answers(TerritoryOut, errors=(404,)))
def get_territory(request: HttpRequest, response: HttpResponse, territory_id: UUID) -> TerritoryOut:
    """Get one territory."""
    shown = territory_out(territory_of(actor_of(request), territory_id))
    set_etag(response, shown)
    return shown


@territories.patch("/{territory_id}", response=answers(TerritoryOut, errors=(404, 412)))
def patch_territory(
    request: HttpRequest, response: HttpResponse, territory_id: UUID, body: TerritoryPatch
) -> TerritoryOut:
    """Change fields of a territory; it is ended by a time in `ends`, and never deleted."""
    actor = actor_of(request)
    require_operator(actor, Area.PARTNERS, Action.WRITE)
    with transaction.atomic():
        territory_of(actor, territory_id)
        before = territory_out(locked(Territory, "territory", pk=territory_id))
        check_if_match(request, before)
        values, owners = _changes(body.values(before))
        shown = territory_out(change_territory(actor, territory_id, values, owners))
    set_etag(response, shown)
    return shown


def territory_event(row: Territory) -> TerritoryOut:
    """Show a territory in events."""
    return territory_out(territory_of(command_line(), row.pk))
