"""Figures of a period compared with the period before: tiles, their course, and who gains and loses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.urls import reverse

from control.accounts.actor import Actor
from control.console.figures.period import Period
from control.console.figures.sums import MEASURES, REPORT_MEASURES, Row, by_key, figure_text, sum_of, unit_of
from control.engine.answers import Filters, Part, Report, report
from control.engine.names import UNATTRIBUTED, names_of_report
from control.ui.charts.chart import Chart, Series
from control.ui.charts.line import line_chart
from control.ui.formats import change

_TOP_ROWS = 5
_COMPARED_ROWS = 200
"""Largest partners or offers of the period before that are looked at for losses."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Course:
    """Rows of a period and of the one before, each by the steps of a time axis."""

    labels: list[str]
    now: dict[str, Row]
    before: dict[str, Row]
    now_keys: list[str]
    before_keys: list[str]
    """Steps of the period before, one for each of this period."""
    compared: int
    """Steps that are over or running: later ones do not count in the comparison."""
    currency: str
    note: str

    def total(self, measure: str, *, before: bool = False) -> float:
        """Add a figure up over the steps that are compared."""
        rows, keys = (self.before, self.before_keys) if before else (self.now, self.now_keys)
        return sum_of([rows[key] for key in keys[: self.compared] if key in rows], measure, self.currency)

    def values(self, measure: str, *, before: bool = False) -> list[float | None]:
        """Return a figure of each step; None for steps that are not there yet."""
        rows, keys = (self.before, self.before_keys) if before else (self.now, self.now_keys)
        end = len(keys) if before else self.compared
        sums = [sum_of([rows[key]] if key in rows else [], measure, self.currency) for key in keys]
        return [value if index < end else None for index, value in enumerate(sums)]


def read_course(actor: Actor, period: Period, now: datetime, filters: Filters | None = None) -> Course:
    """Ask for a period and the one before: by hours for one day, else by days. Raises Forbidden, Unavailable."""
    filters = filters or Filters()
    by_hour = period.first is not None and period.first == period.last
    earlier = period.before()
    wanted = replace(filters, from_=earlier.from_, to=period.to)
    found = report(actor, "kpi", ["hour" if by_hour else "day"], wanted)
    rows = {str(row["hour" if by_hour else "day"]): row for row in found.rows if row["currency"] == found.currency}
    here = now.astimezone(ZoneInfo(found.timezone))
    if by_hour and period.first is not None and earlier.first is not None:
        steps = [f"{hour:02d}:00" for hour in range(24)]
        running = here.date() == period.first
        return Course(
            steps, rows, rows, [f"{period.first} {step}" for step in steps],
            [f"{earlier.first} {step}" for step in steps], here.hour + 1 if running else 24, found.currency,
            "vs. yesterday by this hour" if running else "vs. the day before",
        )  # fmt: skip
    days, days_before = period.days, earlier.days
    return Course(
        [_day_label(day) for day in days], rows, rows, [day.isoformat() for day in days],
        [day.isoformat() for day in days_before], len([day for day in days if day <= here.date()]), found.currency,
        f"vs. {len(days)} days before",
    )  # fmt: skip


def filters_of(dimension: str, numbers: tuple[int, ...], from_: str = "", to: str = "") -> Filters:
    """Return filters for some partners, or some offers."""
    return Filters(from_, to, numbers, None) if dimension == "partner" else Filters(from_, to, None, numbers)


def _day_label(day: date) -> str:
    return f"{day.day} {day:%b}"


def tiles(course: Course, measures: Sequence[str], hrefs: dict[str, str]) -> list[dict[str, object]]:
    """Return a tile for each figure, with its change and its course."""
    return [
        {
            "label": MEASURES[key].label,
            "icon": MEASURES[key].icon,
            "value": figure_text(course.total(key), key, course.currency, brief=True),
            "change": change(course.total(key), course.total(key, before=True)),
            "note": course.note,
            "href": hrefs.get(key, ""),
            "values": [value or 0 for value in course.values(key)[: course.compared]],
        }
        for key in measures
    ]


def course_chart(course: Course, measure: str) -> Chart:
    """Draw a figure over time, with the period before dashed."""
    series = [
        Series(REPORT_MEASURES[measure].label, course.values(measure)),
        Series("Period before", course.values(measure, before=True), "muted", dashed=True),
    ]
    unit = unit_of(measure, course.currency)
    return line_chart(REPORT_MEASURES[measure].label, course.labels, series, unit=unit)


def leaders(actor: Actor, dimension: str, period: Period, measure: str) -> dict[str, list[dict[str, Any]]]:
    """Return the largest partners or offers of a period, and those that lost most against the period before."""
    part, key = Part(f"-{measure}", _COMPARED_ROWS), f"{dimension}_id"
    earlier = period.before()
    now = report(actor, "kpi", [dimension], Filters(period.from_, period.to), part)
    before = report(actor, "kpi", [dimension], Filters(earlier.from_, earlier.to), part)
    had = by_key(before.rows, key, measure, before.currency)
    have = by_key(now.rows, key, measure, now.currency)
    if now.total_rows > _COMPARED_ROWS and (rest := had.keys() - have.keys()):
        have |= _of_some(actor, dimension, period, measure, tuple(sorted(rest)))
    top = [(number, value) for number, value in have.items() if value > 0 and number != UNATTRIBUTED]
    lost = [(number, have.get(number, 0) - value) for number, value in had.items() if number != UNATTRIBUTED]
    top.sort(key=lambda pair: (-pair[1], pair[0]))
    lost = sorted((pair for pair in lost if pair[1] < 0), key=lambda pair: (pair[1], pair[0]))
    name = _namer(now, before, dimension)
    return {
        "top": [_row(number, value, name, dimension, measure, now.currency) for number, value in top[:_TOP_ROWS]],
        "sinking": [_row(number, value, name, dimension, measure, now.currency) for number, value in lost[:_TOP_ROWS]],
    }


def _of_some(actor: Actor, dimension: str, period: Period, measure: str, numbers: tuple[int, ...]) -> dict[Any, float]:
    """Return the figures of partners or offers that are not among the largest any more."""
    found = report(actor, "kpi", [dimension], filters_of(dimension, numbers, period.from_, period.to))
    return by_key(found.rows, f"{dimension}_id", measure, found.currency)


def _namer(now: Report, before: Report, dimension: str) -> dict[int, str]:
    """Return names by number."""
    found: dict[int, str] = {}
    for one in (before, now):
        names = names_of_report(one)
        for row in one.rows:
            number = row[f"{dimension}_id"]
            found[number] = getattr(names, dimension)(number, row[dimension])
    return found


def _row(
    number: int, value: float, names: dict[int, str], dimension: str, measure: str, currency: str
) -> dict[str, Any]:
    return {
        "title": names.get(number, str(number)), "end": figure_text(value, measure, currency),
        "icon": "users" if dimension == "partner" else "target-arrow",
        "href": f"{reverse('console_reports')}?{urlencode({'by': 'day', dimension: number, 'measure': measure})}",
    }  # fmt: skip
