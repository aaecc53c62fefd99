"""Compute credits and commissions for a batch of conversions. Pure.

Input: `ConversionCase`, a conversion with its adjustments and program. Output: `Outcome`, the rows the tables should
contain. Credits of a conversion and model add up to its net value, and their weights to 10^12. Partner 0 gets what no
partner earned.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from attribution.core.commissions import CommissionInput, CommissionLine, commissions
from attribution.core.journeys import ConversionColumns, Journeys, PartnerRules, TouchRows, build, why_unattributed
from attribution.core.net_value import NetValue, Problems, net_value
from attribution.core.plans import PlanBook, partner_rules_of, reach_of
from attribution.core.weights import DEFAULT_MODEL, Fits, fits_of, is_known, weigh
from attribution.kernels import select
from attribution.kernels.allocate import allocate
from attribution.kernels.checks import Ints
from program.entries import DEFAULT_CLICK_WINDOW_US, DEFAULT_IMPRESSION_WINDOW_US, UNATTRIBUTED
from program.terms import Terms
from schemas.events import Adjustment, Conversion
from schemas.fields import NO_TOKEN
from schemas.identity import of_conversion, of_coupon
from schemas.reasons import NoCredit, Problem

WEIGHT_ONE = 10**12
"""A whole conversion in units of `weight_e12`."""

_NAMING = frozenset({"click_id", "click_ref", "impression_id", "impression_ref"})


class CreditLine(NamedTuple):
    """Part of a conversion that one touch gets under one model. The sort order is the same on every machine."""

    model: str
    touch_id: bytes
    partner_id: int
    weight_e12: int
    value_minor: int
    reason: str


class JoinLine(NamedTuple):
    """An identity by which a journey was read; `named` is 1 if it belongs to the touch that the conversion names."""

    identity: int
    named: int


@dataclass(frozen=True, slots=True)
class Pricing:
    """Terms prepared for attribution: an index of their plans, their models and fits."""

    program_hash: str
    terms: Terms
    plans: PlanBook
    models: tuple[str, ...]
    partner_rules: PartnerRules
    fits: Fits
    reach_us: Mapping[int, tuple[int, int]]
    """Click and impression window by offer: the longest of the offer and its plans."""

    @classmethod
    def from_terms(cls, program_hash: str, terms: Terms) -> "Pricing":
        """Prepare terms. Models that this version does not know are left out.

        The hash is that under which the terms were stored: an earlier version named whole programs.
        """
        wanted = {DEFAULT_MODEL, *terms.models, *(plan.model for plan in terms.plans)}
        plans, fits = PlanBook(terms.plans), fits_of(terms)
        models = tuple(sorted(model for model in wanted if is_known(model, fits)))
        return cls(program_hash, terms, plans, models, partner_rules_of(terms, plans), fits, reach_of(terms))

    def windows_us(self, offer_id: int) -> tuple[int, int]:
        """Return the longest click and impression window of an offer; the defaults if the program no longer has it."""
        return self.reach_us.get(offer_id, (DEFAULT_CLICK_WINDOW_US, DEFAULT_IMPRESSION_WINDOW_US))


@dataclass(frozen=True, slots=True)
class ConversionCase:
    """A conversion, its adjustments, and the program it is priced under."""

    event: Conversion
    adjustments: tuple[Adjustment, ...]
    pricing: Pricing


@dataclass(frozen=True, slots=True)
class Outcome:
    """The rows that the tables should contain for a conversion. `credits` and `commissions` are sorted."""

    event: Conversion
    program_hash: str
    paying_model: str
    net_value: NetValue
    problems: Problems
    credits: tuple[CreditLine, ...]
    commissions: tuple[CommissionLine, ...]
    joins: tuple[JoinLine, ...]


def to_columns(cases: Sequence[ConversionCase]) -> ConversionColumns:
    """Convert cases to columns."""
    events = [case.event for case in cases]
    programs: dict[str, int] = {}
    return ConversionColumns(
        event_ts=np.array([e.event_ts for e in events], np.int64),
        offer_id=np.array([e.offer_id for e in events], np.int64),
        identity=np.array([of_conversion(e) for e in events], np.uint64),
        names=np.array([e.match_kind in _NAMING for e in events], np.uint8),
        token=np.array([_token_of(e) for e in events], "S27"),
        token_kind=np.array([2 if e.match_kind == "impression_id" else 1 for e in events], np.uint8),
        window_us=np.array([c.pricing.windows_us(c.event.offer_id) for c in cases], np.int64).reshape(-1, 2),
        goal=tuple(e.goal for e in events),
        program=np.array([programs.setdefault(c.pricing.program_hash, len(programs)) for c in cases], np.int64),
        coupon=np.array([of_coupon(e) for e in events], "S27"),
        coupon_partner=np.array([e.coupon_partner_id for e in events], np.int64),
        partner_rules=tuple({c.pricing.program_hash: c.pricing.partner_rules for c in cases}.values()),
    )


def _token_of(event: Conversion) -> bytes:
    match event.match_kind:
        case "click_id":
            return event.click_id
        case "impression_id":
            return event.impression_id
        case _:
            return NO_TOKEN


def attribute(
    cases: Sequence[ConversionCase], rows: TouchRows, oversized: Mapping[int, int] | None = None
) -> list[Outcome]:
    """Return the outcomes of the cases in the same order. No outcome depends on the other cases of the batch.

    `rows` are the touches of the cases' identities, including linked and pending ones. `oversized` holds identities
    that were left out of `rows` because too many touches have them, with the limit that they exceed. A case that
    cannot be computed becomes an outcome with a problem and no credits.
    """
    try:
        return _attribute_together(cases, rows, oversized or {})
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        if len(cases) > 1:
            middle = len(cases) // 2
            return attribute(cases[:middle], rows, oversized) + attribute(cases[middle:], rows, oversized)
        return [failed(cases[0], Problem.FAILED, f"{type(error).__name__}: {error}")] if cases else []


def failed(case: ConversionCase, problem: Problem, detail: str) -> Outcome:
    """Return the outcome of a conversion that cannot be computed: a problem, no credits and no commissions."""
    event = case.event
    joins = tuple(_joins(event, (), {}))
    status = event.status
    return Outcome(
        event, case.pricing.program_hash, DEFAULT_MODEL, NetValue(status, 0), {problem.value: detail}, (), (), joins
    )


def _attribute_together(
    cases: Sequence[ConversionCase], rows: TouchRows, oversized: Mapping[int, int]
) -> list[Outcome]:
    journeys = build(to_columns(cases), rows)
    net_values = [net_value(case.event, case.adjustments) for case in cases]
    weights = _weights(cases, journeys)
    view = _View(journeys)
    views = [view.journey(number) for number in range(len(cases))]
    inputs = [
        CommissionInput(
            case.event, now, case.pricing.plans, journey.partners,
            {model: weights[model][journey.eligible] for model in case.pricing.models},
        )
        for case, (now, _), journey in zip(cases, net_values, views, strict=True)
    ]  # fmt: skip
    lines = _credit_lines(cases, views, inputs, _parts(journeys, weights, inputs))
    outcomes = []
    for case, (now, problems), journey, paid, credited in zip(
        cases, net_values, views, commissions(inputs), lines, strict=True
    ):
        joins = tuple(_joins(case.event, journey.linked, oversized))
        problems = {**problems, **paid.problems, **_oversized_problem(case.event, journey.linked, oversized)}
        outcomes.append(
            Outcome(
                case.event, case.pricing.program_hash, paid.paying_model, now, problems, credited, paid.lines, joins
            )
        )
    return outcomes


def _weights(cases: Sequence[ConversionCase], journeys: Journeys) -> dict[str, Ints]:
    """Compute the weights of all journeys under each model that the program of any case has.

    The id of a fit is a hash of its content, so programs that share a model share its weights.
    """
    pricings = {case.pricing.program_hash: case.pricing for case in cases}.values()
    fits = {text: fit for pricing in pricings for text, fit in pricing.fits.items()}
    return {model: weigh(model, journeys, fits) for model in sorted({m for p in pricings for m in p.models})}


def _parts(
    journeys: Journeys, weights: Mapping[str, Ints], inputs: Sequence[CommissionInput]
) -> dict[str, tuple[list[int], list[int]]]:
    """Split each conversion by model: per position, the part in 1e-12 and the part of the net value in minor units."""
    ones = np.full(len(inputs), WEIGHT_ONE, np.int64)
    values = np.array([item.net_value.value_minor for item in inputs], np.int64)
    return {
        model: (
            allocate(journeys.offsets, ones, model_weights).tolist(),
            allocate(journeys.offsets, values, model_weights).tolist(),
        )
        for model, model_weights in weights.items()
    }


@dataclass(frozen=True, slots=True)
class _Journey:
    """Journey of one conversion as plain lists. `eligible` holds positions in the arrays of all journeys."""

    eligible: list[int]
    partners: tuple[int, ...]
    touch_ids: list[bytes]
    pending: list[int]
    bots: list[int]
    linked: tuple[int, ...]
    why: NoCredit


class _View:
    """Journeys as lists: indexing arrays for every conversion would take longer than the kernels."""

    def __init__(self, journeys: Journeys) -> None:
        touches, t = journeys.touches, journeys.touch
        self._offsets: list[int] = journeys.offsets.tolist()
        self._codes: list[int] = journeys.codes.tolist()
        self._named: list[int] = journeys.named.tolist()
        self._partner: list[int] = touches.partner_id[t].tolist()
        self._token: list[bytes] = touches.touch_id[t].tolist()
        self._pending: list[int] = touches.pending[t].tolist()
        self._bot: list[int] = touches.is_bot[t].tolist()
        self._visitor: list[int] = touches.visitor[t].tolist()
        self._user: list[int] = touches.user[t].tolist()

    def journey(self, number: int) -> _Journey:
        positions = range(self._offsets[number], self._offsets[number + 1])
        eligible = [i for i in positions if self._codes[i] == select.ELIGIBLE]
        named = [i for i in positions if self._named[i]]
        linked = {identity for i in named for identity in (self._visitor[i], self._user[i]) if identity}
        why = NoCredit.NO_TOUCH
        if not eligible and positions:
            why = why_unattributed([self._codes[i] for i in positions], [self._named[i] for i in positions])
        return _Journey(
            eligible,
            tuple(self._partner[i] for i in eligible),
            # numpy drops trailing zero bytes, which a token may have
            [self._token[i].ljust(27, b"\0") for i in eligible],
            [self._pending[i] for i in eligible],
            [self._bot[i] for i in eligible],
            tuple(sorted(linked)),
            why,
        )


def _credit_lines(
    cases: Sequence[ConversionCase],
    journeys: Sequence[_Journey],
    inputs: Sequence[CommissionInput],
    parts: Mapping[str, tuple[list[int], list[int]]],
) -> list[tuple[CreditLine, ...]]:
    """Return the credits of each case under all models, sorted."""
    return [
        tuple(
            sorted(
                line
                for model in case.pricing.models
                for line in _lines_of_model(model, journey, item.net_value, *parts[model])
            )
        )
        for case, journey, item in zip(cases, journeys, inputs, strict=True)
    ]


def _lines_of_model(
    model: str, journey: _Journey, now: NetValue, weights_e12: Sequence[int], values: Sequence[int]
) -> Iterator[CreditLine]:
    """Yield the touches with a weight under one model, or the single line of partner 0."""
    if not journey.eligible:
        yield CreditLine(model, NO_TOKEN, UNATTRIBUTED, WEIGHT_ONE, now.value_minor, journey.why.value)
        return
    for position, partner, token, pending, is_bot in zip(
        journey.eligible, journey.partners, journey.touch_ids, journey.pending, journey.bots, strict=True
    ):
        if weights_e12[position]:
            reason = NoCredit.CLICK_PENDING.value if pending else ""
            reason = NoCredit.CONFIRMED_BY_CONVERSION.value if is_bot else reason
            yield CreditLine(model, token, partner, weights_e12[position], values[position], reason)


def _joins(event: Conversion, linked: Sequence[int], oversized: Mapping[int, int]) -> Iterator[JoinLine]:
    """Yield the identities by which a late touch could change the outcome."""
    own = of_conversion(event)
    if own and own not in oversized:
        yield JoinLine(own, int(event.match_kind in _NAMING))
    for identity in linked:
        if identity not in oversized:
            yield JoinLine(identity, 0)


def _oversized_problem(event: Conversion, linked: Sequence[int], oversized: Mapping[int, int]) -> Problems:
    limit = max((oversized.get(identity, 0) for identity in (of_conversion(event), *linked)), default=0)
    if not limit:
        return {}
    return {
        Problem.CROWDED_IDENTITY.value: f"more than {limit} touches have its visitor or user id, which then "
        "tells nobody apart and joins nothing; send ids that are one person's"
    }
