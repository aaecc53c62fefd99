"""Changes of links."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.changes import locked
from control.errors import FieldError, Invalid, NotFound
from control.partners.access import visible_partners
from control.partners.models import Partner
from control.program.access import visible_links, visible_offers
from control.program.codes import RESERVED, new_codes
from control.program.models import Link, LinkStatus, Offer
from control.program.routing import Touched, publish_routes
from control.program.versions import changing_program

LINKS_AT_ONCE_MAX = 1_000
_FIELDS = frozenset({"code", "offer", "partner", "status"})


def create_link(actor: Actor, offer: int, partner: int, code: str = "", status: str = LinkStatus.ACTIVE) -> Link:
    """Store a link; its code is made if there is none. Raises Forbidden, Invalid."""
    try:
        return create_links(actor, [{"offer": offer, "partner": partner, "code": code, "status": status}])[0]
    except Invalid as refused:
        errors = [FieldError(error.field.removeprefix("items[0]."), error.message) for error in refused.errors]
        raise Invalid(*errors) from None


def create_links(actor: Actor, items: Sequence[Mapping[str, Any]]) -> list[Link]:
    """Store links, all or none. Each item has offer and partner by number, and may have code and status.

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
                status=item.get("status") or LinkStatus.ACTIVE,
            )
            for item in items
        )  # fmt: skip
        publish_routes(Touched(links=Link.objects.filter(code__in=[link.code for link in links])))
    return links


def set_link_status(actor: Actor, code: str, status: str, reason: str = "") -> Link:
    """Switch a link on or off, at once. Raises Forbidden, NotFound, Invalid."""
    visible = visible_links(actor, Action.WRITE)
    with changing_program(actor, reason):
        if not visible.filter(code=code).exists():
            raise NotFound(f"there is no link {code}")
        link = locked(Link, "link", code=code)
        if status not in LinkStatus.values:
            raise Invalid(FieldError("status", f"must be one of {', '.join(LinkStatus.values)}"))
        if link.status != status:
            link.status = status
            link.save(update_fields=["status"])
            publish_routes(Touched(links=Link.objects.filter(pk=link.pk)))
    return link


def _mistakes(actor: Actor, items: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    codes = [item["code"] for item in items if isinstance(item.get("code"), str) and item["code"]]
    taken = set(Link.objects.filter(code__in=codes).values_list("code", flat=True))
    offers = _existing(visible_offers(actor), [item.get("offer") for item in items])
    partners = _existing(visible_partners(actor, Area.LINKS, Action.WRITE), [item.get("partner") for item in items])
    errors: list[FieldError] = []
    seen: set[Any] = set()
    for at, item in enumerate(items):
        place = f"items[{at}]"
        errors += [FieldError(f"{place}.{name}", "is not a known field") for name in sorted(item.keys() - _FIELDS)]
        for field, noun, known in (("offer", "offer", offers), ("partner", "partner", partners)):
            if item.get(field) not in known:
                errors.append(FieldError(f"{place}.{field}", f"there is no {noun} {item.get(field)}"))
        if item.get("status") not in (None, "", *LinkStatus.values):
            errors.append(FieldError(f"{place}.status", f"must be one of {', '.join(LinkStatus.values)}"))
        code = item.get("code")
        if code and (message := _code_mistake(code, taken, seen)):
            errors.append(FieldError(f"{place}.code", message))
        seen.add(code)
    return errors


def _existing(rows: QuerySet[Offer] | QuerySet[Partner], numbers: Sequence[Any]) -> set[int]:
    wanted = {number for number in numbers if type(number) is int}
    return set(rows.filter(number__in=wanted).values_list("number", flat=True))


def _code_mistake(code: Any, taken: set[str], seen: set[Any]) -> str:
    """Return why a code cannot be used; empty if it can."""
    if not isinstance(code, str):
        return "must be a text"
    try:
        Link._meta.get_field("code").run_validators(code)
    except ValidationError as error:
        return str(error.messages[0])
    if code.lower() in RESERVED:
        return f"{code} is reserved; choose another code"
    return f"{code} is taken; choose another code" if code in taken or code in seen else ""
