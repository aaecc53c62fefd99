"""Tables that an actor may have as a file. An app registers its own in its module `export_tables`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.utils.module_loading import autodiscover_modules

from control.accounts.actor import Actor
from control.errors import FieldError, Invalid
from control.tables.write import Value


@dataclass(frozen=True, slots=True)
class Opened:
    """A table that is about to be written."""

    head: Sequence[str]
    rows: Iterator[Sequence[Value]]
    total_rows: int = 0
    """Number of rows; 0 if nobody knows it before they are read."""


class ExportTable(Protocol):
    """Kind of table."""

    key: str

    def check(self, actor: Actor, filters: Mapping[str, Any]) -> dict[str, Any]:
        """Check that the actor may have the table, and return the filters to store. Raises Forbidden, Invalid."""
        ...

    def title(self, filters: Mapping[str, Any]) -> str:
        """Return the name of the table, for people and files."""
        ...

    def open(self, actor: Actor, filters: Mapping[str, Any]) -> Opened:
        """Begin to read the table. Raises Refused."""
        ...


_tables: dict[str, ExportTable] = {}


def register(table: ExportTable) -> None:
    """Add a kind of table."""
    _tables[table.key] = table


def find_table(key: str) -> ExportTable:
    """Return a kind of table. Raises Invalid."""
    autodiscover_modules("export_tables")
    if key not in _tables:
        raise Invalid(FieldError("resource", f"must be one of {', '.join(sorted(_tables))}"))
    return _tables[key]
