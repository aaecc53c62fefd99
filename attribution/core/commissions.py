"""Journeys, weights and plans to commissions: what each partner is owed for a conversion (contract 6). Pure.

Every plan that a touching partner has is worked out over all touches of the conversion, by the plan's own model;
of its parts only those of the partners whose plan it is are paid.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from attribution.core.net_value import NetValue, Problems
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


class PlanAmount(NamedTuple):
    """An amount that a plan comes to, before it is split: `percent` and `fixed` parts in one currency."""

    plan: Plan
    rule: str
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class CommissionInput:
    """A conversion as commissions see it: its eligible touches, in their order, and each model's weights.

    `partners` holds the partner of each eligible touch; `weights` the same length per model.
    """

    event: Conversion
    net_value: NetValue
    plans: PlanBook
    partners: tuple[int, ...]
    weights: Mapping[str, Ints]


class CommissionResult(NamedTuple):
    """The commissions of one conversion, the model it pays by, and what was wrong."""

    lines: tuple[CommissionLine, ...]
    paying_model: str
    problems: Problems


def commissions(inputs: Sequence[CommissionInput]) -> list[CommissionResult]:
    """Commissions of conversions, each by itself; one that cannot be worked out gets a problem and nothing else.

    All splits are done by one call of the largest-remainder kernel.
    """
    models = [paying_model(item) for item in inputs]
    problems: list[Problems] = [_missing_plans(e, m) for e, m in zip(inputs, models, strict=True)]
    splits: list[tuple[int, PlanAmount]] = []
    for number, item in enumerate(inputs):
        for plan_amount in plan_amounts(item):
            wrong = _cannot_split(item, plan_amount)
            if wrong:
                problems[number] = {**problems[number], **wrong}
            else:
                splits.append((number, plan_amount))
    lines: list[list[CommissionLine]] = [[] for _ in inputs]
    for (number, plan_amount), parts in zip(splits, split(inputs, splits), strict=True):
        lines[number] += _lines(inputs[number], plan_amount, parts)
    return [
        CommissionResult(tuple(sorted(mine)), model, wrong)
        for mine, model, wrong in zip(lines, models, problems, strict=True)
    ]


def paying_model(item: CommissionInput) -> str:
    """The model of the plan of last_click's winner; else of the most specific plan of its partners; else last_click."""
    event = item.event
    weights = item.weights[DEFAULT_MODEL]
    winners = [p for p, weight in zip(item.partners, weights, strict=True) if weight]
    for partner in winners:
        plan = item.plans.choose(event.offer_id, event.goal, partner).plan
        if plan is not None:
            return plan.model
    plans = [(item.plans.choose(event.offer_id, event.goal, p).plan, p) for p in sorted(set(item.partners))]
    chosen = [(-specificity(plan), partner, plan.model) for plan, partner in plans if plan is not None]
    return min(chosen)[2] if chosen else DEFAULT_MODEL


def chosen_plans(item: CommissionInput) -> dict[int, Plan]:
    """The plan of each touching partner that has one, by partner."""
    event = item.event
    found = {p: item.plans.choose(event.offer_id, event.goal, p).plan for p in sorted(set(item.partners))}
    return {partner: plan for partner, plan in found.items() if plan is not None}


def plan_amounts(item: CommissionInput) -> list[PlanAmount]:
    """What each distinct plan of the touching partners comes to; nothing for a declined conversion."""
    if item.net_value.status == "declined":
        return []
    plans = {plan.name: plan for plan in chosen_plans(item).values()}
    return [
        plan_amount
        for _, plan in sorted(plans.items())
        for plan_amount in amounts_of_plan(plan, item.event, item.net_value)
    ]


def amounts_of_plan(plan: Plan, event: Conversion, net_value: NetValue) -> list[PlanAmount]:
    """percent × net value, and the fixed amount until the net value is 0 (an amount of 0 from the start is a lead).

    One plan_amount in the conversion's currency; a fixed amount in another currency is a plan_amount of its own.
    """
    net = net_value.value_minor
    fixed = plan.fixed_minor if net > 0 or event.amount_minor == 0 else 0
    of_net = percent_of_minor(net, plan.percent_e6)
    if not fixed:
        return [PlanAmount(plan, percent_text(plan.percent_e6), event.currency, of_net)] if plan.percent_e6 else []
    if not plan.percent_e6:
        return [PlanAmount(plan, fixed_text(plan), plan.fixed_currency, fixed)]
    if plan.fixed_currency == event.currency:
        rule = f"{percent_text(plan.percent_e6)} + {fixed_text(plan)}"
        return [PlanAmount(plan, rule, event.currency, of_net + fixed)]
    return [
        PlanAmount(plan, percent_text(plan.percent_e6), event.currency, of_net),
        PlanAmount(plan, fixed_text(plan), plan.fixed_currency, fixed),
    ]


def split(inputs: Sequence[CommissionInput], splits: Sequence[tuple[int, PlanAmount]]) -> list[list[int]]:
    """Parts of each plan_amount, one per eligible touch of its conversion, by the weights of the plan's model."""
    weights = [inputs[number].weights[plan_amount.plan.model] for number, plan_amount in splits]
    offsets = np.concatenate([[0], np.cumsum([len(w) for w in weights])]).astype(np.int64)
    amounts = np.array([plan_amount.amount_minor for _, plan_amount in splits], np.int64)
    flat = np.concatenate(weights) if weights else np.zeros(0, np.int64)
    parts = select.allocate(offsets, amounts, flat).tolist()
    return [parts[lo:hi] for lo, hi in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]


def _lines(item: CommissionInput, plan_amount: PlanAmount, parts: Sequence[int]) -> list[CommissionLine]:
    """The parts of the partners whose plan it is, added up by partner; none of zero."""
    event, plan = item.event, plan_amount.plan
    sums: dict[int, int] = {}
    for partner, part in zip(item.partners, parts, strict=True):
        sums[partner] = sums.get(partner, 0) + part
    return [
        CommissionLine(partner, plan.name, plan_amount.rule, plan_amount.currency, plan.model, amount, plan.hold_us)
        for partner, amount in sums.items()
        if amount and item.plans.choose(event.offer_id, event.goal, partner).plan == plan
    ]


def _missing_plans(item: CommissionInput, model: str) -> Problems:
    """A problem if a partner that the paying model credits has no plan."""
    event = item.event
    weights = item.weights.get(model, ())
    credited = sorted({p for p, weight in zip(item.partners, weights, strict=False) if weight})
    without = [p for p in credited if item.plans.choose(event.offer_id, event.goal, p).plan is None]
    if not without:
        return {}
    partners = ", ".join(str(partner) for partner in without)
    return {
        Problem.NO_PLAN.value: f"no plan for offer {event.offer_id}, goal {event.goal!r} and partner {partners}; "
        "add one to the program: it pays what comes later"
    }


def _cannot_split(item: CommissionInput, plan_amount: PlanAmount) -> Problems:
    if plan_amount.plan.model not in item.weights:
        return {Problem.UNKNOWN_MODEL.value: f"plan {plan_amount.plan.name} has model {plan_amount.plan.model!r}"}
    if abs(plan_amount.amount_minor) > AMOUNT_MAX:
        limit = f"{plan_amount.amount_minor} minor units of {plan_amount.currency} are above {AMOUNT_MAX}"
        return {Problem.TOO_LARGE.value: f"plan {plan_amount.plan.name} ({plan_amount.rule}) comes to {limit}"}
    return {}
