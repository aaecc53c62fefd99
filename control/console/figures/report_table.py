"""Table of a report, and its export."""

from collections.abc import Iterator, Sequence
from datetime import date
from urllib.parse import urlencode

from django.urls import reverse

from control.console.figures.sums import MONEY, Row, minor_of, number_text
from control.engine.names import Names
from control.tables.write import Value
from control.ui.formats import money_text, percent_text
from control.ui.table import Cell, Column, Table
from control.ui.table import Row as TableRow

TIMES = ("month", "day", "hour")
DIMENSIONS = {
    "partner": "Partner",
    "offer": "Offer",
    "day": "Day",
    "hour": "Hour",
    "month": "Month",
}
COLUMNS = {
    "impressions": "Impressions",
    "clicks": "Clicks",
    "unique_clicks": "Unique clicks",
    "bot_clicks": "Bot clicks",
    "conversions": "Conversions",
    "approved": "Approved",
    "pending": "Pending",
    "hold": "On hold",
    "declined": "Declined",
    "revenue": "Revenue",
    "payout": "Commission",
    "profit": "Margin",
    "cr": "CR",
    "epc": "EPC",
    "approval_rate": "Approval rate",
}
SHOWN = ("clicks", "conversions", "approved", "declined", "revenue", "payout", "profit", "cr", "epc")
_RATES = frozenset({"cr", "approval_rate"})


def order_of(by: Sequence[str], given: str) -> str:
    """Return the order of a report: the one that is given if it is a column, else time, or the largest revenue."""
    names = {name: f"{name}_id" if name in ("partner", "offer") else name for name in by}
    known = {*COLUMNS, *names.values(), "partner", "offer"}
    if given.removeprefix("-") in known:
        return given
    first = by[0] if by else ""
    return first if first in TIMES else "-revenue"


def report_table(by: Sequence[str], rows: Sequence[Row], names: Names, order: str, total: Row | None) -> Table:
    """Make the table of a page of rows, with the total below it."""
    columns = [Column(DIMENSIONS[name], name) for name in by]
    columns += [Column(COLUMNS[name], name, numeric=True, descending_first=True) for name in SHOWN]
    body = [
        TableRow([*(_dimension(name, row, names) for name in by), *(text_of(row, name) for name in SHOWN)])
        for row in rows
    ]
    foot: list[Cell | str] = []
    if total is not None and by:
        foot = ["Total", *("" for _ in by[1:]), *(text_of(total, name) for name in SHOWN)]
    return Table("Report", columns, body, order=order, foot=foot)


def _dimension(name: str, row: Row, names: Names) -> Cell | str:
    if name == "partner":
        return _named(names.partner(row["partner_id"], row["partner"]), "partner", row["partner_id"])
    if name == "offer":
        return _named(names.offer(row["offer_id"], row["offer"]), "offer", row["offer_id"])
    return time_text(str(row[name]))


def time_text(step: str) -> str:
    """Write a month, day or hour of a report: "2026-11-28" is "28 Nov 2026", on one line."""
    day, _, hour = step.partition(" ")
    try:
        when = date.fromisoformat(f"{day}-01" if len(day) == len("2026-11") else day)
    except ValueError:
        return step
    text = f"{when:%b %Y}" if len(day) == len("2026-11") else f"{when.day} {when:%b %Y}"
    return " ".join(part for part in (text, hour) if part).replace(" ", "\xa0")


def _named(text: str, kind: str, number: int) -> Cell:
    """Return a cell that leads to the partner or offer by days."""
    if not number:
        return Cell(text)
    return Cell(text, href=f"{reverse('console_reports')}?{urlencode({'by': 'day', kind: number})}")


def text_of(row: Row, name: str) -> str:
    """Write a figure of a row; empty where the row has none."""
    value = row[name]
    if value is None:
        return ""
    if name in MONEY:
        return money_text(minor_of(value, row["currency"]), row["currency"])
    if name in _RATES:
        return percent_text(value, 2)
    return f"{value:.4f}" if name == "epc" else number_text(value)


def export_head(by: Sequence[str]) -> list[str]:
    """Return the heads of an export: all figures, with numbers next to names."""
    head: list[str] = []
    for name in by:
        head += [f"{DIMENSIONS[name]} number", DIMENSIONS[name]] if name in ("partner", "offer") else [DIMENSIONS[name]]
    return [*head, *COLUMNS.values(), "Currency"]


def export_rows(by: Sequence[str], rows: Sequence[Row], names: Names) -> Iterator[list[Value]]:
    """Yield the rows of an export, with plain numbers."""
    for row in rows:
        cells: list[Value] = []
        for name in by:
            if name in ("partner", "offer"):
                cells += [row[f"{name}_id"], getattr(names, name)(row[f"{name}_id"], row[name])]
            else:
                cells.append(str(row[name]))
        yield [*cells, *("" if row[name] is None else _plain(row[name]) for name in COLUMNS), row["currency"]]


def _plain(value: int | float | str) -> Value:
    return value if isinstance(value, int) else str(value)
