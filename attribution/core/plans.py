"""Choose the plan that pays a partner for an offer and goal (docs/contract.md, section 6). Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from attribution.core.journeys import PartnerRules
from program.entries import DEFAULT_CLICK_WINDOW_US, DEFAULT_IMPRESSION_WINDOW_US, Plan
from program.terms import Terms
from schemas.values.money import format_minor


class Choice(NamedTuple):
    """The plan that pays, or None, and the less specific plans that also match, most specific first."""

    plan: Plan | None
    losers: tuple[Plan, ...]


def specificity(plan: Plan) -> int:
    """Rank a plan: partner, offer and goal 3; partner and offer 2; offer and goal 1; offer 0."""
    return 2 * (plan.partner_id is not None) + (plan.goal is not None)


class PlanBook:
    """Index of plans by offer, partner and goal: a choice takes four look-ups, however many plans an offer has."""

    def __init__(self, plans: Iterable[Plan]) -> None:
        """`plans` are those of checked terms: no two have the same offer, partner and goal."""
        self._plans = {(plan.offer_id, plan.partner_id, plan.goal): plan for plan in plans}

    def choose(self, offer_id: int, goal: str, partner_id: int) -> Choice:
        """Return the most specific plan for a partner's conversion of this goal."""
        plan_of = self._plans.get
        fitting = [
            plan
            for key in (
                (offer_id, partner_id, goal), (offer_id, partner_id, None), (offer_id, None, goal),
                (offer_id, None, None),
            )
            if (plan := plan_of(key)) is not None
        ]  # fmt: skip
        return Choice(fitting[0], tuple(fitting[1:])) if fitting else _NO_PLAN


_NO_PLAN = Choice(None, ())


def partner_rules_of(terms: Terms, plans: PlanBook) -> PartnerRules:
    """Collect the rules for partners' touches: inactive and direct partners, and windows of plans."""

    def windows_us(offer_id: int, goal: str, partner_id: int) -> tuple[int, int]:
        offer, plan = terms.offers.get(offer_id), plans.choose(offer_id, goal, partner_id).plan
        click = offer.click_window_us if offer is not None else DEFAULT_CLICK_WINDOW_US
        impression = offer.impression_window_us if offer is not None else DEFAULT_IMPRESSION_WINDOW_US
        if plan is not None and plan.click_window_us is not None:
            click = plan.click_window_us
        if plan is not None and plan.impression_window_us is not None:
            impression = plan.impression_window_us
        return click, impression

    return PartnerRules(
        inactive=tuple(sorted(number for number, p in terms.partners.items() if p.status == "inactive")),
        direct=tuple(sorted(number for number, p in terms.partners.items() if p.kind == "direct")),
        has_contracts=any(p.click_window_us is not None or p.impression_window_us is not None for p in terms.plans),
        windows_us=windows_us,
    )


def reach_of(terms: Terms) -> dict[int, tuple[int, int]]:
    """Return the longest click and impression window of each offer and its plans: the range to read."""
    reach_us = {number: (offer.click_window_us, offer.impression_window_us) for number, offer in terms.offers.items()}
    for plan in terms.plans:
        click, impression = reach_us.get(plan.offer_id, (DEFAULT_CLICK_WINDOW_US, DEFAULT_IMPRESSION_WINDOW_US))
        reach_us[plan.offer_id] = max(click, plan.click_window_us or 0), max(impression, plan.impression_window_us or 0)
    return reach_us


def percent_text(percent_e6: int) -> str:
    """Format a percentage × 10^6, for example "8.5%"."""
    whole, fraction = divmod(percent_e6, 10**6)
    digits = f"{fraction:06d}".rstrip("0")
    return f"{whole}.{digits}%" if digits else f"{whole}%"


def fixed_text(plan: Plan) -> str:
    """Format the fixed amount of a plan, for example "1.20 USD"."""
    return f"{format_minor(plan.fixed_minor, plan.fixed_currency)} {plan.fixed_currency}"
