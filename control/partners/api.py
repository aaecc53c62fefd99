"""API: partners."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import AwareDatetime, ConfigDict, Field

from control.accounts.actor import Actor, command_line
from control.accounts.middleware import actor_of
from control.accounts.roles import Action, Area
from control.api.answers import answers
from control.api.etags import check_if_match, set_etag
from control.api.lists import Orders, PageQuery, map_parameters, page
from control.api.merge_patch import MergePatch
from control.api.published import naming_version
from control.errors import Mistakes
from control.filters import NUMBER_MAX
from control.partners.access import visible_partners
from control.partners.filters import PARTNER_FILTERS, PartnerFilters, hidden_fields
from control.partners.models import Partner
from control.partners.selectors import partner as partner_of
from control.partners.selectors import possible_managers
from control.partners.services import change_partner, create_partner, transition
from control.partners.states import PartnerStatus
from control.program.versions import changing_program
from control.scheduled.api import ScheduledOut, scheduled_out
from control.scheduled.models import REASON_CHARS_MAX, ChangeKind
from control.scheduled.services import schedule_status

partners = Router(tags=["partners"])
_ORDERS = Orders({"id": "number", "name": "name", "created": "created"}, "id")


class PartnerFields(Schema):
    """Fields of a partner that may be given and changed."""

    model_config = ConfigDict(extra="forbid")

    name: str
    kind: str = "partner"
    type: str = ""
    email: str = ""
    company: str = ""
    country: str = ""
    language: str = ""
    website: str = ""
    traffic_sources: list[str] = Field(default_factory=list)
    tags: list[str] = Field(default_factory=list)
    group: str = ""
    tier: str = ""
    manager: UUID | None = Field(None, description="Id of the operator who manages the partner.")
    parent: int | None = Field(None, ge=1, le=NUMBER_MAX)
    custom: dict[str, Any] = Field(default_factory=dict)
    external_ids: dict[str, Any] = Field(default_factory=dict)


class PartnerIn(PartnerFields):
    """A partner to add."""

    # A missing name is told together with the mistakes of the other fields, so it is found later than by this schema.
    model_config = ConfigDict(extra="forbid", json_schema_extra={"required": ["name"]})

    name: str = ""
    status: str = PartnerStatus.APPLIED.value


class PartnerPatch(MergePatch, PartnerFields):
    """Fields of a partner to change."""


class PartnerOut(PartnerFields):
    """A partner. Fields that the caller may not see are empty."""

    id: int
    status: str
    created: datetime


class PartnerQuery(PartnerFilters, PageQuery):
    """Filters of partners. A field that the caller may not see finds nothing."""


class PartnerPage(Schema):
    """Page of partners."""

    items: list[PartnerOut]
    next: str | None


class TransitionIn(Schema):
    """State that a partner is to have."""

    model_config = ConfigDict(extra="forbid")

    to: str = Field(max_length=12)
    reason: str = Field("", max_length=4_000)
    at: AwareDatetime | None = Field(None, description="Later time; the answer is then 202 with the scheduled change.")


_EMPTY: dict[str, Any] = {
    "email": "", "company": "", "website": "", "manager": None, "custom": {}, "external_ids": {}, "tags": [],
    "group": "",
}  # fmt: skip
"""Values that are shown instead of those that an actor may not see."""


def partner_event(partner: Partner) -> PartnerOut:
    """Show a partner in events."""
    return partner_out(partner, command_line())


def partner_out(partner: Partner, actor: Actor) -> PartnerOut:
    names = PartnerFields.model_fields.keys() - {"manager", "parent"}
    values: dict[str, Any] = {name: getattr(partner, name) for name in names}
    values |= {"manager": partner.manager_id, "parent": partner.parent_id}
    values |= {name: _EMPTY[name] for name in hidden_fields(actor)}
    return PartnerOut(id=partner.number, status=partner.status, created=partner.created, **values)


def _resolved(values: Mapping[str, Any], actor: Actor, mistakes: Mistakes) -> dict[str, Any]:
    """Replace the ids of manager and parent by their rows; note those that nobody has."""
    found = dict(values)
    rows = {"manager": possible_managers(), "parent": visible_partners(actor)}
    for name, noun in (("manager", "operator who may manage partners"), ("parent", "partner")):
        if found.get(name) is not None:
            row = rows[name].filter(pk=found[name]).first()
            if row is None:
                mistakes.add(name, f"there is no {noun} {found[name]}")
            found[name] = row
    return found


@partners.get("", response=answers(PartnerPage), openapi_extra=map_parameters(*PARTNER_FILTERS.maps))
def list_partners(request: HttpRequest, query: Query[PartnerQuery]) -> HttpResponse:
    """List partners."""
    actor = actor_of(request)
    found = PARTNER_FILTERS.asked(actor, visible_partners(actor), query, request.GET.dict())
    return page(request, found, query, _ORDERS, lambda partner: partner_out(partner, actor), PARTNER_FILTERS.maps)


@partners.post("", response=answers(PartnerOut, status=201))
def add_partner(request: HttpRequest, response: HttpResponse, body: PartnerIn) -> Status[PartnerOut]:
    """Add a partner."""
    actor = actor_of(request)
    actor.require(Area.PARTNERS, Action.WRITE)
    values = body.model_dump(exclude_unset=True)
    status, mistakes = values.pop("status", PartnerStatus.APPLIED), Mistakes()
    with transaction.atomic(), naming_version(response):
        with mistakes.gathered():
            partner = create_partner(actor, _resolved(values, actor, mistakes), status)
        mistakes.check()
        shown = partner_out(partner, actor)
    set_etag(response, shown)
    return Status(201, shown)


@partners.get("/{partner_id}", response=answers(PartnerOut, errors=(404,)))
def get_partner(request: HttpRequest, response: HttpResponse, partner_id: int) -> PartnerOut:
    """Get one partner."""
    actor = actor_of(request)
    shown = partner_out(partner_of(actor, _number(partner_id), related=False), actor)
    set_etag(response, shown)
    return shown


@partners.patch("/{partner_id}", response=answers(PartnerOut, errors=(404, 409, 412)))
def patch_partner(request: HttpRequest, response: HttpResponse, partner_id: int, body: PartnerPatch) -> PartnerOut:
    """Change fields of a partner."""
    actor, number = actor_of(request), _number(partner_id)
    actor.require(Area.PARTNERS, Action.WRITE)
    with changing_program(actor), naming_version(response):
        before = partner_out(partner_of(actor, number, lock=True), actor)
        check_if_match(request, before)
        mistakes = Mistakes()
        with mistakes.gathered():
            partner = change_partner(actor, number, _resolved(body.values(before), actor, mistakes))
        mistakes.check()
        shown = partner_out(partner, actor)
    set_etag(response, shown)
    return shown


@partners.post("/{partner_id}/transitions", response={202: ScheduledOut, **answers(PartnerOut, errors=(404, 409))})
def add_transition(request: HttpRequest, response: HttpResponse, partner_id: int, body: TransitionIn) -> Any:
    """Move a partner to another state, at once or at a later time; its links follow at once."""
    actor = actor_of(request)
    if body.at is not None:
        reason = body.reason[:REASON_CHARS_MAX]
        made = schedule_status(actor, ChangeKind.PARTNER, str(_number(partner_id)), body.to, body.at, reason)
        return Status(202, scheduled_out(made))
    with naming_version(response):
        shown = partner_out(transition(actor, _number(partner_id), body.to, body.reason), actor)
    set_etag(response, shown)
    return shown


def _number(number: int) -> int:
    """Return a number that columns can hold; others belong to nobody."""
    return number if 0 < number <= NUMBER_MAX else 0
