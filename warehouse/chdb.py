"""The embedded warehouse: ClickHouse's engine in this process, through clickhouse-connect.

One process per directory, and never fork after opening. The directory is locked by a file next to it, so a
second process gets a clear answer instead of the engine's.
"""

import contextlib
import queue
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from runtime.file_lock import FileLocked, lock_file
from runtime.settings import WarehouseSettings
from schemas.ddl import ANALYST, DATABASE
from warehouse.errors import engine_error
from warehouse.inserts import insert_settings, with_dictionaries
from warehouse.parameters import bind_long, quoted
from warehouse.parquet import EXPORT_SETTINGS
from warehouse.port import WarehouseError

_HANDLES = 4
"""Connections to the engine: so many statements run at the same time, the rest wait."""


_STATEMENT_BYTES_MAX = 1_073_741_824
"""Longest statement; a list of parameters that is written into it may be long."""


@contextlib.contextmanager
def _file_of(rows: pa.Table) -> Iterator[str]:
    """Path of a private temporary file of the rows. Raises WarehouseError if it cannot be written."""
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.NamedTemporaryFile(prefix="clew-insert-", suffix=".arrow"))
            with pa.OSFile(file.name, "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
                writer.write_table(rows)
        except OSError as error:
            said = f"rows cannot be written to a temporary file ({error}); free space there, or set TMPDIR"
            raise WarehouseError(said, retryable=True) from error
        yield file.name


def _settings_clause(settings: Mapping[str, Any]) -> str:
    """Return the end of a statement that sets these: settings beside it cost the driver five further statements."""
    terms = ", ".join(f"{name} = {quoted(str(value))}" for name, value in settings.items())
    return f"\nSETTINGS {terms}" if terms else ""


class WarehouseBusy(Exception):
    """Another process has the directory open."""


class ChdbWarehouse:
    """The warehouse under one directory. Thread-safe."""

    analyst = ANALYST

    def __init__(self, folder: Path, settings: WarehouseSettings) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._settings = settings
        try:
            self._lock = lock_file(folder.with_name(folder.name + ".lock"))
        except FileLocked:
            raise WarehouseBusy(f"another process has {folder} open") from None
        self._handles: queue.Queue[Client] = queue.Queue()
        for _ in range(_HANDLES):
            self._handles.put(self._connect(folder))
        self._open_handles = _HANDLES

    def _connect(self, folder: Path) -> Client:
        """Open a connection whose settings hold for every statement.

        Settings given to a query cost the driver two extra statements each.
        """
        client = clickhouse_connect.get_client(interface="chdb", path=str(folder))
        client.command(f"SET max_threads = {self._settings.threads_max}")
        client.command(f"SET max_memory_usage = {self._settings.query_memory_bytes_max}")
        client.command(f"SET max_query_size = {_STATEMENT_BYTES_MAX}")
        return client

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        if rows.num_rows == 0:
            return
        sent = with_dictionaries(table, rows)
        columns = ", ".join(f"`{name}`" for name in sent.column_names)
        settings = _settings_clause(insert_settings(rows.num_rows, token))
        # The engine reads rows from a file; the driver would copy them twice in memory before it writes the file.
        with _file_of(sent) as path, self._handle() as client:
            client.command(
                f"INSERT INTO {DATABASE}.{table} ({columns}) FROM INFILE {quoted(path)}{settings} FORMAT Arrow"
            )

    def ended(self, table: str, token: str) -> None:
        """Inserts end with the one process that has the folder."""

    def query(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        *,
        as_written: bool = False,
    ) -> pa.Table:
        text, sent = bind_long(sql, parameters or {})
        with self._handle() as client:
            if settings and as_written:
                return client.query_arrow(text, parameters=sent, settings=dict(settings))
            return client.query_arrow(f"{text}{_settings_clause(settings or {})}", parameters=sent)

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        with self._handle() as client:
            client.command(sql, parameters=dict(parameters or {}))

    def export(self, sql: str, path: Path, parameters: Mapping[str, Any] | None = None) -> None:
        if path.exists():
            raise FileExistsError(f"{path} is there already")
        settings = EXPORT_SETTINGS | {"max_memory_usage": self._settings.query_memory_bytes_max}
        # The engine writes the file itself: through the driver the whole answer would be in memory.
        with self._handle() as client:
            client.command(
                f"INSERT INTO FUNCTION file({quoted(str(path.absolute()))}, 'Parquet') {sql}",
                parameters=dict(parameters or {}),
                settings=settings,
            )

    def close(self) -> None:
        while self._open_handles:
            self._handles.get().close()
            self._open_handles -= 1
        self._lock.close()

    @contextlib.contextmanager
    def _handle(self) -> Iterator[Client]:
        """A free connection; the engine's errors come out as WarehouseError."""
        client = self._handles.get()
        try:
            yield client
        except ClickHouseError as error:
            self._drain(client)
            code = int(getattr(error, "code", None) or 0)
            raise engine_error(str(error), code) from error
        except UnicodeDecodeError as error:
            self._drain(client)
            # The engine's message was not valid UTF-8; its code is lost as well.
            raise WarehouseError(f"the engine failed with an unreadable message: {error.object[:300]!r}") from error
        finally:
            self._handles.put(client)

    @staticmethod
    def _drain(client: Client) -> None:
        """Discard what a failed statement has written of its answer; the next answer would follow it."""
        with contextlib.suppress(ClickHouseError, UnicodeDecodeError):
            client.command("SELECT 1")
