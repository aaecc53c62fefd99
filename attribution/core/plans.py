"""Choose the plan that pays a partner for an offer and goal (docs/contract.md, section 6). Pure."""

from collections.abc import Iterable, Mapping
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
    """Index of the plans of a program by offer. Choices are cached, because few combinations recur often."""

    def __init__(self, plans: Iterable[Plan]) -> None:
        by_offer: dict[int, list[Plan]] = {}
        # Names are unique in a checked program. Sorting by name makes the result independent of the order in the file.
        for plan in sorted(plans, key=lambda plan: (-specificity(plan), plan.name)):
            by_offer.setdefault(plan.offer_id, []).append(plan)
        self._by_offer: Mapping[int, list[Plan]] = by_offer
        self._chosen: dict[tuple[int, str, int], Choice] = {}

    def choose(self, offer_id: int, goal: str, partner_id: int) -> Choice:
        """Return the most specific plan for a partner's conversion of this goal."""
        key = (offer_id, goal, partner_id)
        choice = self._chosen.get(key)
        if choice is None:
            fitting = [plan for plan in self._by_offer.get(offer_id, ()) if _fits(plan, goal, partner_id)]
            choice = Choice(fitting[0], tuple(fitting[1:])) if fitting else Choice(None, ())
            if len(self._chosen) < _CHOICES_MAX:
                self._chosen[key] = choice
        return choice


_CHOICES_MAX = 100_000


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


def _fits(plan: Plan, goal: str, partner_id: int) -> bool:
    return plan.partner_id in (None, partner_id) and plan.goal in (None, goal)


def percent_text(percent_e6: int) -> str:
    """Format a percentage × 10^6, for example "8.5%"."""
    whole, fraction = divmod(percent_e6, 10**6)
    digits = f"{fraction:06d}".rstrip("0")
    return f"{whole}.{digits}%" if digits else f"{whole}%"


def fixed_text(plan: Plan) -> str:
    """Format the fixed amount of a plan, for example "1.20 USD"."""
    return f"{format_minor(plan.fixed_minor, plan.fixed_currency)} {plan.fixed_currency}"
