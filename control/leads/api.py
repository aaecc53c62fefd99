"""API: leads."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from control.accounts.actor import Actor, command_line
from control.accounts.middleware import actor_of
from control.accounts.roles import Action, Area
from control.api.answers import answers
from control.api.etags import check_if_match, set_etag
from control.api.lists import Orders, PageQuery, exactly, page
from control.api.merge_patch import MergePatch
from control.api.money import Money
from control.changes import locked
from control.errors import FieldError, Invalid
from control.filters import NUMBER_MAX, Number
from control.leads.candidates import lead_routing, ways_of
from control.leads.models import CONVERSIONS_MAX, REASON_CHARS_MAX, Lead
from control.leads.selectors import lead_of, shows_contact, shows_details, visible_leads
from control.leads.services import (
    LEADS_AT_ONCE_MAX,
    accept,
    change_lead,
    create_leads,
    decline,
    expire,
    lose,
    offer_to,
    take_back,
    win,
    work,
)
from control.partners.access import require_operator
from control.territories.api import PointIn
from control.territories.matching import Point
from schemas.values.money import currency_code, format_minor, parse_minor

leads = Router(tags=["leads"])
_ORDERS = Orders({"created": "created", "last_activity": "last_activity"}, "-created")
_DETAILS = ("company", "note")
_CONTACT = ("contact", "email", "phone")
_OPEN_FIELDS = ("source", "country", "region", "postal", "segment", "product", "consent")


class LeadFields(Schema):
    """Fields of a lead that may be given and changed."""

    model_config = ConfigDict(extra="forbid")

    company: str
    source: str = ""
    contact: str = ""
    email: str = ""
    phone: str = ""
    country: str = ""
    region: str = ""
    postal: str = ""
    segment: str = ""
    product: str = ""
    note: str = ""
    value: Money | None = None
    consent: bool = Field(False, description="Without consent of the contact, the lead is never offered.")


class LeadsIn(Schema):
    """Leads to add."""

    model_config = ConfigDict(extra="forbid")

    items: list[LeadFields] = Field(min_length=1, max_length=LEADS_AT_ONCE_MAX)


class LeadPatch(MergePatch, LeadFields):
    """Fields of a lead to change."""


class LeadOut(LeadFields):
    """A lead. A partner sees company, contact and note once it has accepted the lead."""

    id: str
    state: str
    partner: int | None
    offered_to: int | None
    territory: str | None
    deadline: datetime | None
    last_activity: datetime
    reason: str
    order_number: str
    conversions: list[str]
    created: datetime


class LeadsOut(Schema):
    """Leads that were added."""

    items: list[LeadOut]


class LeadPage(Schema):
    """Page of leads."""

    items: list[LeadOut]
    next: str | None


class LeadQuery(PageQuery):
    """Filters of leads."""

    state: str = Field("", max_length=8)
    partner: Number = None
    offered_to: Number = None
    country: str = Field("", max_length=2)


class DeclineIn(Schema):
    """Reason of a partner who does not take a lead."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=REASON_CHARS_MAX)


class LeadMoveIn(Schema):
    """State that a lead is to have, with what the state needs."""

    model_config = ConfigDict(extra="forbid")

    to: str = Field(
        max_length=8, description="working, won, lost, new (taken back), offered (to `partner`) or expired."
    )
    reason: str = Field("", max_length=REASON_CHARS_MAX)
    order_number: str = Field("", max_length=200)
    conversions: list[str] = Field(default_factory=list, max_length=CONVERSIONS_MAX)
    partner: Annotated[int, Field(ge=1, le=NUMBER_MAX)] | None = None


class LeadOfferOut(Schema):
    """Offer of a lead to one partner."""

    partner: int
    rank: int
    why: str
    at: datetime
    due: datetime
    answer: str
    answered: datetime | None
    reason: str


class LeadOffersOut(Schema):
    """Offers of a lead, in their order."""

    items: list[LeadOfferOut]


class WayOut(Schema):
    """Partner whom a lead would be offered to."""

    partner: int
    territory: str | None
    why: str


class WaysOut(Schema):
    """Partners whom a lead would be offered to, in order."""

    items: list[WayOut]


def lead_out(lead: Lead, actor: Actor) -> LeadOut:
    """Show a lead as far as the actor may see it."""
    details, contact, own = shows_details(actor, lead), shows_contact(actor, lead), actor.is_operator
    values: dict[str, Any] = {name: getattr(lead, name) for name in _OPEN_FIELDS}
    values |= {name: getattr(lead, name) if details else "" for name in _DETAILS}
    values |= {name: getattr(lead, name) if contact else "" for name in _CONTACT}
    if lead.value_minor is not None and (details or own):
        values["value"] = Money(
            amount=format_minor(lead.value_minor, lead.value_currency), currency=lead.value_currency
        )
    return LeadOut(
        id=str(lead.pk), state=lead.state, partner=lead.partner_id, offered_to=lead.offered_to_id,
        territory=str(lead.territory_id) if lead.territory_id and own else None, deadline=lead.deadline,
        last_activity=lead.last_activity, reason=lead.reason if details else "", order_number=lead.order_number,
        conversions=lead.conversions, created=lead.created, **values,
    )  # fmt: skip


def lead_event(lead: Lead) -> LeadOut:
    """Show a lead in events."""
    return lead_out(lead, command_line())


def _columns(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the columns of the fields of a request. Raises Invalid."""
    if "value" in values:
        money = values.pop("value")
        try:
            minor = None if money is None else parse_minor(money["amount"], currency_code(money["currency"]))
        except ValueError as error:
            raise Invalid(FieldError(f"{prefix}value", str(error))) from None
        if minor is not None and minor < 0:
            raise Invalid(FieldError(f"{prefix}value", "must not be negative"))
        values |= {"value_minor": minor, "value_currency": "" if money is None else money["currency"]}
    return values


def _found(actor: Actor, rows: QuerySet[Lead], text: str) -> QuerySet[Lead]:
    """Search by company and source; a partner finds only companies that it may see."""
    hidden = rows.none() if actor.is_operator else rows.exclude(partner=actor.partner)
    return rows.filter(company__icontains=text).exclude(pk__in=hidden.values("pk"))


@leads.get("", response=answers(LeadPage))
def list_leads(request: HttpRequest, query: Query[LeadQuery]) -> HttpResponse:
    """List leads, newest first."""
    actor = actor_of(request)
    rows = exactly(visible_leads(actor), query, "state", "partner", "offered_to", "country")
    rows = _found(actor, rows, query.q) if query.q else rows
    return page(request, rows, query, _ORDERS, lambda lead: lead_out(lead, actor))


@leads.post("", response=answers(LeadsOut, status=201))
def add_leads(request: HttpRequest, body: LeadsIn) -> Status[LeadsOut]:
    """Add 1 to 1,000 leads; those with consent are offered to partners within a minute."""
    actor = actor_of(request)
    items = [_columns(item.model_dump(), f"items[{place}].") for place, item in enumerate(body.items)]
    return Status(201, LeadsOut(items=[lead_out(lead, actor) for lead in create_leads(actor, items)]))


@leads.post("/preview", response=answers(WaysOut))
def preview(request: HttpRequest, body: PointIn) -> WaysOut:
    """Say whom a lead would be offered to, in order, and why."""
    actor = actor_of(request)
    require_operator(actor, Area.PARTNERS, Action.WRITE)
    now = timezone.now()
    found = ways_of(Point(**body.model_dump()), [], lead_routing(), now)
    return WaysOut(items=[WayOut(partner=one.partner, territory=one.territory or None, why=one.why) for one in found])


@leads.get("/{lead_id}", response=answers(LeadOut, errors=(404,)))
def get_lead(request: HttpRequest, response: HttpResponse, lead_id: UUID) -> LeadOut:
    """Get one lead."""
    actor = actor_of(request)
    shown = lead_out(lead_of(actor, lead_id), actor)
    set_etag(response, shown)
    return shown


@leads.patch("/{lead_id}", response=answers(LeadOut, errors=(404, 412)))
def patch_lead(request: HttpRequest, response: HttpResponse, lead_id: UUID, body: LeadPatch) -> LeadOut:
    """Change what is known of a lead."""
    actor = actor_of(request)
    require_operator(actor, Area.PARTNERS, Action.WRITE)
    with transaction.atomic():
        lead_of(actor, lead_id, Action.WRITE)
        before = lead_out(locked(Lead, "lead", pk=lead_id), actor)
        check_if_match(request, before)
        shown = lead_out(change_lead(actor, lead_id, _columns(body.values(before))), actor)
    set_etag(response, shown)
    return shown


@leads.get("/{lead_id}/offers", response=answers(LeadOffersOut, errors=(404,)))
def list_offers(request: HttpRequest, lead_id: UUID) -> LeadOffersOut:
    """List whom a lead was offered to, and why."""
    actor = actor_of(request)
    require_operator(actor, Area.PARTNERS, Action.READ)
    names = LeadOfferOut.model_fields.keys() - {"partner"}
    return LeadOffersOut(
        items=[
            LeadOfferOut(partner=offer.partner_id, **{name: getattr(offer, name) for name in names})
            for offer in lead_of(actor, lead_id).offers.order_by("rank")
        ]
    )


@leads.post("/{lead_id}/accept", response=answers(LeadOut, errors=(404, 409)))
def accept_lead(request: HttpRequest, lead_id: UUID) -> LeadOut:
    """Accept a lead that is offered to the partner; its details are shown from then on."""
    actor = actor_of(request)
    return lead_out(accept(actor, lead_id, timezone.now()), actor)


@leads.post("/{lead_id}/decline", response={204: None, **answers(None, status=204, errors=(404, 409))})
def decline_lead(request: HttpRequest, lead_id: UUID, body: DeclineIn) -> Status[None]:
    """Decline a lead that is offered to the partner; the next one is asked."""
    decline(actor_of(request), lead_id, body.reason, timezone.now())
    return Status(204, None)


@leads.post("/{lead_id}/transitions", response=answers(LeadOut, errors=(404, 409)))
def move_lead(request: HttpRequest, lead_id: UUID, body: LeadMoveIn) -> LeadOut:
    """Move a lead to another state."""
    actor, now = actor_of(request), timezone.now()
    actor.require(Area.PARTNERS, Action.WRITE)
    if body.to == "working":
        lead = work(actor, lead_id, now, body.reason)
    elif body.to == "won":
        lead = win(actor, lead_id, now, body.order_number, body.conversions)
    elif body.to == "lost":
        lead = lose(actor, lead_id, body.reason, now)
    elif body.to == "new":
        lead = take_back(actor, lead_id, body.reason, now)
    elif body.to == "expired":
        lead = expire(actor, lead_id, now, body.reason)
    elif body.to == "offered":
        if body.partner is None:
            raise Invalid(FieldError("partner", "is missing; name the partner whom the lead is offered to"))
        lead = offer_to(actor, lead_id, body.partner, now)
    else:
        raise Invalid(FieldError("to", "must be one of working, won, lost, new, offered, expired"))
    return lead_out(lead, actor)
