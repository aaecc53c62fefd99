"""Checks across the tables of a program file: broken references, duplicates, and likely oversights.

A mistake prevents a program from being loaded. A warning does not; it marks something worth a look.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

from program.entries import Coupon, Fit, Link, Offer, Partner, Plan, Trust, coupon_key
from program.landing_hosts import Allowed, allowed_of
from program.toml.lines import TomlPath
from program.toml.tables import Book

K = TypeVar("K", int, str, tuple[object, ...])
WARNINGS_OF_A_KIND_MAX = 5
API_KEY_CHARS_ADVISED = 16
UNREAD = 0
"""Placeholder for a number with a mistake already reported, so that nothing more is reported about it."""


@dataclass(slots=True)
class Draft:
    """Entries read so far, each with its place."""

    name: str = ""
    currency: str = ""
    timezone: str = "UTC"
    fallback_url: str = ""
    api_keys: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    link_user_id: Trust = "untrusted"
    models: tuple[str, ...] = ()
    partners: list[tuple[TomlPath, Partner]] = field(default_factory=list)
    offers: list[tuple[TomlPath, Offer]] = field(default_factory=list)
    links: list[tuple[TomlPath, Link]] = field(default_factory=list)
    plans: list[tuple[TomlPath, Plan]] = field(default_factory=list)
    coupons: list[tuple[TomlPath, Coupon]] = field(default_factory=list)
    fits: list[tuple[TomlPath, str, Fit]] = field(default_factory=list)
    """Fits with the id written in the file."""
    postback_secrets: dict[int, str] = field(default_factory=dict)


def check_draft(draft: Draft, book: Book) -> None:
    """Add to the book the mistakes and warnings that only the whole file shows."""
    check_twice([((*place, "id"), partner.id) for place, partner in draft.partners], "partner", book)
    check_twice([((*place, "id"), offer.id) for place, offer in draft.offers], "offer", book)
    check_twice([((*place, "code"), link.code) for place, link in draft.links], "link", book)
    partners = {partner.id for _, partner in draft.partners}
    offers = {offer.id: offer for _, offer in draft.offers if offer.id != UNREAD}
    pages = PageCheck(offers)
    for place, link in draft.links:
        _check_refers(place, link.offer_id, link.partner_id, offers, partners, book)
        if message := pages.mistake(link):
            book.wrong((*place, "landing_url"), message)
    for place, plan in draft.plans:
        _check_refers(place, plan.offer_id, plan.partner_id, offers, partners, book)
        offer = offers.get(plan.offer_id)
        if offer is not None and plan.goal not in {None, *(goal.key for goal in offer.goals)}:
            book.wrong((*place, "goal"), f"offer {offer.id} has no goal {plan.goal}; add it to the offer's goals")
    for place, coupon in draft.coupons:
        _check_refers(place, coupon.offer_id, coupon.partner_id, offers, partners, book)
    _check_ties(draft.plans, book)
    _check_coupons(draft.coupons, book)
    _warn_head(draft, book)
    _warn_offers(draft, book)
    _warn_links(draft, book)
    _warn_partners(draft, book)
    _warn_plans(draft, book)


def check_twice(entries: Iterable[tuple[TomlPath, K]], noun: str, book: Book) -> None:
    """Add to the book each key that occurs more than once."""
    first: dict[K, TomlPath] = {}
    for place, key in entries:
        if not key:
            continue
        if key in first:
            book.wrong(place, f"{noun} {key} is already defined on line {book.line_of(first[key])}")
        else:
            first[key] = place


def _check_refers(
    place: TomlPath,
    offer_id: int,
    partner_id: int | None,
    offers: Iterable[int],
    partners: Iterable[int],
    book: Book,
) -> None:
    if offer_id != UNREAD and offer_id not in offers:
        book.wrong((*place, "offer"), f"there is no offer {offer_id}; add an [[offer]] with this id")
    if partner_id not in (None, UNREAD) and partner_id not in partners:
        book.wrong((*place, "partner"), f"there is no partner {partner_id}; add a [[partner]] with this id")


class PageCheck:
    """Check of links' own landing pages against the hosts of their offers."""

    def __init__(self, offers: Mapping[int, Offer]) -> None:
        self._offers = offers
        self._allowed: dict[int, Allowed] = {}

    def mistake(self, link: Link) -> str:
        """Return what is wrong with the link's landing page; "" if nothing is or it has none."""
        offer = self._offers.get(link.offer_id)
        if not link.landing_url or offer is None:
            return ""
        allowed = self._allowed.get(offer.id)
        if allowed is None:
            allowed = self._allowed[offer.id] = allowed_of(offer.landing_url, offer.allowed_hosts)
        return "" if allowed.holds_page(link.landing_url) else page_not_allowed(offer.id)


def page_not_allowed(offer_id: int) -> str:
    """Say that a link's landing page is on a host that its offer does not allow."""
    return f"must be on the landing host of offer {offer_id} or on one of its allowed_hosts; add the host there first"


def _check_ties(plans: list[tuple[TomlPath, Plan]], book: Book) -> None:
    first: dict[str, TomlPath] = {}
    for place, plan in plans:
        if UNREAD in (plan.offer_id, plan.partner_id):
            continue
        if plan.name in first:
            line = book.line_of(first[plan.name])
            book.wrong(place, f"ties with the plan on line {line}: both apply to {plan.name}; keep one")
        else:
            first[plan.name] = place


def coupons_by_key(coupons: Iterable[Coupon]) -> dict[str, tuple[Coupon, ...]]:
    """Group coupons by the compared form of their code, in the order of their validity."""
    grouped: dict[str, list[Coupon]] = {}
    for coupon in sorted(coupons, key=_start_of):
        grouped.setdefault(coupon_key(coupon.code), []).append(coupon)
    return {key: tuple(group) for key, group in grouped.items()}


def _start_of(coupon: Coupon) -> tuple[bool, int]:
    return coupon.from_us is not None, coupon.from_us or 0


def _check_coupons(coupons: list[tuple[TomlPath, Coupon]], book: Book) -> None:
    """Report codes that two coupons share while both are valid; case does not tell codes apart."""
    grouped: dict[str, list[tuple[TomlPath, Coupon]]] = {}
    for entry in sorted(coupons, key=lambda entry: _start_of(entry[1])):
        grouped.setdefault(coupon_key(entry[1].code), []).append(entry)
    for key, group in grouped.items():
        for (first, earlier), (second, later) in pairwise(group):
            if key and (earlier.to_us is None or later.from_us is None or later.from_us < earlier.to_us):
                here, other = sorted((first, second), key=book.line_of, reverse=True)
                message = f"coupon {later.code} is already defined on line {book.line_of(other)}"
                book.wrong((*here, "code"), f"{message} for an overlapping time; case does not tell codes apart")


class _Warnings:
    """Warnings grouped by kind: a few of each are shown, the rest is only counted."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._found: dict[str, list[tuple[TomlPath, str]]] = {}

    def add(self, kind: str, place: TomlPath, who: str) -> None:
        self._found.setdefault(kind, []).append((place, who))

    def close(self) -> None:
        for kind, found in self._found.items():
            shown = found if len(found) <= WARNINGS_OF_A_KIND_MAX else found[: WARNINGS_OF_A_KIND_MAX - 1]
            for place, who in shown:
                self._book.warn(place, f"{who} {kind}")
            if len(found) > len(shown):
                place, who = found[len(shown)]
                self._book.warn(place, f"{who} and {len(found) - len(shown) - 1} more: same warning: {kind}")


def _warn_head(draft: Draft, book: Book) -> None:
    if not draft.offers or not draft.partners:
        missing = "partners and no offers" if not draft.offers and not draft.partners else (
            "partners" if not draft.partners else "offers")  # fmt: skip
        book.warn(("program",), f"there are no {missing} yet: every hit goes to the fallback URL")
    if not draft.fallback_url:
        book.warn(("program",), "there is no fallback_url: hits on unknown links answer 404")
    if not draft.api_keys:
        book.warn(("program",), "there are no api_keys: nobody can send to /v1/events")
    for index, key in enumerate(draft.api_keys):
        if len(key) < API_KEY_CHARS_ADVISED:
            book.warn(("program", "api_keys"), f"key {index + 1} is shorter than {API_KEY_CHARS_ADVISED} characters")
    for index, network in enumerate(draft.trusted_proxies):
        if network.endswith("/0"):
            place = ("program", "trusted_proxies", index)
            book.warn(place, "trusts every address: any visitor can claim any address in X-Forwarded-For")


def _warn_offers(draft: Draft, book: Book) -> None:
    warnings = _Warnings(book)
    plans: dict[int, list[Plan]] = {}
    for _, plan in draft.plans:
        plans.setdefault(plan.offer_id, []).append(plan)
    for place, offer in draft.offers:
        if offer.status != "active" or offer.id == UNREAD:
            continue
        who = f"offer {offer.id}"
        if offer.id not in draft.postback_secrets:
            kind = "has no postback_secret: visitors see the click id and could fire conversions"
            warnings.add(kind, place, who)
        for kind in page_warnings(offer.landing_url):
            warnings.add(kind, (*place, "landing_url"), who)
        if offer.id not in plans:
            warnings.add("has no plan: its conversions pay nothing", place, who)
            continue
        paid = {plan.goal for plan in plans[offer.id]}
        for goal in offer.goals:
            if None not in paid and goal.key not in paid:
                warnings.add("has no plan: its conversions pay nothing", place, f"goal {goal.key} of {who}")
    warnings.close()


def page_warnings(landing_url: str) -> Iterator[str]:
    """Yield what is allowed but looks wrong in a landing page."""
    if landing_url.startswith("http:"):
        yield "sends visitors to http, not https"
    if landing_url and "{click_id}" not in landing_url:
        yield "does not pass {click_id} on: the advertiser cannot name the click in a postback"


def _warn_links(draft: Draft, book: Book) -> None:
    warnings = _Warnings(book)
    for place, link in draft.links:
        if link.landing_url and link.status == "active":
            for kind in page_warnings(link.landing_url):
                warnings.add(kind, (*place, "landing_url"), f"link {link.code}")
    warnings.close()


def _warn_partners(draft: Draft, book: Book) -> None:
    warnings = _Warnings(book)
    linked = {UNREAD, *(link.partner_id for _, link in draft.links)}
    names: set[str] = set()
    for place, partner in draft.partners:
        if partner.id not in linked and partner.status == "active":
            warnings.add("has no link", place, f"partner {partner.id}")
        if partner.name in names:
            warnings.add("has the name of another partner", (*place, "name"), f"partner {partner.id}")
        names.add(partner.name)
    warnings.close()


def _warn_plans(draft: Draft, book: Book) -> None:
    for place, plan in draft.plans:
        if plan.percent_e6 > 100 * 10**6:
            book.warn((*place, "percent"), "is more than 100: it pays more than the value of the conversion")
        if plan.fixed_minor and plan.fixed_currency != draft.currency:
            book.warn(
                (*place, "fixed"),
                f"is not in the program's currency, {draft.currency}: its commissions get separate rows",
            )
