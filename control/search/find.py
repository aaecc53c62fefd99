"""Finders: one for each kind of object. Each asks the selector of its kind, which gives only what the actor may see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from control.accounts.actor import Actor
from control.accounts.people import people
from control.accounts.roles import Action, Area
from control.engine.answers import ConversionQuery, conversions
from control.errors import Invalid, NotFound, Unavailable
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


def search(actor: Actor, words: str, rows_max: int, kind: str = "") -> Results:
    """Search all kinds, or one, at most `rows_max` objects of each."""
    words = " ".join(words.replace("\0", "").split())[:WORDS_CHARS_MAX]
    if not words:
        return Results()
    found: dict[str, list[Found]] = {}
    trouble = ""
    for name, (area, find) in FINDERS.items():
        if kind not in ("", name) or not actor.may(area, Action.READ):
            continue
        try:
            rows = find(actor, words, min(rows_max, ROWS_MAX))
        except (Unavailable, Invalid, NotFound) as error:
            trouble = str(error)
            continue
        if rows:
            found[name] = rows
    return Results(found, trouble)


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
    return f"{row['amount']} {row['currency']}, offer {row['offer_id']}"


def _number(name: str, word: str) -> Q:
    known = word.isascii() and word.isdecimal() and len(word) <= _NUMBER_DIGITS_MAX
    return Q(**{name: int(word)}) if known else Q(pk__in=())


Finder = Callable[[Actor, str, int], list[Found]]
FINDERS: Mapping[str, tuple[Area, Finder]] = {
    "partner": (Area.PARTNERS, _partners),
    "offer": (Area.PROGRAM, _offers),
    "link": (Area.LINKS, _links),
    "plan": (Area.PROGRAM, _plans),
    "coupon": (Area.PROGRAM, _coupons),
    "user": (Area.PEOPLE, _people),
    "conversion": (Area.REPORTS, _conversions),
}
"""Finder of each kind, and the area whose right it needs."""
