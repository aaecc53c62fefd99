"""Changes of links."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.changes import locked
from control.errors import FieldError, Invalid, NotFound
from control.partners.access import visible_partners
from control.partners.models import Partner
from control.program import validators
from control.program.access import visible_links, visible_offers
from control.program.codes import RESERVED, new_codes
from control.program.models import Link, LinkStatus, Offer
from control.program.routing import Touched, publish_routes
from control.program.versions import changing_program
from program.checks import page_not_allowed
from program.landing_hosts import allowed_of

_M = TypeVar("_M", Offer, Partner)
LINKS_AT_ONCE_MAX = 1_000
CHANGEABLE = frozenset({"status", "landing_url", "subs"})
_FIELDS = CHANGEABLE | {"code", "offer", "partner"}


def create_link(actor: Actor, offer: int, partner: int, code: str = "", **values: Any) -> Link:
    """Store a link; its code is made if there is none. Raises Forbidden, Invalid."""
    try:
        return create_links(actor, [{"offer": offer, "partner": partner, "code": code, **values}])[0]
    except Invalid as refused:
        errors = [FieldError(error.field.removeprefix("items[0]."), error.message) for error in refused.errors]
        raise Invalid(*errors) from None


def create_links(actor: Actor, items: Sequence[Mapping[str, Any]]) -> list[Link]:
    """Store links, all or none. Each item has offer and partner by number, and may have a code and what can change.

    Raises Forbidden, and Invalid with every mistake, in fields such as `items[3].code`.
    """
    if not 1 <= len(items) <= LINKS_AT_ONCE_MAX:
        raise Invalid(FieldError("items", f"must have 1 to {LINKS_AT_ONCE_MAX} links, not {len(items)}"))
    with changing_program(actor):
        errors = _mistakes(actor, items)
        if errors:
            raise Invalid(*errors)
        given = {str(item["code"]) for item in items if item.get("code")}
        made = iter(new_codes(len(items) - len(given), given))
        links = Link.objects.bulk_create(
            Link(
                code=item.get("code") or next(made), offer_id=item["offer"], partner_id=item["partner"],
                status=item.get("status") or LinkStatus.ACTIVE, landing_url=item.get("landing_url") or "",
                subs=item.get("subs") or {},
            )
            for item in items
        )  # fmt: skip
        publish_routes(Touched(links=Link.objects.filter(code__in=[link.code for link in links])))
    return links


def set_link_status(actor: Actor, code: str, status: str, reason: str = "") -> Link:
    """Switch a link on or off, at once. Raises Forbidden, NotFound, Invalid."""
    return change_link(actor, code, {"status": status}, reason)


def change_link(actor: Actor, code: str, values: Mapping[str, Any], reason: str = "") -> Link:
    """Change the status, landing page or subs of a link, at once. Raises Forbidden, NotFound, Invalid."""
    visible = visible_links(actor, Action.WRITE)
    with changing_program(actor, reason):
        if not visible.filter(code=code).exists():
            raise NotFound(f"there is no link {code}")
        link = locked(Link, "link", code=code)
        errors = [FieldError(name, "cannot be changed; leave it out") for name in sorted(values.keys() - CHANGEABLE)]
        changed = {name: values[name] for name in CHANGEABLE & values.keys() if getattr(link, name) != values[name]}
        errors += _mistakes_of_fields(changed, link.offer)
        if errors:
            raise Invalid(*errors)
        if changed:
            for name, value in changed.items():
                setattr(link, name, value)
            link.save(update_fields=sorted(changed))
            publish_routes(Touched(links=Link.objects.filter(pk=link.pk)))
    return link


def page_mistake(offer: Offer, landing_url: str) -> str:
    """Return why links of an offer cannot have a landing page; empty if they can."""
    allowed = allowed_of(offer.landing_url, tuple(offer.allowed_hosts))
    return "" if allowed.holds_page(landing_url) else page_not_allowed(offer.number)


def _mistakes_of_fields(values: Mapping[str, Any], offer: Offer | None) -> Iterator[FieldError]:
    """Yield what is wrong with the fields of a link that can change, where they are given."""
    if "status" in values and values["status"] not in LinkStatus.values:
        yield FieldError("status", f"must be one of {', '.join(LinkStatus.values)}")
    if landing_url := values.get("landing_url"):
        message = _mistake_of("landing_url", landing_url)
        if message or (offer is not None and (message := page_mistake(offer, landing_url))):
            yield FieldError("landing_url", message)
    if subs := values.get("subs"):
        for name, message in validators.sub_mistakes(subs):
            yield FieldError(f"subs.{name}" if name else "subs", message)


def _mistakes(actor: Actor, items: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    codes = [item["code"] for item in items if isinstance(item.get("code"), str) and item["code"]]
    taken = set(Link.objects.filter(code__in=codes).values_list("code", flat=True))
    offers = {offer.number: offer for offer in _existing(visible_offers(actor), items, "offer")}
    partners = {
        partner.number
        for partner in _existing(visible_partners(actor, Area.LINKS, Action.WRITE).only("number"), items, "partner")
    }
    errors: list[FieldError] = []
    seen: set[Any] = set()
    for at, item in enumerate(items):
        place = f"items[{at}]"
        errors += [FieldError(f"{place}.{name}", "is not a known field") for name in sorted(item.keys() - _FIELDS)]
        for field, noun, known in (("offer", "offer", offers), ("partner", "partner", partners)):
            if item.get(field) not in known:
                errors.append(FieldError(f"{place}.{field}", f"there is no {noun} {item.get(field)}"))
        given = {name: item[name] for name in CHANGEABLE if item.get(name)}
        errors += [
            FieldError(f"{place}.{error.field}", error.message)
            for error in _mistakes_of_fields(given, offers.get(item.get("offer", 0)))
        ]
        code = item.get("code")
        if code and (message := _code_mistake(code, taken, seen)):
            errors.append(FieldError(f"{place}.code", message))
        seen.add(code)
    return errors


def _existing(rows: QuerySet[_M], items: Sequence[Mapping[str, Any]], field: str) -> QuerySet[_M]:
    """Return the rows that items name by their number."""
    return rows.filter(number__in={item[field] for item in items if type(item.get(field)) is int})


def _code_mistake(code: Any, taken: set[str], seen: set[Any]) -> str:
    """Return why a code cannot be used; empty if it can."""
    if message := _mistake_of("code", code):
        return message
    if code.lower() in RESERVED:
        return f"{code} is reserved; choose another code"
    return f"{code} is taken; choose another code" if code in taken or code in seen else ""


def _mistake_of(column: str, value: Any) -> str:
    """Return what the validators of a column say about a text; empty if nothing."""
    if not isinstance(value, str):
        return "must be a text"
    try:
        cast("models.Field[Any, Any]", Link._meta.get_field(column)).run_validators(value)
    except ValidationError as error:
        return str(error.messages[0])
    return ""
