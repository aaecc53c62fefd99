"""Statistics: a figure over time, and a table by what a partner wants to compare."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from control.accounts.actor import Actor
from control.accounts.roles import Area
from control.console.figures.overview import read_course
from control.console.figures.report_filters import goal_names
from control.console.figures.sums import figure_of, value_of
from control.console.lists.export import file_answer
from control.engine.answers import Part, Report, report
from control.engine.dimensions import SUBS
from control.engine.names import Names, names_of_report
from control.engine.values import VALUE_CHARS_MAX
from control.partners.settings import money_shown
from control.portal.access import portal_page
from control.portal.figures import asking, course_tiles, earnings_chart
from control.portal.filters import OwnFilters, read_filters
from control.ui.charts.bar import ranking
from control.ui.charts.scale import money_unit
from control.ui.moments import day_text
from control.ui.table import Cell, Column, Row, Table
from runtime.engine_key import PROFIT, REVENUE

_ROWS_MAX = 200
_EXPORT_ROWS_MAX = 5_000
_DEFAULT_PERIOD = "30d"
_TIMES = ("day", "month")
_SUBS_SHOWN = 5
_FILTERED = ("goal", "link", "country", *SUBS)
"""Dimensions with a filter of their own: a click on a value of the table sets it."""


def dimensions() -> dict[str, str]:
    """Return what rows may be split by."""
    subs = {name: _("Sub %(number)s") % {"number": name[3:]} for name in SUBS}
    return {
        "day": _("Day"), "offer": _("Offer"), "goal": _("Goal"), "link": _("Link"), "country": _("Country"),
        "device": _("Device"), "month": _("Month"), **subs,
    }  # fmt: skip


def measures() -> dict[str, str]:
    """Return the columns that a partner sees: money of the program only where its settings allow it."""
    shown = money_shown()
    more = {REVENUE: ("revenue", _("Revenue")), PROFIT: ("profit", _("Margin"))}
    return {
        "clicks": _("Clicks"), "conversions": _("Conversions"), "payout": _("Earned"), "unique_clicks": _("Unique"),
        "approved": _("Approved"), "declined": _("Rejected"), "epc": _("Per click"),
        **dict(pair for name, pair in more.items() if name in shown),
    }  # fmt: skip


@portal_page(Area.REPORTS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show tiles, a chart and a table of a period; with `export=csv`, the table as a file."""
    filters = read_filters(request, actor, _DEFAULT_PERIOD)
    names = dimensions()
    by = request.GET.get("by", "") if request.GET.get("by") in names else "day"
    given = {name: request.GET.get(name, "").replace("\0", "") for name in _FILTERED}
    values: dict[str, tuple[str, ...]] = {
        name: (text,) for name, text in given.items() if 0 < len(text) <= VALUE_CHARS_MAX
    }
    if request.GET.get("export") == "csv":
        found = asking(lambda: _report(actor, filters, by, values, _EXPORT_ROWS_MAX))
        if found.answer is not None:
            return _file(found.answer, by, dict(goal_names(actor)))
    shown = asking(lambda: _shown(actor, filters, by, values))
    context = {
        "selects": [
            {"name": "by", "label": _("By"), "value": by, "options": _choices(names, by)},
            filters.period_select(),
            filters.offer_select(),
        ],
        "chips": [
            (f"{names[name]}: {found[0]}", _without(request, name)) for name, found in values.items()
        ],
        "values": values, "text": filters.period_text, "trouble": shown.trouble, "export": filters.with_export(),
        **(shown.answer or {}),
    }  # fmt: skip
    return render(request, "portal/statistics.html", context)


def _choices(names: dict[str, str], by: str) -> list[tuple[str, str]]:
    """Return what one may choose to split rows by: of the subs the first ones, and the one in the address."""
    return [(name, text) for name, text in names.items() if name not in SUBS[_SUBS_SHOWN:] or name == by]


def _without(request: HttpRequest, name: str) -> str:
    query = request.GET.copy()
    query.pop(name, None)
    return f"?{query.urlencode()}"


def _report(
    actor: Actor, filters: OwnFilters, by: str, values: dict[str, tuple[str, ...]], limit: int = _ROWS_MAX
) -> Report:
    order = f"-{by if by in _TIMES else 'payout'}"
    return report(actor, "kpi", [by], filters.asked(values), Part(order, limit))


def _shown(
    actor: Actor, filters: OwnFilters, by: str, values: dict[str, tuple[str, ...]]
) -> dict[str, Any]:  # fmt: skip
    found, names = _report(actor, filters, by, values), dimensions()
    goals = dict(goal_names(actor))
    own = names_of_report(found)
    context: dict[str, Any] = {
        "table": _table(filters, found, by, goals, own), "more_rows": max(0, found.total_rows - len(found.rows)),
        "by_label": names[by],
    }  # fmt: skip
    if filters.period.first is not None:
        course = read_course(actor, filters.period, timezone.now(), filters.asked(values))
        context["tiles"] = course_tiles(course, _("against the period before"), {})
        if by == "day" and filters.period.first != filters.period.last:
            context["chart"] = earnings_chart(course)
    if by not in _TIMES:
        context["chart"] = _ranking(found, by, goals, own, names[by])
    return context


def _ranking(found: Report, by: str, goals: dict[str, str], own: Names, label: str) -> Any:
    rows = [(_value_text(row, by, goals, own), value_of(row, "payout")) for row in found.rows
            if row["currency"] == found.currency]  # fmt: skip
    top = [(text, value) for text, value in rows if value > 0][:10]
    title = _("Earned by %(what)s") % {"what": label}
    return ranking(title, top, unit=money_unit(found.currency)) if top else None


def _table(filters: OwnFilters, found: Report, by: str, goals: dict[str, str], own: Names) -> Table:
    shown = measures()
    heads = [Column(dimensions()[by]), *(Column(text, numeric=True) for text in shown.values())]
    body = []
    for row in found.rows:
        text, query = _value_text(row, by, goals, own), _narrowed(filters, row, by)
        body.append(Row([Cell(text, href=query), *(figure_of(row, name) for name in shown)]))
    return Table(_("Statistics"), heads, body)


def _narrowed(filters: OwnFilters, row: Any, by: str) -> str:
    """Return the query of the same page for one value, by day."""
    if by not in (*_FILTERED, "offer") or not (value := row["offer_id" if by == "offer" else by]):
        return ""
    query = filters.request.GET.copy()
    query.pop("export", None)
    query["by"], query[by] = "day", str(value)
    return f"?{query.urlencode()}"


def _value_text(row: Any, by: str, goals: dict[str, str], own: Names) -> str:
    if by == "offer":
        return own.offer(row["offer_id"], row["offer"])
    value = str(row[by])
    if by == "day":
        return day_text(date.fromisoformat(value))
    return (goals.get(value, value) if by == "goal" else value) or _("unknown")


def _file(found: Report, by: str, goals: dict[str, str]) -> HttpResponse:
    own, shown = names_of_report(found), measures()
    head: Sequence[str] = [dimensions()[by], *shown.values(), _("Currency")]
    rows = (
        [
            str(row[by]) if by in _TIMES else _value_text(row, by, goals, own),
            *(str(row[name]) if row.get(name) is not None else "" for name in shown), row["currency"],
        ]
        for row in found.rows
    )  # fmt: skip
    return file_answer("csv", "statistics", head, rows)
