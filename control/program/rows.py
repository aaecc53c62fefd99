"""Mapping of rows to a draft of the program. Pure: rows are values, and a mistake names row and field.

Reading a file and compiling rows meet in `Draft`, so both are checked by the same rules and give the same program.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import msgspec

from program.checks import Draft, check_draft
from program.compile import compile_draft
from program.entries import Coupon, Fit, Goal, Link, Offer, Partner, PartnerKind, Plan, Status, Trust
from program.fields import SUB_NAMES
from program.fits import check_fits
from program.program import Program, Secrets
from program.terms import Terms
from program.toml.lines import TomlPath
from program.toml.tables import Book, Mistake

_STORED = "(stored, never read here)"
"""Stands for secrets in checks, which only ask if there are any and how long they are."""


class PartnerRow(NamedTuple):
    """Columns of a partner that the program needs."""

    number: int
    name: str
    works: bool
    """True if links of the partner work."""
    was_active: bool
    """False before the first activity."""
    kind: str


class OfferRow(NamedTuple):
    """An offer of the program; drafts are left out."""

    number: int
    name: str
    active: bool
    landing_url: str
    allowed_hosts: list[str]
    click_window_us: int
    impression_window_us: int
    goals: list[dict[str, str]]
    reopen: bool
    pass_through: bool
    has_secret: bool


class LinkRow(NamedTuple):
    """A link, and the access of its partner to its offer."""

    code: str
    offer: int
    partner: int
    active: bool
    landing_url: str = ""
    subs: Mapping[str, str] = {}


class PlanRow(NamedTuple):
    """A plan with its id."""

    id: str
    plan: Plan


class CouponRow(NamedTuple):
    """A coupon with its id."""

    id: str
    coupon: Coupon


class HeadRow(NamedTuple):
    """Settings of the whole program."""

    name: str = ""
    currency: str = "USD"
    timezone: str = "UTC"
    fallback_url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    link_user_id: str = "untrusted"


@dataclass(slots=True)
class Rows:
    """All rows that make a program."""

    head: HeadRow
    partners: Iterable[PartnerRow] = ()
    offers: Iterable[OfferRow] = ()
    links: Iterable[LinkRow] = ()
    plans: Iterable[PlanRow] = ()
    coupons: Iterable[CouponRow] = ()
    fits: Iterable[Fit] = ()


@dataclass(frozen=True, slots=True)
class Compiled:
    """Result of compiling rows: the program, if there is no mistake, and all mistakes and warnings."""

    program: Program | None
    mistakes: tuple[Mistake, ...] = ()
    warnings: tuple[Mistake, ...] = field(default=())


def compile_rows(rows: Rows) -> Compiled:
    """Compile rows to a program without secrets, with the checks of program files."""
    partners = list(rows.partners)
    draft, book = draft_of(rows, partners), Book("")
    check_draft(draft, book)
    check_fits(draft, book)
    mistakes, warnings = tuple(sorted(book.mistakes)), tuple(sorted(book.warnings))
    if mistakes:
        return Compiled(None, mistakes, warnings)
    program = compile_draft(draft)
    terms = without_never_active(program.terms, {row.number for row in partners if not row.was_active})
    return Compiled(msgspec.structs.replace(program, terms=terms, secrets=Secrets()), (), warnings)


def draft_of(rows: Rows, partners: Iterable[PartnerRow]) -> Draft:
    """Map rows to a draft; places name the object by its number, code or id."""
    head = rows.head
    draft = Draft(
        name=head.name,
        currency=head.currency,
        timezone=head.timezone,
        fallback_url=head.fallback_url,
        api_keys=(_STORED,),
        trusted_proxies=head.trusted_proxies,
        link_user_id=cast(Trust, head.link_user_id),
        models=head.models,
    )
    for partner in partners:
        entry = Partner(partner.number, partner.name, status_of(partner.works), cast(PartnerKind, partner.kind))
        draft.partners.append((("partner", partner.number), entry))
    for offer in rows.offers:
        draft.offers.append((("offer", offer.number), _offer(offer)))
        if offer.has_secret:
            draft.postback_secrets[offer.number] = _STORED
    for link in rows.links:
        draft.links.append((("link", link.code), link_entry(link)))
    draft.plans = [(_place("plan", plan.id), plan.plan) for plan in rows.plans]
    draft.coupons = [(_place("coupon", coupon.id), coupon.coupon) for coupon in rows.coupons]
    draft.fits = [(_place("fits", fit.id), fit.id, fit) for fit in rows.fits]
    return draft


def _place(kind: str, key: str) -> TomlPath:
    return (kind, key)


def _offer(row: OfferRow) -> Offer:
    return Offer(
        id=row.number,
        name=row.name,
        landing_url=row.landing_url,
        status=status_of(row.active),
        allowed_hosts=tuple(row.allowed_hosts),
        click_window_us=row.click_window_us,
        impression_window_us=row.impression_window_us,
        goals=tuple(Goal(goal["key"], goal["name"]) for goal in row.goals),
        reopen=row.reopen,
        pass_through=row.pass_through,
    )


def link_entry(row: LinkRow) -> Link:
    """Return a link as the program has it."""
    subs = tuple((name, row.subs[name]) for name in SUB_NAMES if name in row.subs) if row.subs else ()
    return Link(row.code, row.offer, row.partner, status_of(row.active), row.landing_url, subs)


def status_of(active: bool) -> Status:
    """Return the status that the program has for on and off."""
    return "active" if active else "inactive"


def without_never_active(terms: Terms, never_active: set[int]) -> Terms:
    """Leave out partners that have no touches yet and that no plan or coupon names.

    A new applicant then makes no new price.
    """
    coupons = (coupon for group in terms.coupons.values() for coupon in group)
    named = {plan.partner_id for plan in terms.plans} | {coupon.partner_id for coupon in coupons}
    partners = {n: partner for n, partner in terms.partners.items() if n in named or n not in never_active}
    return msgspec.structs.replace(terms, partners=partners)


def rows_of(program: Program) -> Rows:
    """Map a program, for example of a file, to rows. Compiling them gives the same terms, routes and labels."""
    terms, routes, labels = program.terms, program.routes, program.labels
    kinds = {number: partner.kind for number, partner in terms.partners.items()}
    return Rows(
        HeadRow(
            labels.program, terms.currency, terms.timezone, routes.fallback_url, routes.trusted_proxies, terms.models,
            terms.link_user_id,
        ),
        (
            PartnerRow(n, labels.partners.get(n, f"Partner {n}"), status == "active", True, kinds.get(n, "partner"))
            for n, status in routes.partners.items()
        ),
        (_offer_row(program, number) for number in terms.offers),
        (
            LinkRow(
                link.code, link.offer_id, link.partner_id, link.status == "active", link.landing_url, dict(link.subs)
            )
            for link in routes.links.values()
        ),
        (PlanRow(plan.name, plan) for plan in terms.plans),
        (CouponRow(key, coupon) for key, group in terms.coupons.items() for coupon in group),
        terms.fits.values(),
    )  # fmt: skip


def _offer_row(program: Program, number: int) -> OfferRow:
    terms, route, names = program.terms.offers[number], program.routes.offers[number], program.labels.goals
    return OfferRow(
        number, program.labels.offers.get(number, f"Offer {number}"), route.status == "active", route.landing_url,
        list(route.allowed_hosts), terms.click_window_us, terms.impression_window_us,
        [{"key": goal.key, "name": names.get(number, {}).get(goal.key, goal.key)} for goal in terms.goals],
        terms.reopen, route.pass_through, number in program.secrets.postback_secrets,
    )  # fmt: skip
