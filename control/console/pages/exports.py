"""Pages of exports: files that are made or ready, asking for one, downloading one."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.timesince import timeuntil

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.console.access import page
from control.console.lists.page import list_page
from control.console.lists.spec import BulkAction, Empty, Filter, ListColumn, ListSpec
from control.errors import Conflict, Invalid
from control.exports import services
from control.exports.answer import export_answer
from control.exports.models import PENDING, Export, ExportFormat, ExportState
from control.exports.registry import find_table
from control.exports.selectors import shown_exports
from control.ui.formats import count_text
from control.ui.moments import minute_text
from control.ui.table import Cell, Tone

_WORKING_SHOWN_MAX = 5
_FILTERS_CHARS_MAX = 8_000
_TONES: dict[str, Tone] = {
    ExportState.WAITING: "info", ExportState.RUNNING: "info", ExportState.DONE: "good", ExportState.FAILED: "bad",
}  # fmt: skip


def _columns(actor: Actor) -> Sequence[ListColumn[Export]]:
    return [
        ListColumn[Export]("title", "Table", lambda row: _title(row, actor), ("title",), export=lambda row: row.label),
        ListColumn[Export]("format", "Format", lambda row: row.get_format_display(), ("format",)),
        ListColumn[Export]("state", "State", _state, ("state",)),
        ListColumn[Export](
            "rows", "Rows", _rows, ("rows_count",), numeric=True, descending_first=True,
            export=lambda row: row.rows_count,
        ),
        ListColumn[Export](
            "size", "Size", lambda row: filesizeformat(row.file.size_bytes) if row.file is not None else "",
            ("file__size_bytes",), numeric=True, descending_first=True,
            export=lambda row: row.file.size_bytes if row.file is not None else 0,
        ),
        ListColumn[Export]("by", "Asked for by", lambda row: row.creator_name, ("creator_name",)),
        ListColumn[Export](
            "created", "Asked for", lambda row: minute_text(row.created), ("created",),
            descending_first=True,
        ),
        ListColumn[Export]("expires", "Kept for", lambda row: timeuntil(row.expires, depth=1), ("expires",)),
    ]  # fmt: skip


def _title(row: Export, actor: Actor) -> Cell | str:
    is_mine = row.creator_kind == actor.kind and row.creator_id == actor.id
    if row.file is None or not is_mine:
        return Cell(row.label)
    return Cell(row.label, href=reverse("console_export_file", args=[row.pk]), note="Download")


def _state(row: Export) -> Cell:
    return Cell(row.get_state_display(), badge=_TONES[row.state], note=row.problem)


def _rows(row: Export) -> str:
    if row.state == ExportState.RUNNING and row.total_rows:
        return f"{count_text(row.rows_count)} of {count_text(row.total_rows)}"
    return count_text(row.rows_count) if row.state != ExportState.WAITING else ""


def _delete(actor: Actor, row_id: str, _values: Mapping[str, Any]) -> Mapping[str, Any]:
    services.delete_export(actor, UUID(row_id))
    return {}


EXPORTS = ListSpec(
        key="exports", title="Exports", noun="export", nouns="exports", url_name="console_exports",
        rows=shown_exports, columns=_columns, order="-created",
        text="Files of lists, reports and conversions, made by a job and kept for 7 days. Only the person who asked "
        "for a file can download it.",
        empty=Empty(
            "No exports yet", "Export a list or a report. A file of more than 5,000 rows is made here.", "download"
        ),
        search=lambda _actor, rows, text: rows.filter(title__icontains=text),
        search_label="Search by table",
        filters=(
            Filter("state", "State", lambda rows, value: rows.filter(state=value), lambda _: ExportState.choices),
            Filter("format", "Format", lambda rows, value: rows.filter(format=value), lambda _: ExportFormat.choices),
        ),
        bulk=(
            BulkAction(
                "delete", "Delete", "deleted", _delete, danger=True, area=Area.REPORTS, action=Action.READ,
                text="Files are gone at once. An export that is being made is cancelled.",
            ),
        ),
    )  # fmt: skip


@page()
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List exports; the page refreshes itself while one is being made."""
    working = list(shown_exports(actor).filter(state__in=PENDING).order_by("created")[:_WORKING_SHOWN_MAX])
    return list_page(request, actor, EXPORTS, working=working, above="console/exports_working.html" if working else "")


@page()
def new(request: HttpRequest, actor: Actor, resource: str, file_format: str) -> HttpResponse:
    """Ask before a job makes a file."""
    text = (request.POST if request.method == "POST" else request.GET).get("filters", "{}")
    try:
        filters = json.loads(text) if len(text) <= _FILTERS_CHARS_MAX else None
        if not isinstance(filters, dict) or file_format not in ExportFormat.values:
            raise Http404("not an export")
        table = find_table(resource)
        wanted = table.check(actor, filters)
    except (ValueError, RecursionError, Invalid):
        raise Http404("not an export") from None
    title = table.title(wanted)
    if request.method == "POST":
        try:
            services.start_export(actor, resource, file_format, wanted)
        except (Conflict, Invalid) as error:
            messages.error(request, f"The export is not made: {error}.")
        else:
            messages.success(request, f"{title}: a job makes the file. It is listed here while that goes on.")
        return HttpResponseRedirect(reverse("console_exports"))
    context = {
        "title": f"Export {title.lower()}", "crumbs": [("Exports", reverse("console_exports"))], "filters": text,
        "format_label": ExportFormat(file_format).label,
    }  # fmt: skip
    return render(request, "console/export_new.html", context)


@page()
def file(_request: HttpRequest, actor: Actor, export_id: UUID) -> HttpResponse:
    """Send the file of an export."""
    try:
        return export_answer(actor, export_id)
    except Conflict as error:
        raise Http404(str(error)) from None
