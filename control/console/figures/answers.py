"""Answers of pages that ask the engine: a page opens without it too, and exports are files."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.http import FileResponse, HttpResponse, StreamingHttpResponse

from control.errors import Invalid, NotFound, Unavailable
from control.tables.write import Value, csv_lines, xlsx_file

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Asked(Generic[_T]):
    """Answer of the engine, or a sentence about why there is none."""

    answer: _T | None
    trouble: str = ""
    is_missing: bool = False
    """True if the engine has no such object for this actor."""


def asking(work: Callable[[], _T]) -> Asked[_T]:
    """Ask the engine; its absence and its refusals are sentences for the page."""
    try:
        return Asked(work())
    except (Unavailable, Invalid, NotFound) as error:
        text = str(error)
        return Asked(None, f"{text[:1].upper()}{text[1:]}.", isinstance(error, NotFound))


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


def export_items(query: str) -> list[dict[str, str]]:
    """Return the entries of the menu of exports, for the address of a page."""
    kinds = (("csv", "CSV", "file-type-csv"), ("xlsx", "Excel (XLSX)", "file-spreadsheet"))
    return [
        {"label": label, "href": f"?export={kind}{'&' if query else ''}{query}", "icon": icon}
        for kind, label, icon in kinds
    ]
