"""Terms of an offer in plain words, as they hold for one partner."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from control.accounts.actor import Actor
from control.program.access import plans
from control.program.models import Offer, Plan, TermsState
from control.ui.formats import NARROW_SPACE
from control.ui.local_formats import money_text
from program.to_toml import format_percent

_DAY_US = 86_400_000_000
_HOUR_US = 3_600_000_000


def plans_in_force(actor: Actor, offers: Sequence[Offer], now: datetime) -> dict[int, list[Plan]]:
    """Return the plans that pay the partner now, by offer: for each goal the one that wins. Raises Forbidden."""
    rows = plans(actor).filter(offer__in=[offer.number for offer in offers], state=TermsState.PUBLISHED)
    best: dict[int, dict[str, Plan]] = {}
    for plan in rows:
        if plan.valid_from is not None and plan.valid_from > now:
            continue
        goals = best.setdefault(plan.offer_id, {})
        if plan.goal not in goals or goals[plan.goal].partner_id is None:
            goals[plan.goal] = plan
    return {number: _winners(goals) for number, goals in best.items()}


def _winners(goals: dict[str, Plan]) -> list[Plan]:
    """Leave out what a plan for all goals of the partner alone replaces: a partner outweighs a goal."""
    whole = goals.get("")
    kept = [
        plan for goal, plan in goals.items()
        if not goal or whole is None or whole.partner_id is None or plan.partner_id is not None
    ]  # fmt: skip
    return sorted(kept, key=lambda plan: plan.goal)


def rate_text(plan: Plan) -> str:
    """Write what a plan pays: "8.5 % of the sale + $1.20"."""
    parts = []
    if plan.percent_e6:
        parts.append(_("%(percent)s of the sale") % {"percent": f"{format_percent(plan.percent_e6)}{NARROW_SPACE}%"})
    if plan.fixed_minor:
        parts.append(money_text(plan.fixed_minor, plan.fixed_currency))
    return " + ".join(parts) or _("nothing")


def rates_of(offer: Offer, found: Sequence[Plan]) -> list[tuple[str, str]]:
    """Return pairs of a goal's name and what it pays."""
    names = {goal["key"]: goal["name"] for goal in offer.goals}
    return [(names.get(plan.goal, plan.goal) if plan.goal else _("Each conversion"), rate_text(plan)) for plan in found]


def summary(found: Sequence[Plan]) -> str:
    """Write the rates of an offer in one line."""
    return ", ".join(dict.fromkeys(rate_text(plan) for plan in found)) or _("No rate is agreed yet")


def hold_text(found: Sequence[Plan]) -> str:
    """Say when a commission may be paid."""
    longest = max((plan.hold_us for plan in found), default=0)
    if not longest:
        return _("at once when the sale is confirmed")
    return _("%(time)s after the sale") % {"time": duration_text(longest)}


def duration_text(duration_us: int) -> str:
    """Write a duration in days, or in hours if it is shorter than two days."""
    if duration_us >= 2 * _DAY_US:
        days = duration_us // _DAY_US
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    hours = max(1, duration_us // _HOUR_US)
    return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
