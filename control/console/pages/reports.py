"""Page of reports: dimensions, filters, period, columns, a chart and a table, all in the address."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.roles import Area
from control.console.access import page
from control.console.figures.answers import asking
from control.console.figures.filters import FigureFilters, bar_context, read_filters, without
from control.console.figures.overview import course_chart, read_course, tiles
from control.console.figures.report_filters import dimension_filters, goal_names, value_chips
from control.console.figures.report_state import BY, COLUMNS, ReportState, read_report_state
from control.console.figures.report_table import Key, export_head, export_rows, key_of, report_table, time_text
from control.console.figures.sums import REPORT_MEASURES, by_key, unit_of
from control.console.lists.export import DIRECT_ROWS_MAX, ask_for_export, export_items, file_answer, wanted_export
from control.console.lists.views_page import ListHead, change_views, views_context
from control.engine.answers import Filters, Part, Report, report
from control.engine.dimensions import LABELS, SUBS, TIMES
from control.engine.names import names_of_report
from control.engine.values import join_values
from control.errors import Refused
from control.ui.charts.chart import Chart, Series
from control.ui.charts.line import line_chart
from control.ui.formats import count_text
from control.ui.table import Page

HEAD = ListHead("reports", "console_reports", "All figures")
_PAGE_ROWS = 50
_PAGES_MAX = 200
_DAYS_OF_CHART_MAX = 400
_COMPARED_ROWS = 10_000
_ON_TILES = ("clicks", "conversions", "revenue", "payout")


@page(Area.REPORTS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show a report, export it, or keep it as a view."""
    state = read_report_state(request)
    if request.method == "POST" and (answer := change_views(request, actor, HEAD, state.list, state.known)) is not None:
        return answer
    filters = replace(read_filters(request, actor, "30d"), values=state.values)
    if (wanted := wanted_export(request)) and not filters.mistake:
        return _exported(actor, state, filters, wanted)
    number = _page_number(request)
    part = Part(state.order, _PAGE_ROWS, (number - 1) * _PAGE_ROWS)
    context: dict[str, object] = {
        "title": "Reports",
        "bar": {**bar_context(request, actor, filters), "values": dimension_filters(actor, state.values)},
        "dimensions": [_dimension_select(index, state.by) for index in range(len(BY))],
        "measures": [(key, one.label, key == state.measure) for key, one in REPORT_MEASURES.items()],
        "measure": REPORT_MEASURES[state.measure].label,
        "compare": state.compare,
        "period": filters.period.text,
        "exports": export_items(without(request).removeprefix("?")),
        "value_chips": value_chips(request, state.values),
        "trouble": filters.mistake,
        **views_context(actor, HEAD, state.list, state.known, [*COLUMNS.items()]),
    }
    if not filters.mistake:
        asked = asking(lambda: _figures(actor, state, filters, part))
        context |= asked.answer or {}
        context["trouble"] = asked.trouble
    return render(request, "console/reports.html", context)


def _figures(actor: Actor, state: ReportState, filters: FigureFilters, part: Part) -> dict[str, object]:
    """Ask for the rows of the page, the total, the period before, and the chart."""
    found = report(actor, "kpi", state.by, filters.asked(), part)
    names = names_of_report(found)
    total = report(actor, "kpi", ["total"], filters.asked())
    total_row = next((row for row in total.rows if row["currency"] == total.currency), None)
    others = sorted({row["currency"] for row in total.rows if row["currency"] != total.currency})
    before = _before(actor, state, filters, found) if state.compare and found.rows else None
    goals = dict(goal_names(actor)) if "goal" in state.by else {}
    reachable = min(found.total_rows, _PAGE_ROWS * _PAGES_MAX)
    return {
        "table": report_table(state, found.rows, names, total_row, before, goals),
        "page": Page(part.offset // _PAGE_ROWS + 1, _PAGE_ROWS, reachable),
        "count": f"{count_text(found.total_rows)} {'row' if found.total_rows == 1 else 'rows'}",
        "more_rows": found.total_rows - reachable,
        "others": ", ".join(others),
        "timezone": found.timezone,
        "not_compared": state.compare and before is None,
        **(_course(actor, state, filters) if found.rows else {}),
    }


def _before(
    actor: Actor, state: ReportState, filters: FigureFilters, found: Report
) -> Mapping[Key, Mapping[str, object]] | None:
    """Ask for the rows of the page in the period before; None if they have none."""
    earlier = filters.period.before()
    if state.has_times or earlier.first is None:
        return None
    asked, values = filters.asked(), dict(filters.values)
    numbers: dict[str, tuple[int, ...] | None] = {"partner": asked.partners, "offer": asked.offers}
    for name in state.by:
        if name in numbers:
            numbers[name] = tuple(sorted({row[f"{name}_id"] for row in found.rows}))
        else:
            values[name] = tuple(sorted({str(row[name]) for row in found.rows}))
    wanted = Filters(earlier.from_, earlier.to, numbers["partner"], numbers["offer"], values)
    rows = report(actor, "kpi", state.by, wanted, Part("-clicks", _COMPARED_ROWS)).rows
    return {key_of(state.by, row): row for row in rows}


def _course(actor: Actor, state: ReportState, filters: FigureFilters) -> dict[str, object]:
    """Return tiles and a chart by day or hour with the period before, or a chart by month for long periods."""
    period, measure = filters.period, state.measure
    if 0 < len(period.days) <= _DAYS_OF_CHART_MAX:
        course = read_course(actor, period, timezone.now(), filters.asked())
        return {"chart": course_chart(course, measure), "tiles": tiles(course, _ON_TILES, {})}
    return {"chart": _by_month(actor, filters, measure)}


def _by_month(actor: Actor, filters: FigureFilters, measure: str) -> Chart:
    found = report(actor, "kpi", ["month"], filters.asked())
    sums = by_key(found.rows, "month", measure, found.currency)
    title, steps = REPORT_MEASURES[measure].label, sorted(sums)
    return line_chart(
        title, [time_text(step) for step in steps], [Series(title, [sums[step] for step in steps])],
        unit=unit_of(measure, found.currency), over=LABELS["month"],
    )  # fmt: skip


def _dimension_select(index: int, by: Sequence[str]) -> dict[str, object]:
    groups = [
        ("Time", [(name, LABELS[name]) for name in TIMES]),
        ("Dimensions", [(name, label) for name, label in LABELS.items() if name not in (*TIMES, *SUBS)]),
        ("Values of partners", [(name, LABELS[name]) for name in SUBS]),
    ]
    return {
        "name": BY[index], "label": ("Rows", "Then by", "Also by")[index], "groups": groups,
        "empty": ("", "Add a dimension", "Add a dimension")[index], "prefix": ("By", "then by", "also by")[index],
        "value": by[index] if index < len(by) else "",
    }  # fmt: skip


def _page_number(request: HttpRequest) -> int:
    text = request.GET.get("page", "1")
    return min(int(text), _PAGES_MAX) if text.isascii() and text.isdecimal() and int(text) else 1


def _exported(actor: Actor, state: ReportState, filters: FigureFilters, kind: str) -> HttpResponse:
    try:
        found: Report = report(actor, "kpi", state.by, filters.asked(), Part(state.order, DIRECT_ROWS_MAX))
    except Refused as error:
        return HttpResponse(f"{error}\n", status=503, content_type="text/plain; charset=utf-8")
    if found.total_rows > len(found.rows):
        return ask_for_export("report", kind, _as_parameters(state, filters))
    there = frozenset(column.name for column in found.columns)
    rows = export_rows(state.by, found.rows, names_of_report(found), there)
    return file_answer(kind, "report", export_head(state.by, there), rows)


def _as_parameters(state: ReportState, filters: FigureFilters) -> dict[str, object]:
    """Return the report as parameters of the API."""
    asked = filters.asked()
    given = {
        "by": ",".join(state.by), "from": asked.from_, "to": asked.to, "order": state.order,
        "partner": ",".join(map(str, asked.partners or ())), "offer": ",".join(map(str, asked.offers or ())),
        "filter": [f"{name}={join_values(values)}" for name, values in state.values.items()],
    }  # fmt: skip
    return {name: value for name, value in given.items() if value}
