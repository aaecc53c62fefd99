"""Page of reports: dimensions, filters, period, a chart and a table, all in the address."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from control.accounts.actor import Actor
from control.accounts.roles import Area
from control.console.access import page
from control.console.figures.answers import asking, export_items, file_answer
from control.console.figures.filters import FigureFilters, bar_context, read_filters, without
from control.console.figures.report_table import (
    DIMENSIONS,
    TIMES,
    export_head,
    export_rows,
    order_of,
    report_table,
    time_text,
)
from control.console.figures.sums import MEASURES, by_key, unit_of
from control.engine.answers import Part, Report, report
from control.engine.names import names_of_report
from control.errors import Refused
from control.ui.charts.bar import ranking
from control.ui.charts.chart import Chart, Series
from control.ui.charts.line import line_chart
from control.ui.formats import count_text
from control.ui.table import Page

_PAGE_ROWS = 50
_EXPORT_ROWS_MAX = 100_000
_RANKED_ROWS = 10
_PAGE_MAX = 1_000


@page(Area.REPORTS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show a report, or export it."""
    filters = read_filters(request, actor, "30d")
    by = _dimensions(request)
    measure = request.GET.get("measure", "") if request.GET.get("measure") in MEASURES else "revenue"
    order = order_of(by, request.GET.get("order", "").replace("\0", ""))
    if request.GET.get("export") in ("csv", "xlsx") and not filters.mistake:
        return _exported(actor, by, filters, order, request.GET["export"])
    number = _page_number(request)
    part = Part(order, _PAGE_ROWS, (number - 1) * _PAGE_ROWS)
    context: dict[str, object] = {
        "title": "Reports",
        "bar": bar_context(request, actor, filters),
        "by_select": _by_select("by", "Rows", by[:1]),
        "then_select": _by_select("then", "Then by", by[1:], "Nothing else"),
        "measure_select": {"options": [(key, one.label) for key, one in MEASURES.items()], "value": measure},
        "measure": MEASURES[measure].label,
        "period": filters.period.text,
        "exports": export_items(without(request).removeprefix("?")),
        "trouble": filters.mistake,
    }
    if not filters.mistake:
        asked = asking(lambda: _figures(actor, by, filters, part, measure))
        context |= asked.answer or {}
        context["trouble"] = asked.trouble
    return render(request, "console/reports.html", context)


def _figures(actor: Actor, by: Sequence[str], filters: FigureFilters, part: Part, measure: str) -> dict[str, object]:
    """Ask for the rows of the page, the total, and the chart."""
    found = report(actor, "kpi", by, filters.asked(), part)
    names = names_of_report(found)
    total = report(actor, "kpi", ["total"], filters.asked())
    total_row = next((row for row in total.rows if row["currency"] == total.currency), None)
    others = sorted({row["currency"] for row in total.rows if row["currency"] != total.currency})
    return {
        "table": report_table(by, found.rows, names, part.order, total_row),
        "page": Page(part.offset // _PAGE_ROWS + 1, _PAGE_ROWS, found.total_rows),
        "count": f"{count_text(found.total_rows)} {'row' if found.total_rows == 1 else 'rows'}",
        "chart": _chart(actor, by, filters, measure) if found.rows else None,
        "others": ", ".join(others),
        "timezone": found.timezone,
    }


def _chart(actor: Actor, by: Sequence[str], filters: FigureFilters, measure: str) -> Chart | None:
    """Draw a figure over time, or as a ranking of the first dimension."""
    title, time = MEASURES[measure].label, next((name for name in by if name in TIMES), None)
    if time is not None:
        found = report(actor, "kpi", [time], filters.asked())
        sums = by_key(found.rows, time, measure, found.currency)
        steps = [day.isoformat() for day in filters.period.days] if time == "day" else []
        steps = steps or sorted(sums)
        return line_chart(
            title, [time_text(step) for step in steps], [Series(title, [sums.get(step, 0) for step in steps])],
            unit=unit_of(measure, found.currency), over=DIMENSIONS[time],
        )  # fmt: skip
    first = by[0]
    found = report(actor, "kpi", [first], filters.asked(), Part(f"-{measure}", _RANKED_ROWS))
    names, sums = names_of_report(found), by_key(found.rows, f"{first}_id", measure, found.currency)
    bars = [(getattr(names, first)(number), value) for number, value in sums.items() if value > 0]
    return ranking(title, bars, unit=unit_of(measure, found.currency), over=DIMENSIONS[first]) if bars else None


def _dimensions(request: HttpRequest) -> list[str]:
    wanted = [request.GET.get("by", ""), request.GET.get("then", "")]
    return list(dict.fromkeys(name for name in wanted if name in DIMENSIONS)) or ["day"]


def _by_select(name: str, label: str, chosen: Sequence[str], empty: str = "") -> dict[str, object]:
    options = [*([("", empty)] if empty else []), *DIMENSIONS.items()]
    return {"name": name, "label": label, "options": options, "value": chosen[0] if chosen else ""}


def _page_number(request: HttpRequest) -> int:
    text = request.GET.get("page", "1")
    return min(int(text), _PAGE_MAX) if text.isascii() and text.isdecimal() and int(text) else 1


def _exported(actor: Actor, by: Sequence[str], filters: FigureFilters, order: str, kind: str) -> HttpResponse:
    try:
        found: Report = report(actor, "kpi", by, filters.asked(), Part(order, _EXPORT_ROWS_MAX))
    except Refused as error:
        return HttpResponse(f"{error}\n", status=503, content_type="text/plain; charset=utf-8")
    return file_answer(kind, "report", export_head(by), export_rows(by, found.rows, names_of_report(found)))
