"""Journeys, weights and plans to commissions: what each partner is owed for a conversion (contract 6). Pure.

Every plan that a touching partner has is worked out over all touches of the conversion, by the plan's own model;
of its parts only those of the partners whose plan it is are paid.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from attribution.core.net_value import Problems, Worth
from attribution.core.plans import PlanBook, fixed_text, percent_text, specificity
from attribution.core.weights import DEFAULT_MODEL
from attribution.kernels import select
from attribution.kernels.select import Ints
from program.program import Plan
from schemas.events import Conversion
from schemas.reasons import Problem
from schemas.values.money import AMOUNT_MINOR_MAX, percent_of_minor

AMOUNT_MAX = AMOUNT_MINOR_MAX * 1_000
"""Largest commission of one conversion, in minor units: no plan means more, and sums stay within 64 bits."""


class CommissionLine(NamedTuple):
    """What one partner gets for one conversion under one rule of one plan. Sorts the same everywhere."""

    partner_id: int
    plan: str
    rule: str
    currency: str
    model: str
    amount_minor: int
    hold_us: int


class Share(NamedTuple):
    """An amount that a plan comes to, before it is split: `percent` and `fixed` parts in one currency."""

    plan: Plan
    rule: str
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Earning:
    """A conversion as commissions see it: its eligible touches, in their order, and each model's weights.

    `partners` holds the partner of each eligible touch; `weights` the same length per model.
    """

    event: Conversion
    worth: Worth
    plans: PlanBook
    partners: tuple[int, ...]
    weights: Mapping[str, Ints]


class Paid(NamedTuple):
    """The commissions of one conversion, the model it pays by, and what was wrong."""

    lines: tuple[CommissionLine, ...]
    paying_model: str
    problems: Problems


def commissions(earnings: Sequence[Earning]) -> list[Paid]:
    """Commissions of conversions, each by itself; one that cannot be worked out gets a problem and nothing else.

    All splits are done by one call of the largest-remainder kernel.
    """
    models = [paying_model(earning) for earning in earnings]
    problems: list[Problems] = [_missing_plans(e, m) for e, m in zip(earnings, models, strict=True)]
    splits: list[tuple[int, Share]] = []
    for number, earning in enumerate(earnings):
        for share in shares(earning):
            wrong = _cannot_split(earning, share)
            if wrong:
                problems[number] = {**problems[number], **wrong}
            else:
                splits.append((number, share))
    lines: list[list[CommissionLine]] = [[] for _ in earnings]
    for (number, share), parts in zip(splits, split(earnings, splits), strict=True):
        lines[number] += _lines(earnings[number], share, parts)
    return [Paid(tuple(sorted(mine)), model, wrong) for mine, model, wrong in zip(lines, models, problems, strict=True)]


def paying_model(earning: Earning) -> str:
    """The model of the plan of last_click's winner; else of the most specific plan of its partners; else last_click."""
    event = earning.event
    weights = earning.weights[DEFAULT_MODEL]
    winners = [p for p, weight in zip(earning.partners, weights, strict=True) if weight]
    for partner in winners:
        plan = earning.plans.choose(event.offer_id, event.goal, partner).plan
        if plan is not None:
            return plan.model
    plans = [(earning.plans.choose(event.offer_id, event.goal, p).plan, p) for p in sorted(set(earning.partners))]
    chosen = [(-specificity(plan), partner, plan.model) for plan, partner in plans if plan is not None]
    return min(chosen)[2] if chosen else DEFAULT_MODEL


def chosen_plans(earning: Earning) -> dict[int, Plan]:
    """The plan of each touching partner that has one, by partner."""
    event = earning.event
    found = {p: earning.plans.choose(event.offer_id, event.goal, p).plan for p in sorted(set(earning.partners))}
    return {partner: plan for partner, plan in found.items() if plan is not None}


def shares(earning: Earning) -> list[Share]:
    """What each distinct plan of the touching partners comes to; nothing for a declined conversion."""
    if earning.worth.status == "declined":
        return []
    plans = {plan.name: plan for plan in chosen_plans(earning).values()}
    return [share for _, plan in sorted(plans.items()) for share in plan_shares(plan, earning.event, earning.worth)]


def plan_shares(plan: Plan, event: Conversion, worth: Worth) -> list[Share]:
    """percent × net value, and the fixed amount until the net value is 0 (an amount of 0 from the start is a lead).

    One share in the conversion's currency; a fixed amount in another currency is a share of its own.
    """
    net = worth.value_minor
    fixed = plan.fixed_minor if net > 0 or event.amount_minor == 0 else 0
    of_net = percent_of_minor(net, plan.percent_e6)
    if not fixed:
        return [Share(plan, percent_text(plan.percent_e6), event.currency, of_net)] if plan.percent_e6 else []
    if not plan.percent_e6:
        return [Share(plan, fixed_text(plan), plan.fixed_currency, fixed)]
    if plan.fixed_currency == event.currency:
        rule = f"{percent_text(plan.percent_e6)} + {fixed_text(plan)}"
        return [Share(plan, rule, event.currency, of_net + fixed)]
    return [
        Share(plan, percent_text(plan.percent_e6), event.currency, of_net),
        Share(plan, fixed_text(plan), plan.fixed_currency, fixed),
    ]


def split(earnings: Sequence[Earning], splits: Sequence[tuple[int, Share]]) -> list[list[int]]:
    """Parts of each share, one per eligible touch of its conversion, by the weights of the plan's model."""
    weights = [earnings[number].weights[share.plan.model] for number, share in splits]
    offsets = np.concatenate([[0], np.cumsum([len(w) for w in weights])]).astype(np.int64)
    amounts = np.array([share.amount_minor for _, share in splits], np.int64)
    flat = np.concatenate(weights) if weights else np.zeros(0, np.int64)
    parts = select.allocate(offsets, amounts, flat).tolist()
    return [parts[lo:hi] for lo, hi in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]


def _lines(earning: Earning, share: Share, parts: Sequence[int]) -> list[CommissionLine]:
    """The parts of the partners whose plan it is, added up by partner; none of zero."""
    event, plan = earning.event, share.plan
    sums: dict[int, int] = {}
    for partner, part in zip(earning.partners, parts, strict=True):
        sums[partner] = sums.get(partner, 0) + part
    return [
        CommissionLine(partner, plan.name, share.rule, share.currency, plan.model, amount, plan.hold_us)
        for partner, amount in sums.items()
        if amount and earning.plans.choose(event.offer_id, event.goal, partner).plan == plan
    ]


def _missing_plans(earning: Earning, model: str) -> Problems:
    """A problem if a partner that the paying model credits has no plan."""
    event = earning.event
    weights = earning.weights.get(model, ())
    credited = sorted({p for p, weight in zip(earning.partners, weights, strict=False) if weight})
    without = [p for p in credited if earning.plans.choose(event.offer_id, event.goal, p).plan is None]
    if not without:
        return {}
    partners = ", ".join(str(partner) for partner in without)
    return {
        Problem.NO_PLAN.value: f"no plan for offer {event.offer_id}, goal {event.goal!r} and partner {partners}; "
        "add one to the program: it pays what comes later"
    }


def _cannot_split(earning: Earning, share: Share) -> Problems:
    if share.plan.model not in earning.weights:
        return {Problem.UNKNOWN_MODEL.value: f"plan {share.plan.name} has model {share.plan.model!r}"}
    if abs(share.amount_minor) > AMOUNT_MAX:
        limit = f"{share.amount_minor} minor units of {share.currency} are above {AMOUNT_MAX}"
        return {Problem.TOO_LARGE.value: f"plan {share.plan.name} ({share.rule}) comes to {limit}"}
    return {}
