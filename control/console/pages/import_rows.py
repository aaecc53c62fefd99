"""Rows of an import on its page, and as a file of those with mistakes."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest

from control.files.store import open_file
from control.imports.models import Import, ImportRow, ImportState, Outcome, RowState
from control.imports.resource import Resource
from control.imports.resources import find_resource
from control.imports.selectors import rows_of
from control.tables.open_table import open_table
from control.tables.write import csv_lines
from control.ui.formats import count_text
from control.ui.states import state_tone
from control.ui.table import Page, Tone

PAGE_ROWS = 50
_OUTCOMES = {
    Outcome.CREATED: "New", Outcome.CHANGED: "Changed", Outcome.UNCHANGED: "Unchanged", Outcome.ERROR: "Errors",
}  # fmt: skip
_STATES = {
    RowState.APPLIED: "Applied", RowState.REFUSED: "Not applied", RowState.UNDONE: "Undone", RowState.KEPT: "Kept",
}  # fmt: skip
_TONES: dict[str, Tone] = {
    "applied": "good", "refused": "bad", "kept": "warn", "checking": "info", "applying": "info", "undoing": "info",
}  # fmt: skip
MISTAKES = "What to correct"
"""Heading of the added column; no field has the name."""


def counts_of(found: Import) -> list[tuple[str, str]]:
    """Return the numbers that matter now: those of the dry run, or those of what became of it."""
    names = _OUTCOMES if found.state == ImportState.CHECKED else _STATES
    shown = [(label, found.counts.get(name.value, 0)) for name, label in names.items()]
    if found.state != ImportState.CHECKED:
        shown = [(label, count) for label, count in shown if count]
        if left := found.counts.get("error", 0):
            shown.append(("Left out with errors", left))
    return [(label, count_text(count)) for label, count in shown]


def rows_part(request: HttpRequest, found: Import) -> dict[str, Any]:
    """Return one page of rows, with tabs for their outcomes and states."""
    resource, show = find_resource(found.type), request.GET.get("show", "")
    kinds: dict[str, str] = {name.value: label for name, label in (*_OUTCOMES.items(), *_STATES.items())}
    is_checked = found.state == ImportState.CHECKED
    names = [name.value for name in (_OUTCOMES if is_checked else (*_STATES, Outcome.ERROR))]
    there = [name for name in names if found.counts.get(name)]
    show = show if show in there else ""
    total = found.counts.get(show, 0) if show else sum(found.counts.get(name.value, 0) for name in Outcome)
    number = request.GET.get("page", "")
    at = int(number) if number.isascii() and number.isdecimal() and 0 < len(number) < 7 and int(number) else 1
    part = Page(at, PAGE_ROWS, total)
    part = Page(min(at, part.last), PAGE_ROWS, total)
    is_outcome = show in Outcome.values
    rows = rows_of(found, show if is_outcome else "", "" if is_outcome else show)
    start = (part.number - 1) * PAGE_ROWS
    return {
        "tabs": [
            {"label": "All rows", "href": "?", "current": not show, "count": ""},
            *(
                {"label": kinds[name], "href": f"?show={name}", "current": show == name,
                 "count": count_text(found.counts[name])}
                for name in there
            ),
        ],
        "rows": [_row(resource, row) for row in rows[start : start + PAGE_ROWS]],
        "page": part,
    }  # fmt: skip


def _row(resource: Resource[Any], row: ImportRow) -> dict[str, Any]:
    changes = []
    for key, after in row.after.items():
        own = resource.field(key)
        if own is not None:
            before = own.show(row.before[key]) if key in row.before else None
            changes.append({"label": own.label, "before": before, "after": own.show(after)})
    shown = row.state if row.state != RowState.WAITING else row.outcome
    label = row.get_state_display() if row.state != RowState.WAITING else row.get_outcome_display()
    return {
        "number": row.number, "name": row.object_name or row.object_id, "label": label, "tone": tone_of(str(shown)),
        "changes": changes if not row.errors else [], "is_new": row.outcome == Outcome.CREATED,
        "mistakes": [(resource.label(field) if field else "", message) for field, message in row.errors],
    }  # fmt: skip


def tone_of(state: str) -> Tone:
    """Return the tone of a state of an import or a row; a partner who has applied has another one."""
    return _TONES.get(state) or state_tone(state)


def error_lines(found: Import) -> Iterator[str]:
    """Yield the lines of a CSV file: the rows with mistakes as they came, and what to correct."""
    resource = find_resource(found.type)
    with (
        open_file(found.file) as file,
        open_table(file, found.form.get("encoding", ""), found.form.get("delimiter", "")) as table,
    ):

        def lines() -> Iterator[list[str]]:
            mistakes = _mistakes(found, resource)
            waiting = next(mistakes, None)
            for row in table.rows():
                if waiting is None:
                    return
                if row.number == waiting[0]:
                    yield [*row.cells, waiting[1]]
                    waiting = next(mistakes, None)

        yield from csv_lines([*table.headings, MISTAKES], lines())


def _mistakes(found: Import, resource: Resource[Any]) -> Iterator[tuple[int, str]]:
    rows = ImportRow.objects.filter(source=found).exclude(errors=[]).order_by("number")
    for number, errors in rows.values_list("number", "errors").iterator(chunk_size=1_000):
        yield number, "; ".join(f"{resource.label(field)}: {text}" if field else text for field, text in errors)
