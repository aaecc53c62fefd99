"""Plain twin of attribution, one conversion at a time, written from docs/contract.md, sections 5 and 6.

It takes all events in any order and returns the expected credits and commissions.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from program.entries import Plan
from program.terms import ORDINARY, Terms
from schemas.events import STATUS_ORDER, Adjustment, Conversion, Kind, Touch
from schemas.values.click_id import facts_of
from schemas.values.currencies import DECIMALS
from tests.reference import rules as plain
from tests.reference.kernels import allocate_one


class Seen(NamedTuple):
    """A stored touch."""

    kind: Kind
    touch: Touch
    is_bot: bool = False


class Credit(NamedTuple):
    model: str
    touch_id: bytes
    partner_id: int
    weight_e12: int
    value_minor: int
    reason: str


class Owed(NamedTuple):
    partner_id: int
    plan: str
    rule: str
    currency: str
    amount_minor: int


class Expected(NamedTuple):
    credits: list[Credit]
    commissions: list[Owed]
    paying_model: str
    status: str
    value_minor: int


def expected(event: Conversion, touches: Sequence[Seen], adjustments: Sequence[Adjustment], terms: Terms) -> Expected:
    """The expected result of one conversion."""
    mine = [a for a in adjustments if a.conversion_id == event.conversion_id]
    status = max([event.status, *(a.status for a in mine if a.kind == "status")], key=STATUS_ORDER.index)
    net = _net(event, mine)
    eligible, why, pending = _eligible(event, touches, terms)
    weights = {model: _weights(model, event, eligible, terms) for model in _models(terms)}
    credits: list[Credit] = []
    for model, weight in weights.items():
        if not eligible:
            credits.append(Credit(model, bytes(27), 0, 10**12, net, why))
            continue
        for seen, w, e12, value in zip(
            eligible, weight, allocate_one(10**12, weight), allocate_one(net, weight), strict=True
        ):
            if w:
                reason = "confirmed_by_conversion" if seen.is_bot else "click_pending" if pending else ""
                credits.append(Credit(model, seen.touch.touch_id, seen.touch.partner_id, e12, value, reason))
    owed = [] if status == "declined" else _owed(event, net, eligible, weights, terms)
    return Expected(sorted(credits), sorted(owed), _paying(event, eligible, weights, terms), status, net)


def _net(event: Conversion, adjustments: Sequence[Adjustment]) -> int:
    net = Fraction(event.amount_minor)
    for a in adjustments:
        if a.kind == "status" or (a.currency and a.currency != event.currency):
            continue
        minor = Fraction(a.amount_e4, 10**4) * 10 ** DECIMALS[event.currency]
        if a.amount_e4 == -1:
            minor = Fraction(event.amount_minor)
        if minor.denominator == 1:
            net -= minor
    return max(0, int(net))


def _eligible(event: Conversion, touches: Sequence[Seen], terms: Terms) -> tuple[list[Seen], str, bool]:
    """Return the touches that count, in order; the reason if there are none; and whether only a token counts."""
    named = _named(event, touches)
    pending = False
    if event.match_kind in ("click_id", "impression_id") and not named:
        token = event.click_id if event.match_kind == "click_id" else event.impression_id
        facts = facts_of(token)
        touch = Touch(
            touch_id=token, ts=facts.ts_ms * 1000, received_ts=0, offer_id=facts.offer_id, partner_id=facts.partner_id
        )
        named, pending = [Seen(Kind.CLICK if event.match_kind == "click_id" else Kind.IMPRESSION, touch)], True
        candidates = list(named)
    elif event.match_kind == "user_id":
        candidates = [s for s in touches if s.touch.user_id == event.user_id]
    elif event.match_kind == "visitor_id":
        candidates = [
            s for s in touches if not event.visitor_id.startswith("~") and s.touch.visitor_id == event.visitor_id
        ]
    else:
        candidates = [s for s in touches if s in named or any(_same_person(s.touch, n.touch) for n in named)]
    verdicts = [(s, _verdict(event, s, terms)) for s in candidates]
    good = sorted((s for s, verdict in verdicts if not verdict), key=_order)
    why = "no_touch"
    for word in ("partner_inactive", "bot"):
        if any(verdict == word for _, verdict in verdicts):
            why = word
    for s, verdict in verdicts:
        if s in named and verdict:
            why = verdict
    return good, why, pending


def _named(event: Conversion, touches: Sequence[Seen]) -> list[Seen]:
    match event.match_kind:
        case "click_id":
            return [s for s in touches if s.touch.touch_id == event.click_id]
        case "impression_id":
            return [s for s in touches if s.touch.touch_id == event.impression_id]
        case "click_ref":
            return [s for s in touches if s.kind is Kind.CLICK and s.touch.ref == event.click_ref]
        case "impression_ref":
            return [s for s in touches if s.kind is Kind.IMPRESSION and s.touch.ref == event.impression_ref]
        case _:
            return []


def _same_person(a: Touch, b: Touch) -> bool:
    same_visitor = a.visitor_id == b.visitor_id and a.visitor_id != "" and not a.visitor_id.startswith("~")
    return same_visitor or (a.user_id == b.user_id and a.user_id != "")


def _verdict(event: Conversion, seen: Seen, terms: Terms) -> str:
    window = _window(event, seen, terms)
    age = event.event_ts - seen.touch.ts
    if seen.touch.offer_id != event.offer_id:
        return "other_offer"
    confirmed = event.match_kind in ("click_id", "impression_id") and seen in _named(event, [seen])
    if age < 0 and not confirmed:
        return "after_conversion"
    if age > window:
        return "outside_window"
    if seen.is_bot and not confirmed:
        return "bot"
    return "partner_inactive" if terms.partners.get(seen.touch.partner_id, ORDINARY).status == "inactive" else ""


def _window(event: Conversion, seen: Seen, terms: Terms) -> int:
    """Return the window of the plan, otherwise that of the offer."""
    offer, plan = terms.offers[event.offer_id], _plan(event, seen.touch.partner_id, terms)
    if seen.kind is Kind.CLICK:
        own = plan.click_window_us if plan is not None else None
        return offer.click_window_us if own is None else own
    own = plan.impression_window_us if plan is not None else None
    return offer.impression_window_us if own is None else own


def _order(seen: Seen) -> tuple[int, int, bytes]:
    return seen.touch.ts, 2 if seen.kind is Kind.CLICK else 1, seen.touch.touch_id


def _models(terms: Terms) -> list[str]:
    return sorted({"last_click", *terms.models, *(plan.model for plan in terms.plans)})


def _weights(model: str, event: Conversion, eligible: Sequence[Seen], terms: Terms) -> list[int]:
    precedence = [2 if s.kind is Kind.CLICK else 1 for s in eligible]
    names = (event.click_id, event.impression_id)
    refs = ((Kind.CLICK, event.click_ref), (Kind.IMPRESSION, event.impression_ref))
    named = [int(s.touch.touch_id in names or (s.touch.ref != "" and (s.kind, s.touch.ref) in refs)) for s in eligible]
    partners = [s.touch.partner_id for s in eligible]
    direct = [int(terms.partners.get(p, ORDINARY).kind == "direct") for p in partners]
    if model.startswith("fitted("):
        return plain.fitted(partners, terms.fits[model[len("fitted(") : -1]].weights)
    match model:
        case "linear":
            return plain.linear(len(eligible))
        case "set_linear":
            return plain.set_linear(partners)
        case "first":
            return plain.first(named)
        case "last_touch":
            return plain.last_touch(named)
        case "last_non_direct":
            return plain.last_non_direct(named, direct)
        case "coupon_first":
            return plain.coupon_first(precedence, named)
        case "position":
            return _whole(plain.roles(len(eligible), 40, 20, 40))
        case "w_shaped(1,2,3,4)":
            return _whole(plain.roles(len(eligible), 1, 4, 3, 2))
        case "custom(5,3,2)":
            return plain.custom(precedence, (5, 3, 2))
        case "time_decay(1s)":
            latest = max((s.touch.ts for s in eligible), default=0)
            lives = [Decimal(latest - s.touch.ts) / 10**6 for s in eligible]
            return [int(Decimal(2) ** (40 - life) + Decimal("0.5")) for life in lives]
        case _:
            return plain.last_click(precedence, named)


def _whole(shares: Sequence[Fraction]) -> list[int]:
    """Scale fractions to integers with the same ratios."""
    common = lcm(*(share.denominator for share in shares))
    return [int(share * common) for share in shares]


def _plan(event: Conversion, partner_id: int, terms: Terms) -> Plan | None:
    for partner, goal in ((partner_id, event.goal), (partner_id, None), (None, event.goal), (None, None)):
        for plan in terms.plans:
            if (plan.offer_id, plan.partner_id, plan.goal) == (event.offer_id, partner, goal):
                return plan
    return None


def _paying(event: Conversion, eligible: Sequence[Seen], weights: dict[str, list[int]], terms: Terms) -> str:
    for seen, weight in zip(eligible, weights["last_click"], strict=True):
        plan = _plan(event, seen.touch.partner_id, terms)
        if weight and plan is not None:
            return plan.model
    ranked = []
    for partner in {s.touch.partner_id for s in eligible}:
        plan = _plan(event, partner, terms)
        if plan is not None:
            ranked.append((plan.partner_id is None, plan.goal is None, partner, plan.model))
    return min(ranked)[3] if ranked else "last_click"


def _half_away(value: Fraction) -> int:
    return int(value + Fraction(1, 2)) if value >= 0 else -int(-value + Fraction(1, 2))


def _owed(
    event: Conversion, net: int, eligible: Sequence[Seen], weights: dict[str, list[int]], terms: Terms
) -> list[Owed]:
    plans = {p: _plan(event, p, terms) for p in {s.touch.partner_id for s in eligible}}
    sums: dict[tuple[int, str, str, str], int] = {}
    for plan in {plan.name: plan for plan in plans.values() if plan is not None}.values():
        for rule, currency, total in _amounts(plan, event, net):
            for seen, part in zip(eligible, allocate_one(total, weights[plan.model]), strict=True):
                if plans[seen.touch.partner_id] == plan:
                    key = (seen.touch.partner_id, plan.name, rule, currency)
                    sums[key] = sums.get(key, 0) + part
    return [Owed(*key, amount) for key, amount in sums.items() if amount]


def _amounts(plan: Plan, event: Conversion, net: int) -> list[tuple[str, str, int]]:
    percent = _half_away(Fraction(plan.percent_e6, 10**8) * net)
    fixed = 0 if net == 0 and event.amount_minor > 0 else plan.fixed_minor
    percent_text = f"{Decimal(plan.percent_e6) / 10**6:f}%"
    digits = DECIMALS.get(plan.fixed_currency, 0)
    fixed_text = f"{plan.fixed_minor / 10**digits:.{digits}f} {plan.fixed_currency}"
    if fixed and plan.percent_e6 and plan.fixed_currency == event.currency:
        return [(f"{percent_text} + {fixed_text}", event.currency, percent + fixed)]
    found = [(percent_text, event.currency, percent)] if plan.percent_e6 else []
    return [*found, (fixed_text, plan.fixed_currency, fixed)] if fixed else found
