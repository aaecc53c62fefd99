"""API: offers and links."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Body, Query, Router, Schema, Status
from pydantic import ConfigDict, Discriminator, Field, Tag

from control.accounts.actor import Actor
from control.accounts.middleware import actor_of
from control.accounts.roles import Action, Area
from control.api.answers import answers, methods
from control.api.etags import check_if_match, set_etag
from control.api.lists import Orders, PageQuery, page
from control.api.merge_patch import MergePatch
from control.api.published import naming_version
from control.errors import Mistakes, NotFound
from control.filters import NUMBER_MAX
from control.program.access import visible_links, visible_offers
from control.program.filters import LINK_FILTERS, OFFER_FILTERS, LinkFilters, OfferFilters
from control.program.models import Link, LinkStatus, Offer, OfferAccess, OfferStatus, default_goals
from control.program.services.links import LINKS_AT_ONCE_MAX, change_link, create_link, create_links
from control.program.services.offers import change_offer, create_offer, rotate_postback_secret, set_offer_status
from control.program.versions import changing_program
from program.entries import DEFAULT_CLICK_WINDOW_US, DEFAULT_IMPRESSION_WINDOW_US
from schemas.values.durations import format_duration, parse_duration_us

offers, links = (Router(tags=[tag]) for tag in ("offers", "links"))
_OFFER_ORDERS = Orders({"id": "number", "name": "name", "created": "created"}, "id")
_LINK_ORDERS = Orders({"code": "code", "created": "created"}, "-created")
_WINDOWS = {"click_window": "click_window_us", "impression_window": "impression_window_us"}


class Goal(Schema):
    """A goal of an offer."""

    model_config = ConfigDict(extra="forbid")

    key: str
    name: str


class OfferFields(Schema):
    """Fields of an offer that may be given and changed."""

    model_config = ConfigDict(extra="forbid")

    name: str
    status: str
    access: str = OfferAccess.OPEN.value
    description: str = ""
    landing_url: str
    allowed_hosts: list[str] = Field(default_factory=list)
    click_window: str = Field(format_duration(DEFAULT_CLICK_WINDOW_US), max_length=32)
    impression_window: str = Field(format_duration(DEFAULT_IMPRESSION_WINDOW_US), max_length=32)
    goals: list[Goal] = Field(default_factory=lambda: [Goal(**goal) for goal in default_goals()])
    reopen: bool = True
    pass_through: bool = False


class OfferIn(OfferFields):
    """An offer to add."""

    # What is missing is told together with the mistakes of other fields, so it is found later than by this schema.
    model_config = ConfigDict(extra="forbid", json_schema_extra={"required": ["name", "landing_url"]})

    name: str = ""
    landing_url: str = ""
    status: str = OfferStatus.DRAFT.value
    postback_secret: str | None = Field(None, max_length=1_024, description="Never shown again.")


class OfferPatch(MergePatch, OfferFields):
    """Fields of an offer to change."""


class OfferOut(OfferFields):
    """An offer."""

    id: int
    published: bool = Field(description="Whether the published program contains it.")
    created: datetime


class OfferQuery(OfferFilters, PageQuery):
    """Filters of offers."""


class OfferPage(Schema):
    """Page of offers."""

    items: list[OfferOut]
    next: str | None


class SecretOut(Schema):
    """A new secret, shown this once."""

    postback_secret: str


def offer_out(offer: Offer) -> OfferOut:
    names = ("name", "status", "access", "description", "landing_url", "allowed_hosts", "reopen", "pass_through",
             "published", "created")  # fmt: skip
    windows: dict[str, Any] = {name: format_duration(getattr(offer, column)) for name, column in _WINDOWS.items()}
    goals = [Goal(**goal) for goal in offer.goals]
    return OfferOut(id=offer.number, goals=goals, **windows, **{name: getattr(offer, name) for name in names})


def _columns(values: Mapping[str, Any], mistakes: Mistakes) -> dict[str, Any]:
    """Return the columns of given fields, windows in microseconds; note windows that cannot be read."""
    found = {name: value for name, value in values.items() if name not in _WINDOWS}
    for name, column in _WINDOWS.items():
        if name in values:
            try:
                found[column] = parse_duration_us(values[name])
            except ValueError as error:
                mistakes.add(name, str(error))
    return found


def _one_offer(actor: Actor, number: int) -> Offer:
    offer = visible_offers(actor).filter(number=number if 0 < number <= NUMBER_MAX else 0).first()
    if offer is None:
        raise NotFound(f"there is no offer {number}")
    return offer


@offers.get("", response=answers(OfferPage))
def list_offers(request: HttpRequest, query: Query[OfferQuery]) -> HttpResponse:
    """List offers."""
    actor = actor_of(request)
    found = OFFER_FILTERS.asked(actor, visible_offers(actor), query, request.GET.dict())
    return page(request, found, query, _OFFER_ORDERS, offer_out)


@offers.post("", response=answers(OfferOut, status=201))
def add_offer(request: HttpRequest, response: HttpResponse, body: OfferIn) -> Status[OfferOut]:
    """Add an offer. Its links work once the program is published with it."""
    actor = actor_of(request)
    actor.require(Area.PROGRAM, Action.WRITE)
    values = body.model_dump(exclude_unset=True)
    status, secret = values.pop("status", OfferStatus.DRAFT), values.pop("postback_secret", None)
    mistakes = Mistakes()
    with transaction.atomic(), naming_version(response):
        with mistakes.gathered():
            offer = create_offer(actor, _columns(values, mistakes), status, secret)
        mistakes.check()
    shown = offer_out(offer)
    set_etag(response, shown)
    return Status(201, shown)


@offers.get("/{offer_id}", response=answers(OfferOut, errors=(404,)))
def get_offer(request: HttpRequest, response: HttpResponse, offer_id: int) -> OfferOut:
    """Get one offer."""
    shown = offer_out(_one_offer(actor_of(request), offer_id))
    set_etag(response, shown)
    return shown


@offers.patch("/{offer_id}", response=answers(OfferOut, errors=(404, 409, 412)))
def patch_offer(request: HttpRequest, response: HttpResponse, offer_id: int, body: OfferPatch) -> OfferOut:
    """Change fields or the state of an offer. Windows and goals count once somebody publishes."""
    actor = actor_of(request)
    actor.require(Area.PROGRAM, Action.WRITE)
    with changing_program(actor), naming_version(response):
        Offer.objects.select_for_update().filter(number=offer_id).first()
        offer = _one_offer(actor, offer_id)
        before = offer_out(offer)
        check_if_match(request, before)
        values = body.values(before)
        status, mistakes = values.pop("status", offer.status), Mistakes()
        with mistakes.gathered():
            offer = change_offer(actor, offer.number, _columns(values, mistakes))
        mistakes.check()
        if status != offer.status:
            offer = set_offer_status(actor, offer.number, status)
    shown = offer_out(offer)
    set_etag(response, shown)
    return shown


@offers.post("/{offer_id}/rotate-secret", response=answers(SecretOut, errors=(404,)))
def rotate_secret(request: HttpRequest, offer_id: int) -> SecretOut:
    """Give an offer a new secret for its postbacks, and answer it this once."""
    actor = actor_of(request)
    actor.require(Area.PROGRAM, Action.APPROVE)
    return SecretOut(postback_secret=rotate_postback_secret(actor, _one_offer(actor, offer_id).number))


# --------------------------------------------------------------------------------------------------------- links


class LinkOut(Schema):
    """A link."""

    code: str
    offer: int
    partner: int
    status: str
    landing_url: str = Field(description="Its own landing page; empty for the offer's.")
    subs: dict[str, str] = Field(description="Values of sub1 to sub30 for hits that do not give them.")
    created: datetime


class LinkFields(Schema):
    """Fields of a link that may be changed."""

    model_config = ConfigDict(extra="forbid")

    status: str
    landing_url: str = Field("", description="Its own landing page, with macros, on a host of the offer.")
    subs: dict[str, str] = Field(
        default_factory=dict, description="Values of sub1 to sub30 for hits that do not give them."
    )


class LinkItem(LinkFields):
    """A link to add."""

    offer: int = Field(ge=1, le=NUMBER_MAX)
    partner: int = Field(ge=1, le=NUMBER_MAX)
    code: str = Field("", description="Made if it is left out.")
    status: str = LinkStatus.ACTIVE.value


class LinksIn(Schema):
    """Links to add: all of them or none."""

    model_config = ConfigDict(extra="forbid")

    items: list[LinkItem] = Field(min_length=1, max_length=LINKS_AT_ONCE_MAX)


class LinksOut(Schema):
    """Links that were added."""

    items: list[LinkOut]


def _form_of_links(body: object) -> str:
    has_items = "items" in body if isinstance(body, dict) else isinstance(body, LinksIn)
    return "(items)" if has_items else "(one)"


_NewLinks = Annotated[
    Annotated[LinksIn, Tag("(items)")] | Annotated[LinkItem, Tag("(one)")], Discriminator(_form_of_links)
]


class LinkPatch(MergePatch, LinkFields):
    """Fields of a link to change."""


class LinkQuery(LinkFilters, PageQuery):
    """Filters of links."""


class LinkPage(Schema):
    """Page of links."""

    items: list[LinkOut]
    next: str | None


def link_out(link: Link) -> LinkOut:
    return LinkOut(
        code=link.code, offer=link.offer_id, partner=link.partner_id, status=link.status, created=link.created,
        landing_url=link.landing_url, subs=link.ordered_subs(),
    )  # fmt: skip


def _one_link(actor: Actor, code: str) -> Link:
    link = visible_links(actor).filter(code=code).first()
    if link is None:
        raise NotFound("there is no such link")
    return link


@links.get("", response=answers(LinkPage))
def list_links(request: HttpRequest, query: Query[LinkQuery]) -> HttpResponse:
    """List links, newest first."""
    actor = actor_of(request)
    found = LINK_FILTERS.asked(actor, visible_links(actor), query, request.GET.dict())
    return page(request, found, query, _LINK_ORDERS, link_out)


@links.post("", response=answers(LinksOut | LinkOut, status=201), openapi_extra=methods("create", "create_one"))
def add_links(request: HttpRequest, response: HttpResponse, body: Body[_NewLinks]) -> Status[LinksOut | LinkOut]:
    """Add one link, or 1 to 1,000 in `items`: all of them or none. Edges answer them within two seconds."""
    actor = actor_of(request)
    actor.require(Area.LINKS, Action.WRITE)
    with naming_version(response):
        if isinstance(body, LinksIn):
            made = create_links(actor, [item.model_dump() for item in body.items])
            return Status(201, LinksOut(items=[link_out(link) for link in made]))
        shown = link_out(create_link(actor, **body.model_dump()))
    set_etag(response, shown)
    return Status(201, shown)


@links.get("/{code}", response=answers(LinkOut, errors=(404,)))
def get_link(request: HttpRequest, response: HttpResponse, code: str) -> LinkOut:
    """Get one link."""
    shown = link_out(_one_link(actor_of(request), code))
    set_etag(response, shown)
    return shown


@links.patch("/{code}", response=answers(LinkOut, errors=(404, 412)))
def patch_link(request: HttpRequest, response: HttpResponse, code: str, body: LinkPatch) -> LinkOut:
    """Switch a link on or off, or change its landing page or subs, at once."""
    actor = actor_of(request)
    actor.require(Area.LINKS, Action.WRITE)
    with changing_program(actor), naming_version(response):
        Link.objects.select_for_update().filter(code=code).first()
        shown = link_out(_one_link(actor, code))
        check_if_match(request, shown)
        if values := body.values(shown):
            shown = link_out(change_link(actor, code, values))
    set_etag(response, shown)
    return shown
