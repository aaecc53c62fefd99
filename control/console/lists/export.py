"""Exports of lists: few rows are sent at once, many are the work of a job."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse

from control.accounts.actor import Actor
from control.console.lists.read import known_of, matching, ordered, shown_columns
from control.console.lists.spec import ListSpec
from control.console.lists.state import ListState
from control.exports.registry import Opened
from control.modules.states import is_on, require_on
from control.tables.write import Value, csv_lines, xlsx_file

DIRECT_ROWS_MAX = 5_000
"""Most rows of a file that is sent at once."""
_READ_ROWS = 2_000


def exported(actor: Actor, spec: ListSpec[Any], state: ListState, kind: str) -> HttpResponse:
    """Send the rows of a list as a file, or ask for the job that makes it if they are many."""
    if matching(spec, actor, state).order_by("pk")[: DIRECT_ROWS_MAX + 1].count() > DIRECT_ROWS_MAX:
        return ask_for_export("list", kind, {"list": spec.key, "query": state.query(known_of(spec, actor))})
    table = open_list(actor, spec, state)
    return file_answer(kind, spec.key, table.head, table.rows)


def open_list(actor: Actor, spec: ListSpec[Any], state: ListState) -> Opened:
    """Begin to read a list as a table: the rows that the actor may see and the state asks for."""
    columns, rows = shown_columns(spec, actor, state), matching(spec, actor, state)
    total_rows = rows.order_by().count()
    rows = rows.order_by("-pk") if spec.by_cursor else ordered(spec, actor, state, rows)

    def values() -> Iterator[list[Value]]:
        for row in rows.iterator(chunk_size=_READ_ROWS):
            yield [column.value(row) for column in columns]

    return Opened([column.label for column in columns], values(), total_rows)


def file_answer(kind: str, name: str, head: Sequence[str], rows: Iterable[Sequence[Value]]) -> HttpResponse:
    """Send rows as a file, `csv` or `xlsx`."""
    if kind == "csv":
        answer = StreamingHttpResponse(
            (line.encode("utf-8", "replace") for line in csv_lines(head, rows)), content_type="text/csv; charset=utf-8"
        )
        answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
        return answer  # type: ignore[return-value]
    return FileResponse(  # type: ignore[return-value]
        xlsx_file(name, head, rows), as_attachment=True, filename=f"{name}.xlsx",
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )  # fmt: skip


def wanted_export(request: HttpRequest) -> str:
    """Return the format that the address of a page asks for; empty if it asks for the page. Raises ModuleOff."""
    wanted = request.GET.get("export", "")
    if wanted not in ("csv", "xlsx"):
        return ""
    require_on("exports")
    return wanted


def ask_for_export(resource: str, file_format: str, filters: Mapping[str, Any]) -> HttpResponseRedirect:
    """Lead to the page that asks for an export."""
    address = reverse("console_export_new", args=[resource, file_format])
    return HttpResponseRedirect(f"{address}?{urlencode({'filters': json.dumps(filters)})}")


def export_items(query: str) -> list[dict[str, str]]:
    """Return the entries of the menu of exports, for the address of a page; none while the module is off."""
    if not is_on("exports"):
        return []
    kinds = (("csv", "CSV", "file-type-csv"), ("xlsx", "Excel (XLSX)", "file-spreadsheet"))
    return [
        {"label": label, "href": f"?export={kind}{'&' if query else ''}{query}", "icon": icon}
        for kind, label, icon in kinds
    ]
