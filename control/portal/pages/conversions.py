"""Pages of conversions: the list, and one with its own part of the explanation."""

from typing import Any
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from control.accounts.actor import Actor
from control.accounts.roles import Area
from control.console.figures.conversion_table import time_of
from control.console.lists.export import file_answer
from control.engine.answers import ConversionQuery, conversion, conversions, explanation
from control.engine.api import after_of, checked_id
from control.engine.cursors import cursor_of
from control.engine.names import names_of_conversions
from control.engine.zone import program_zone
from control.errors import Invalid
from control.portal.access import portal_page
from control.portal.conversions import conversion_table, earned_text, export_head, export_rows, status_cell, statuses
from control.portal.explanation import amounts, commission_rows, course, plan_rows, why_not
from control.portal.figures import asking
from control.portal.filters import read_filters
from control.ui.moments import minute_text

_PAGE_ROWS = 50
_EXPORT_ROWS_MAX = 999
_Q_CHARS_MAX = 200


@portal_page(Area.REPORTS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List conversions, newest first; with `export=csv`, as a file."""
    filters = read_filters(request, actor, "90d")
    query = " ".join(request.GET.get("q", "").replace("\0", "").split())[:_Q_CHARS_MAX]
    status = request.GET.get("status", "") if request.GET.get("status") in statuses() else ""
    is_file = request.GET.get("export") == "csv"
    asked = ConversionQuery(
        filters.asked(), status, query, after=None if is_file else _after(request),
        limit=_EXPORT_ROWS_MAX if is_file else _PAGE_ROWS + 1,
    )  # fmt: skip
    found = asking(lambda: conversions(actor, asked))
    rows = found.answer or []
    if is_file and found.answer is not None:
        return file_answer("csv", "conversions", export_head(), export_rows(rows, names_of_conversions(rows)))
    last = rows[_PAGE_ROWS - 1] if len(rows) > _PAGE_ROWS else None
    shown = rows[:_PAGE_ROWS]
    context = {
        "table": conversion_table(shown, names_of_conversions(shown), program_zone()),
        "next": cursor_of([last["at_us"], last["conversion_id"]]) if last is not None else "",
        "trouble": found.trouble, "text": filters.period_text, "is_filtered": bool(query or status or filters.offer),
        "selects": [
            filters.period_select(), filters.offer_select(),
            {
                "name": "status", "label": _("Any status"), "value": status,
                "options": [(key, text) for key, (text, _tone) in statuses().items()],
            },
        ],
        "export": filters.with_export(),
    }  # fmt: skip
    return render(request, "portal/conversions.html", context)


def _after(request: HttpRequest) -> tuple[int, str] | None:
    try:
        return after_of(request.GET.get("cursor", ""))
    except Invalid:
        return None


@portal_page(Area.REPORTS)
def show(request: HttpRequest, actor: Actor, conversion_id: str) -> HttpResponse:
    """Show a conversion: what the partner earns by it, why, and why not."""
    known = checked_id(conversion_id)
    found = asking(lambda: (conversion(actor, known), explanation(actor, known)))
    if found.is_missing:
        raise Http404
    context: dict[str, Any] = {"title": known[:12], "trouble": found.trouble}
    if found.answer is not None:
        row, explained = found.answer
        names, zone = names_of_conversions([row]), ZoneInfo(program_zone())
        context |= {
            "title": row["txn_id"] or known[:12], "status": status_cell(row), "earned": earned_text(row),
            "why_not": why_not(row, explained),
            "facts": [
                (_("Offer"), names.offer(row["offer_id"])), (_("Time"), minute_text(time_of(row).astimezone(zone))),
                (_("You earn"), earned_text(row)), *amounts(row), (_("Number"), known),
            ],
            "course": course(explained), "plans": plan_rows(explained), "commissions": commission_rows(row, zone),
        }  # fmt: skip
    return render(request, "portal/conversion.html", context)
