"""Figures of the portal: what a partner earned, and what is coming. Amounts are minor units of the program's currency.

The engine's client keeps answers for some seconds for each partner, so many people of one partner cost one question.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from control.accounts.actor import Actor
from control.console.figures.answers import Asked
from control.console.figures.overview import Course
from control.console.figures.sums import minor_of
from control.engine.answers import balances
from control.errors import Invalid, NotFound, Unavailable
from control.ui.charts.chart import Chart, Series
from control.ui.charts.line import line_chart
from control.ui.charts.scale import money_unit
from control.ui.formats import change
from control.ui.local_formats import brief_money_text, count_text, money_text
from control.ui.moments import day_text

_T = TypeVar("_T")
Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Balance:
    """Commissions of a partner in one currency, in minor units, by what may happen to them."""

    currency: str
    pending: int
    held: int
    payable: int
    next_payable: datetime | None
    """Time at which the next of the held ones may be paid."""

    @property
    def coming(self) -> int:
        """Return what is earned and cannot be paid yet."""
        return self.pending + self.held


def read_balances(actor: Actor, currency: str) -> list[Balance]:
    """Return the balances of a partner: that of the program's currency first, with zeros if there is nothing.

    Raises Forbidden, Unavailable.
    """
    found = [_balance(row) for row in balances(actor) if row["partner_id"] == actor.partner]
    own = next((one for one in found if one.currency == currency), Balance(currency, 0, 0, 0, None))
    return [own, *(one for one in found if one.currency != currency)]


def _balance(row: Figures) -> Balance:
    currency, free = row["currency"], row["next_payable"]
    pending, held, payable = (minor_of(row[name], currency) for name in ("pending", "held", "payable"))
    return Balance(currency, pending, held, payable, datetime.fromisoformat(free) if free else None)


def asking(work: Callable[[], _T]) -> Asked[_T]:
    """Ask the engine; its absence is a sentence for a partner, who can do nothing about it."""
    try:
        return Asked(work())
    except (Unavailable, Invalid):
        return Asked(None, _("The figures cannot be shown at the moment. Try again in a minute."))
    except NotFound:
        return Asked(None, _("There is nothing here."), is_missing=True)


def course_tiles(course: Course, note: str, hrefs: Mapping[str, str]) -> list[dict[str, object]]:
    """Return tiles of earnings, clicks and conversions, each with its change and its course."""
    labels = {"payout": (_("Earned"), "coin"), "clicks": (_("Clicks"), "click")}
    labels["conversions"] = (_("Conversions"), "shopping-cart")
    return [
        {
            "label": label, "icon": icon, "note": note, "href": hrefs.get(key, ""),
            "value": figure(course.total(key), key, course.currency),
            "change": change(course.total(key), course.total(key, before=True)),
            "values": [value or 0 for value in course.values(key)[: course.compared]],
        }
        for key, (label, icon) in labels.items()
    ]  # fmt: skip


def figure(value: float, key: str, currency: str) -> str:
    """Write a figure of a tile."""
    if key == "payout":
        return brief_money_text(round(value), currency)
    return count_text(int(value)) if float(value).is_integer() else f"{value:,.2f}"


def earnings_chart(course: Course) -> Chart:
    """Draw what was earned by day, with the period before dashed."""
    series = [
        Series(_("Earned"), course.values("payout")),
        Series(_("Period before"), course.values("payout", before=True), "muted", dashed=True),
    ]
    labels = [day_label(date.fromisoformat(key)) for key in course.now_keys]
    return line_chart(_("Your earnings"), labels, series, unit=money_unit(course.currency))


def day_label(day: date) -> str:
    """Write a day for the axis of a chart."""
    return date_format(day, "j M")


def balance_tiles(found: Sequence[Balance], timezone: str, href: str) -> list[dict[str, object]]:
    """Return tiles of what is coming and what may be paid; amounts in other currencies stand in the notes."""
    own, others = found[0], found[1:]
    free = own.next_payable.astimezone(ZoneInfo(timezone)) if own.next_payable is not None else None
    notes = {
        "pending": _("until the sale is confirmed"),
        "held": _("the next part is free on %(day)s") % {"day": day_text(free)} if free else _("for a safety period"),
        "payable": _("can be paid to you"),
    }
    labels = {"payable": (_("Payable"), "receipt"), "held": (_("On hold"), "lock"), "pending": (_("Pending"), "clock")}
    return [
        {
            "label": label, "icon": icon, "href": href, "value": money_text(getattr(own, key), own.currency),
            "note": "; ".join([notes[key], *_more(others, key)]),
        }
        for key, (label, icon) in labels.items()
    ]  # fmt: skip


def _more(others: Sequence[Balance], key: str) -> list[str]:
    texts = [money_text(minor, one.currency) for one in others if (minor := getattr(one, key))]
    return [_("and %(amounts)s") % {"amounts": ", ".join(texts)}] if texts else []
