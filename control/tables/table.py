"""A table as a file has it: headings, then rows of texts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

COLUMNS_MAX = 200
CELL_CHARS_MAX = 20_000
ROWS_MAX = 200_000
_HEADING_CHARS_MAX = 120


class BadTable(ValueError):
    """A file cannot be read as a table; the message says why, and what to do."""

    def __init__(self, message: str, field: str = "file") -> None:
        super().__init__(message)
        self.field = field
        """Part to change: file, encoding or delimiter."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row, with its number in the file; the row of headings usually has number 1."""

    number: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class TableForm:
    """Form in which a file was read."""

    kind: str
    """csv or xlsx."""
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""


class Table(Protocol):
    """A table that was opened."""

    @property
    def form(self) -> TableForm: ...

    @property
    def headings(self) -> Sequence[str]: ...

    def rows(self) -> Iterator[TableRow]:
        """Yield the rows that hold something, once. Raises BadTable."""
        ...


def headings_of(cells: Sequence[str]) -> list[str]:
    """Return headings of which each is different and none is empty. Raises BadTable."""
    last = max((at for at, cell in enumerate(cells) if cell.strip()), default=-1) + 1
    if not last:
        raise BadTable("has no row of headings; write the names of the columns into the first row")
    if last > COLUMNS_MAX:
        raise BadTable(f"has {last} columns; at most {COLUMNS_MAX} are read, so remove those that are not needed")
    found: dict[str, None] = {}
    for at, cell in enumerate(cells[:last]):
        wanted = " ".join(cell.split())[:_HEADING_CHARS_MAX] or f"Column {column_name(at)}"
        heading, number = wanted, 1
        while heading in found:
            number += 1
            heading = f"{wanted} ({number})"
        found[heading] = None
    return list(found)


def column_name(at: int) -> str:
    """Return the letters of a column as spreadsheets show them; the first is A."""
    name = ""
    at += 1
    while at:
        at, letter = divmod(at - 1, 26)
        name = chr(65 + letter) + name
    return name


def fitted(row: TableRow, columns: int) -> TableRow | None:
    """Return a row with as many cells as there are columns; None for one without content. Raises BadTable."""
    cells = list(row.cells)
    if not any(cell.strip() for cell in cells):
        return None
    if any(cell.strip() for cell in cells[columns:]):
        raise BadTable(
            f"row {row.number} has {len(cells)} cells, and there are {columns} columns; check quotes and delimiters"
        )
    if any(len(cell) > CELL_CHARS_MAX for cell in cells):
        raise BadTable(f"row {row.number} has a cell of more than {CELL_CHARS_MAX:,} characters; shorten it")
    return TableRow(row.number, [*cells[:columns], *[""] * (columns - len(cells))])


def counted(rows: Iterator[TableRow], columns: int, rows_max: int = ROWS_MAX) -> Iterator[TableRow]:
    """Yield the rows with content, each as long as the headings. Raises BadTable for too many of them."""
    count = 0
    for row in rows:
        whole = fitted(row, columns)
        if whole is None:
            continue
        count += 1
        if count > rows_max:
            raise BadTable(f"has more than {rows_max:,} rows; split it")
        yield whole
