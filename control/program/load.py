"""Loading of rows for compilation."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import msgspec
from django.db.models import Exists, OuterRef, Q, QuerySet

from control.partners.models import Partner
from control.partners.states import LINKS_WORK, NEVER_ACTIVE
from control.program.models import (
    Approval,
    ApprovalStatus,
    Coupon,
    Link,
    LinkStatus,
    Offer,
    OfferAccess,
    OfferStatus,
    Plan,
    ProgramSettings,
    SealedSecret,
    StoredFit,
    TermsState,
)
from control.program.rows import CouponRow, HeadRow, LinkRow, OfferRow, PartnerRow, PlanRow, Rows
from program.entries import Coupon as CouponEntry
from program.entries import Fit
from program.entries import Plan as PlanEntry

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BATCH_ROWS = 2_000


def program_settings() -> ProgramSettings:
    """Return the settings of the program; defaults if nobody has changed them."""
    return ProgramSettings.objects.filter(pk=1).first() or ProgramSettings(pk=1)


def head_row() -> HeadRow:
    """Load the settings of the program."""
    row = program_settings()
    return HeadRow(
        row.name, row.currency, row.timezone, row.fallback_url, tuple(row.trusted_proxies), tuple(row.report_models),
        row.link_user_id,
    )  # fmt: skip


def partner_rows(partners: QuerySet[Partner]) -> Iterator[PartnerRow]:
    """Load partners."""
    values = partners.order_by("number").values_list("number", "name", "status", "kind")
    for number, name, status, kind in values.iterator(chunk_size=_BATCH_ROWS):
        yield PartnerRow(number, name, status in LINKS_WORK, status not in NEVER_ACTIVE, kind)


def offer_rows(offers: QuerySet[Offer]) -> Iterator[OfferRow]:
    """Load offers."""
    secret = set(SealedSecret.objects.exclude(offer=None).values_list("offer_id", flat=True))
    for offer in offers.order_by("number").iterator(chunk_size=_BATCH_ROWS):
        yield OfferRow(
            offer.number, offer.name, offer.status == OfferStatus.ACTIVE, offer.landing_url, offer.allowed_hosts,
            offer.click_window_us, offer.impression_window_us, offer.goals, offer.reopen, offer.pass_through,
            offer.number in secret,
        )  # fmt: skip


def link_rows(links: QuerySet[Link]) -> Iterator[LinkRow]:
    """Load links to published offers. A link is active if its partner has access to the offer."""
    columns = ("code", "offer_id", "partner_id", "status", "offer__access", "landing_url", "subs")
    values = links.filter(offer__published=True).order_by().values_list(*columns)
    found = iter(values.iterator(chunk_size=_BATCH_ROWS))
    while batch := list(islice(found, _BATCH_ROWS)):
        closed = [(offer, partner) for _, offer, partner, _, access, *_ in batch if access != OfferAccess.OPEN]
        allowed = _access(closed)
        for code, offer, partner, status, access, landing_url, subs in batch:
            active = status == LinkStatus.ACTIVE and (access == OfferAccess.OPEN or (offer, partner) in allowed)
            yield LinkRow(code, offer, partner, active, landing_url, subs)


def _access(pairs: list[tuple[int, int]]) -> set[tuple[int, int]]:
    if not pairs:
        return set()
    approved = Approval.objects.filter(
        status=ApprovalStatus.APPROVED,
        offer_id__in={offer for offer, _ in pairs},
        partner_id__in={partner for _, partner in pairs},
    )
    return set(approved.values_list("offer_id", "partner_id"))


def plan_rows(states: Q) -> list[PlanRow]:
    """Load plans in the order of their names."""
    return [PlanRow(str(plan.id), plan_entry(plan)) for plan in Plan.objects.filter(states).order_by("key")]


def plan_entry(plan: Plan) -> PlanEntry:
    """Return a plan as the program has it."""
    return PlanEntry(
        offer_id=plan.offer_id, partner_id=plan.partner_id, goal=plan.goal or None, percent_e6=plan.percent_e6,
        fixed_minor=plan.fixed_minor, fixed_currency=plan.fixed_currency, hold_us=plan.hold_us, model=plan.model,
        click_window_us=plan.click_window_us, impression_window_us=plan.impression_window_us,
        conversions_min=plan.conversions_min,
    )  # fmt: skip


def coupon_rows(states: Q) -> list[CouponRow]:
    """Load coupons."""
    return [CouponRow(str(row.id), coupon_entry(row)) for row in Coupon.objects.filter(states).order_by("key", "id")]


def coupon_entry(coupon: Coupon) -> CouponEntry:
    """Return a coupon as the program has it."""
    return CouponEntry(
        coupon.code, coupon.partner_id, coupon.offer_id, instant_us(coupon.starts), instant_us(coupon.ends)
    )


def instant_us(when: datetime | None) -> int | None:
    """Return a time in µs since 1970."""
    return None if when is None else (when - _EPOCH) // timedelta(microseconds=1)


def time_of(instant_us: int | None) -> datetime | None:
    """Return µs since 1970 as a time."""
    return None if instant_us is None else _EPOCH + timedelta(microseconds=instant_us)


def fits() -> list[Fit]:
    """Load the fitted weights."""
    rows = StoredFit.objects.order_by("id").values_list("content", flat=True)
    return [msgspec.json.decode(bytes(row), type=Fit) for row in rows]


IN_FORCE = Q(state=TermsState.PUBLISHED)
"""Plans and coupons of the published terms."""


def next_plans() -> Q:
    """Return the condition of plans that the next version has: drafts, and published ones that go on."""
    replaced = Plan.objects.filter(state=TermsState.DRAFT).values("key")
    return Q(state=TermsState.DRAFT) | (Q(state=TermsState.PUBLISHED, ending=False) & ~Q(key__in=replaced))


def next_coupons() -> Q:
    """Return the condition of coupons that the next version has."""
    return Q(state=TermsState.DRAFT) | Q(state=TermsState.PUBLISHED, ending=False)


def linked_partners() -> list[int]:
    """Return the partners that have links; the checks warn about the others."""
    links = Link.objects.filter(partner=OuterRef("pk")).order_by()
    return list(Partner.objects.filter(Exists(links)).order_by().values_list("number", flat=True))


def rows_for_terms(plans: Q, coupons: Q, offers: Q) -> Rows:
    """Load everything but the links, which decide no price; one for each partner that has any, for the checks."""
    found = list(offer_rows(Offer.objects.filter(offers)))
    linked = linked_partners() if found else []
    return Rows(
        head_row(),
        partner_rows(Partner.objects.all()),
        found,
        [LinkRow(f"of partner {partner}", found[0].number, partner, True) for partner in linked],
        plan_rows(plans),
        coupon_rows(coupons),
        fits(),
    )
