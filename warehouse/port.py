"""The warehouse: columns by table. Inserts carry a token, so a retry of the same bytes stores them once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa


class WarehouseError(Exception):
    """The engine's own error. `retryable` says whether the same call may go through later."""

    def __init__(self, message: str, code: int = 0, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class Warehouse(Protocol):
    """Synchronous and thread-safe; callers on an event loop use a thread.

    Clew's SQL calls its databases `clew` and `analyst`, whatever an installation calls them.
    """

    @property
    def analyst(self) -> str:
        """Name of the analysts' database in this installation."""
        ...

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        """Insert into `clew.<table>` once: a second insert with the same token is a no-op. Raises WarehouseError.

        At most BLOCK_ROWS_MAX rows (warehouse/inserts.py) and 12 table partitions, so that one token covers one block.
        """
        ...

    def ended(self, table: str, token: str) -> None:
        """Fails with a retryable WarehouseError while an insert of this token, also of a dead process, is under way."""
        ...

    def query(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        *,
        as_written: bool = False,
    ) -> pa.Table:
        """Rows of a SELECT as Arrow; parameters are bound by the server as {name:Type}. Raises WarehouseError.

        `as_written` is for the text of a user, which names databases as the installation does.
        """
        ...

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a statement that returns no rows. Raises WarehouseError."""
        ...

    def export(self, sql: str, path: Path, parameters: Mapping[str, Any] | None = None) -> None:
        """The rows of a SELECT into a new Parquet file, all as of one moment, in memory that does not grow with them.

        Strings are text there whatever they hold: cast columns of bytes. Raises WarehouseError, OSError.
        """
        ...

    def close(self) -> None: ...


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """Return a small result as a list of dicts."""
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def scalar_of(table: pa.Table) -> Any:
    """Return the value of a one-row, one-column result."""
    return table.column(0)[0].as_py()


__all__: Sequence[str] = ("Warehouse", "WarehouseError", "rows_of", "scalar_of")
