"""Table of a report, and its export."""

from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import date

from control.console.figures.conversion_table import STATUSES
from control.console.figures.report_state import COLUMNS, ReportState
from control.console.figures.sums import Row, figure_of, value_of
from control.engine.dimensions import LABELS, TIMES
from control.engine.names import Names
from control.tables.write import Value
from control.ui.formats import change
from control.ui.table import Cell, Column, Table
from control.ui.table import Row as TableRow

NOT_KNOWN = "none"
_NUMBERED = ("partner", "offer")
Key = tuple[object, ...]


def key_of(by: Sequence[str], row: Row) -> Key:
    """Return the values of the dimensions of a row, and its currency."""
    return (*(row[f"{name}_id" if name in _NUMBERED else name] for name in by), row["currency"])


def report_table(
    state: ReportState,
    rows: Sequence[Row],
    names: Names,
    total: Row | None,
    before: Mapping[Key, Row] | None,
    goals: Mapping[str, str],
) -> Table:
    """Make the table of a page of rows, with the total below it; `before` has rows of the period before."""
    shown, measure = state.columns, state.measure
    columns = [Column(LABELS[name], name) for name in state.by]
    columns += [Column(COLUMNS[name], name, numeric=True, descending_first=True) for name in shown]
    if before is not None:
        columns += [Column(f"{COLUMNS[measure]} before", numeric=True), Column("Change", numeric=True)]
    body = [
        TableRow(
            [
                *(_dimension(state, name, row, names, goals) for name in state.by),
                *(figure_of(row, name) for name in shown),
                *(_compared(row, before.get(key_of(state.by, row)), measure) if before is not None else ()),
            ]
        )
        for row in rows
    ]
    foot: list[Cell | str] = []
    if total is not None:
        foot = ["Total", *("" for _ in state.by[1:]), *(figure_of(total, name) for name in shown)]
        foot += ["", ""] if before is not None else []
    return Table("Report", columns, body, order=state.order, foot=foot)


def _compared(row: Row, earlier: Row | None, measure: str) -> tuple[Cell | str, Cell | str]:
    if earlier is None:
        return "", change(value_of(row, measure), 0).text
    found = change(value_of(row, measure), value_of(earlier, measure))
    sign = {"up": "+", "down": "\N{MINUS SIGN}"}.get(found.direction, "")
    return figure_of(earlier, measure), Cell(f"{sign}{found.text}") if found.text else ""


def _dimension(state: ReportState, name: str, row: Row, names: Names, goals: Mapping[str, str]) -> Cell | str:
    if name in TIMES:
        return time_text(str(row[name]))
    text = goals.get(str(row[name]), "") if name == "goal" else ""
    text = text or dimension_text(name, row, names)
    value = str(row[f"{name}_id"] if name in _NUMBERED else row[name])
    is_known = value not in ("", "0") if name in _NUMBERED else bool(value)
    return Cell(text, href=f"?{state.only(name, value)}") if is_known else text


def dimension_text(name: str, row: Row, names: Names) -> str:
    """Write the value of a dimension."""
    if name in TIMES:
        return time_text(str(row[name]))
    if name == "partner":
        return names.partner(row["partner_id"], row["partner"])
    if name == "offer":
        return names.offer(row["offer_id"], row["offer"])
    return value_text(name, str(row[name]))


def value_text(name: str, value: str) -> str:
    """Write a value of a dimension that is a text."""
    if not value:
        return NOT_KNOWN
    if name == "status":
        return STATUSES.get(value, value)
    return value.capitalize() if name == "device" else value


def time_text(step: str) -> str:
    """Write a month, day or hour of a report: "2026-11-28" is "28 Nov 2026", on one line."""
    day, _, hour = step.partition(" ")
    try:
        when = date.fromisoformat(f"{day}-01" if len(day) == len("2026-11") else day)
    except ValueError:
        return step
    text = f"{when:%b %Y}" if len(day) == len("2026-11") else f"{when.day} {when:%b %Y}"
    return " ".join(part for part in (text, hour) if part).replace(" ", "\xa0")


def export_head(by: Sequence[str], there: Container[str]) -> list[str]:
    """Return the heads of an export: all figures that are there, with numbers next to names."""
    head: list[str] = []
    for name in by:
        head += [f"{LABELS[name]} number", LABELS[name]] if name in _NUMBERED else [LABELS[name]]
    return [*head, *(label for name, label in COLUMNS.items() if name in there), "Currency"]


def export_rows(by: Sequence[str], rows: Sequence[Row], names: Names, there: Container[str]) -> Iterator[list[Value]]:
    """Yield the rows of an export, with plain numbers."""
    for row in rows:
        cells: list[Value] = []
        for name in by:
            if name in _NUMBERED:
                cells += [row[f"{name}_id"], getattr(names, name)(row[f"{name}_id"], row[name])]
            else:
                cells.append(str(row[name]))
        shown = (row[name] for name in COLUMNS if name in there)
        yield [*cells, *("" if value is None else _plain(value) for value in shown), row["currency"]]


def _plain(value: int | float | str) -> Value:
    return value if isinstance(value, int) else str(value)
