"""Compute the commissions of conversions from weights and plans (docs/contract.md, section 6). Pure.

Each plan of a partner that has a touch is split over all touches of the conversion, by the plan's own model. Only the
parts of partners that the plan covers are paid.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from attribution.core.net_value import NetValue, Problems
from attribution.core.plans import PlanBook, fixed_text, percent_text, specificity
from attribution.core.weights import DEFAULT_MODEL
from attribution.kernels.allocate import allocate
from attribution.kernels.checks import Ints
from program.entries import Plan
from schemas.events import Conversion
from schemas.reasons import Problem
from schemas.values.money import AMOUNT_MINOR_MAX, percent_of_minor

AMOUNT_MAX = AMOUNT_MINOR_MAX * 1_000
"""Largest commission of one conversion, in minor units. It exceeds every real plan and keeps sums within 64 bits."""


class CommissionLine(NamedTuple):
    """Amount of one partner for one conversion under one rule of one plan. It sorts the same on every machine."""

    partner_id: int
    plan: str
    rule: str
    currency: str
    model: str
    amount_minor: int
    hold_us: int


class PlanAmount(NamedTuple):
    """Amount of a plan before it is split: the percentage and the fixed amount in one currency."""

    plan: Plan
    rule: str
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class CommissionInput:
    """A conversion with its eligible touches in order.

    `partners` holds the partner of each eligible touch; `weights` holds one weight per eligible touch, by model.
    """

    event: Conversion
    net_value: NetValue
    plans: PlanBook
    partners: tuple[int, ...]
    weights: Mapping[str, Ints]


class CommissionResult(NamedTuple):
    """The commissions of one conversion, its paying model, and its problems."""

    lines: tuple[CommissionLine, ...]
    paying_model: str
    problems: Problems


def commissions(inputs: Sequence[CommissionInput]) -> list[CommissionResult]:
    """Compute the commissions of conversions. One that cannot be computed gets a problem and no commission.

    One call of the largest-remainder kernel does all splits.
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
        CommissionResult(tuple(sorted(item_lines)), model, wrong)
        for item_lines, model, wrong in zip(lines, models, problems, strict=True)
    ]


def paying_model(item: CommissionInput) -> str:
    """Return the paying model: that of the plan of the last-click winner.

    Without one, the model of the most specific plan of any touching partner; without any plan, last_click.
    """
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
    """Return the plan of each touching partner that has one."""
    event = item.event
    plans = {p: item.plans.choose(event.offer_id, event.goal, p).plan for p in sorted(set(item.partners))}
    return {partner: plan for partner, plan in plans.items() if plan is not None}


def plan_amounts(item: CommissionInput) -> list[PlanAmount]:
    """Return the amounts of each distinct plan of the touching partners; none for a declined conversion."""
    if item.net_value.status == "declined":
        return []
    plans = {plan.name: plan for plan in chosen_plans(item).values()}
    return [
        plan_amount
        for _, plan in sorted(plans.items())
        for plan_amount in amounts_of_plan(plan, item.event, item.net_value)
    ]


def amounts_of_plan(plan: Plan, event: Conversion, net_value: NetValue) -> list[PlanAmount]:
    """Compute percent × net value, plus the fixed amount unless refunds have reduced the net value to 0.

    A conversion reported with amount 0 is a lead and gets the fixed amount. A fixed amount in another currency is a
    separate PlanAmount.
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
    """Split each amount over the eligible touches of its conversion, by the weights of the plan's model."""
    weights = [inputs[number].weights[plan_amount.plan.model] for number, plan_amount in splits]
    offsets = np.concatenate([[0], np.cumsum([len(w) for w in weights])]).astype(np.int64)
    amounts = np.array([plan_amount.amount_minor for _, plan_amount in splits], np.int64)
    flat = np.concatenate(weights) if weights else np.zeros(0, np.int64)
    parts = allocate(offsets, amounts, flat).tolist()
    return [parts[lo:hi] for lo, hi in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]


def _lines(item: CommissionInput, plan_amount: PlanAmount, parts: Sequence[int]) -> list[CommissionLine]:
    """Sum the parts by partner, for partners that this plan pays. Sums of zero are left out."""
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
    """Report partners that the paying model credits and that have no plan."""
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
