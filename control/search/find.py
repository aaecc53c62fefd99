"""Finders: one for each kind of object. Each asks the selector of its kind, which gives only what the actor may see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.utils.module_loading import import_string

from control.accounts.actor import Actor
from control.accounts.people import people
from control.accounts.roles import Action, Area
from control.engine.answers import ConversionQuery, conversions
from control.errors import Invalid, NotFound, Unavailable
from control.modules.config import modules
from control.modules.states import is_on
from control.partners.access import visible_partners
from control.partners.selectors import search_partners, sees_personal_data
from control.program.access import coupons, plans, visible_links, visible_offers
from control.program.codes import codes_beginning_with
from control.program.models import TermsState

ROWS_MAX = 50
"""Most objects of one kind."""
WORDS_CHARS_MAX = 200
_NUMBER_DIGITS_MAX = 10


@dataclass(frozen=True, slots=True)
class Found:
    """One object that was found."""

    kind: str
    id: str
    title: str
    text: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """Objects that were found, by kind in the order of the kinds; kinds without a result are left out."""

    by_kind: Mapping[str, list[Found]] = field(default_factory=dict)
    trouble: str = ""
    """Reason why conversions could not be searched."""
    kinds: Mapping[str, "SearchKind"] = field(default_factory=dict)
    """The kinds that were searched."""


@dataclass(frozen=True, slots=True)
class SearchKind:
    """A kind of objects that can be found."""

    area: Area
    """Area whose right it needs."""
    find: Callable[[Actor, str, int], list[Found]]
    heading: str
    icon: str
    page: str
    """Name of the page of one object; empty if the page of all shows it."""
    pages: str
    """Name of the page of all, which takes `?q=`."""


def search(actor: Actor, words: str, rows_max: int, kind: str = "") -> Results:
    """Search all kinds, or one, at most `rows_max` objects of each."""
    words = " ".join(words.replace("\0", "").split())[:WORDS_CHARS_MAX]
    if not words:
        return Results()
    found: dict[str, list[Found]] = {}
    trouble = ""
    kinds = search_kinds()
    for name, known in kinds.items():
        if kind not in ("", name) or not actor.may(known.area, Action.READ):
            continue
        try:
            rows = known.find(actor, words, min(rows_max, ROWS_MAX))
        except (Unavailable, Invalid, NotFound) as error:
            trouble = str(error)
            continue
        if rows:
            found[name] = rows
    return Results(found, trouble, kinds)


def _partners(actor: Actor, words: str, rows_max: int) -> list[Found]:
    rows = search_partners(visible_partners(actor), words, personal=sees_personal_data(actor))
    return [
        Found("partner", str(row.number), row.name, f"Partner {row.number}", row.status)
        for row in rows.order_by("name", "number")[:rows_max]
    ]


def _offers(actor: Actor, words: str, rows_max: int) -> list[Found]:
    rows = visible_offers(actor)
    for word in words.split():
        rows = rows.filter(Q(name__icontains=word) | _number("number", word))
    return [
        Found("offer", str(row.number), row.name, f"Offer {row.number}", row.status)
        for row in rows.order_by("name", "number")[:rows_max]
    ]


def _links(actor: Actor, words: str, rows_max: int) -> list[Found]:
    """Find links by the start of their code: an index answers that among a million of them."""
    rows = visible_links(actor).filter(codes_beginning_with(words)).select_related("offer", "partner")
    return [
        Found("link", row.code, row.code, f"{row.partner.name}, {row.offer.name}", row.status)
        for row in rows.order_by("code")[:rows_max]
    ]


def _plans(actor: Actor, words: str, rows_max: int) -> list[Found]:
    """Find plans that count or will, by offer, partner or goal."""
    rows = plans(actor).exclude(state=TermsState.ENDED)
    for word in words.split():
        rows = rows.filter(
            Q(offer__name__icontains=word) | Q(partner__name__icontains=word) | Q(goal=word) | _number("offer", word)
        )
    return [
        Found("plan", str(row.pk), row.offer.name, row.partner.name if row.partner else "All partners", row.state)
        for row in rows.order_by("offer__name", "pk")[:rows_max]
    ]


def _coupons(actor: Actor, words: str, rows_max: int) -> list[Found]:
    rows = coupons(actor).filter(code__icontains=words)
    return [
        Found("coupon", str(row.pk), row.code, f"{row.partner.name}, {row.offer.name}", row.state)
        for row in rows.order_by("code", "pk")[:rows_max]
    ]


def _people(actor: Actor, words: str, rows_max: int) -> list[Found]:
    rows = people(actor)
    for word in words.split():
        rows = rows.filter(Q(name__icontains=word) | Q(email__icontains=word))
    return [
        Found("user", str(row.pk), str(row), row.email, row.role or "")
        for row in rows.order_by("name", "email")[:rows_max]
    ]


def _conversions(actor: Actor, words: str, rows_max: int) -> list[Found]:
    """Find conversions by order number, click id or conversion id, exactly."""
    return [
        Found("conversion", row["conversion_id"], _order(row), _amount(row), row["status"])
        for row in conversions(actor, ConversionQuery(q=words, limit=rows_max))
    ]


def _order(row: Mapping[str, Any]) -> str:
    return f"Order {row['txn_id']}" if row.get("txn_id") else f"Conversion {row['conversion_id'][:8]}"


def _amount(row: Mapping[str, Any]) -> str:
    amount = f"{row['amount']} {row['currency']}, " if "amount" in row else ""
    return f"{amount}offer {row['offer_id']}"


def _number(name: str, word: str) -> Q:
    known = word.isascii() and word.isdecimal() and len(word) <= _NUMBER_DIGITS_MAX
    return Q(**{name: int(word)}) if known else Q(pk__in=())


_KINDS: Mapping[str, SearchKind] = {
    "partner": SearchKind(Area.PARTNERS, _partners, "Partners", "user", "console_partner", "console_partners"),
    "offer": SearchKind(Area.PROGRAM, _offers, "Offers", "target-arrow", "console_offer", "console_offers"),
    "link": SearchKind(Area.LINKS, _links, "Links", "link", "console_link", "console_links"),
    "plan": SearchKind(Area.PROGRAM, _plans, "Plans", "receipt", "console_plan", "console_plans"),
    "coupon": SearchKind(Area.PROGRAM, _coupons, "Coupons", "ticket", "console_coupon", "console_coupons"),
    "user": SearchKind(Area.PEOPLE, _people, "People", "id-badge-2", "console_user", "console_people"),
    "conversion": SearchKind(
        Area.REPORTS, _conversions, "Conversions", "shopping-cart", "console_conversion", "console_conversions"
    ),
}


def kind_names() -> list[str]:
    """Return the kinds of objects that search knows, those of modules that are off included."""
    return [*_KINDS, *(name for module in modules() for name in module.search_kinds)]


def search_kinds() -> dict[str, SearchKind]:
    """Return the kinds of objects that can be found, by name."""
    of_modules = {
        name: import_string(dotted)
        for module in modules()
        if module.search_kinds and is_on(module.label)
        for name, dotted in module.search_kinds.items()
    }
    return {**_KINDS, **of_modules}
