"""Tables: columns, rows and cells as values; the component `table` draws them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Tone = Literal["neutral", "good", "warn", "bad", "info", "accent"]


@dataclass(frozen=True, slots=True)
class Column:
    """Head of a column."""

    label: str
    key: str = ""
    """Name in `?order=`; without one the column cannot be sorted."""
    numeric: bool = False
    descending_first: bool = False
    """True where the first click should show the largest first."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Content of a cell. Every text is escaped when it is drawn."""

    text: str = ""
    note: str = ""
    href: str = ""
    badge: Tone | None = None
    avatar: bool = False
    code: bool = False
    spark: Sequence[float] = ()
    old: str | None = None
    """Value before a change, shown struck through."""
    error: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Row of a table."""

    cells: Sequence[Cell | str]
    id: str = ""
    """Value of the box that marks the row."""
    name: str = ""
    """Name for the box; without one it is the text of the first cell."""

    @property
    def title(self) -> str:
        """Name of the row for people."""
        first = self.cells[0]
        return self.name or (first.text if isinstance(first, Cell) else first)


@dataclass(frozen=True, slots=True)
class Heading:
    """Column as a page shows it: with the way it is sorted."""

    column: Column
    sorted: Literal["ascending", "descending", ""]
    next_order: str


@dataclass(frozen=True, slots=True)
class Table:
    """Table as a page shows it."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    order: str = ""
    """Column by which rows are sorted, "-" in front for the largest first."""
    selectable: bool = False
    foot: Sequence[Cell | str] = field(default=())

    @property
    def headings(self) -> list[Heading]:
        """Columns with the order that a click on each gives."""
        return [self._heading(column) for column in self.columns]

    def _heading(self, column: Column) -> Heading:
        descending = self.order == f"-{column.key}"
        if column.key and self.order in (column.key, f"-{column.key}"):
            return Heading(
                column, "descending" if descending else "ascending", column.key if descending else f"-{column.key}"
            )
        return Heading(column, "", f"-{column.key}" if column.descending_first else column.key)


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list."""

    number: int
    size: int
    total: int

    @property
    def last(self) -> int:
        """Number of the last page."""
        return max(1, -(-self.total // self.size))

    @property
    def first_row(self) -> int:
        """Number of the first row shown."""
        return min((self.number - 1) * self.size + 1, self.total)

    @property
    def last_row(self) -> int:
        """Number of the last row shown."""
        return min(self.number * self.size, self.total)

    @property
    def numbers(self) -> list[int | None]:
        """Pages to link to: the first, the last, and those near this one; None is a gap."""
        near = sorted({1, self.last, *range(max(1, self.number - 1), min(self.last, self.number + 1) + 1)})
        shown: list[int | None] = []
        for number in near:
            if shown and shown[-1] is not None and number - shown[-1] == 2:
                shown.append(number - 1)
            elif shown and shown[-1] is not None and number - shown[-1] > 2:
                shown.append(None)
            shown.append(number)
        return shown
