"""Choice of a plan as the contract words it: all plans that fit, the most specific first."""

from collections.abc import Iterable

from program.entries import Plan


def fitting(plans: Iterable[Plan], offer_id: int, goal: str, partner_id: int) -> list[Plan]:
    """Return every plan that fits: partner and goal before partner, partner before goal, goal before offer."""
    found = [
        plan
        for plan in plans
        if plan.offer_id == offer_id and plan.partner_id in (None, partner_id) and plan.goal in (None, goal)
    ]
    return sorted(found, key=lambda plan: (plan.partner_id is None, plan.goal is None))
