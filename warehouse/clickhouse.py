"""The warehouse on a ClickHouse server, over HTTP.

A statement whose response was lost may have run. An insert is safe to repeat all the same: its token makes it count
once, and its query id, which follows from the token, is refused while the first attempt still runs on the server. So
when a repeated insert returns, the first one has ended, and reading back shows which rows are stored.
"""

import contextlib
import io
import logging
import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver.exceptions import ClickHouseError, ProgrammingError
from clickhouse_connect.driver.httpclient import HttpClient
from clickhouse_connect.driver.httputil import get_pool_manager
from urllib3.exceptions import HTTPError

from runtime.settings import ClickHouseSettings
from schemas.cluster import on_cluster
from schemas.ddl import DATABASE
from warehouse.address import ClickHouseServer
from warehouse.errors import engine_error
from warehouse.inserts import insert_query_id, insert_settings, with_dictionaries
from warehouse.names import analyst_database, with_names
from warehouse.parameters import bind_long, parsed_bytes_max
from warehouse.parquet import EXPORT_SETTINGS

# It warns on every lost connection, which comes out as an error of ours anyway.
logging.getLogger("clickhouse_connect").setLevel(logging.ERROR)

_CLUSTER_INSERT = {
    "insert_quorum": "auto",  # a majority of the replicas
    "insert_quorum_parallel": 0,  # or reading with sequential consistency would not see all of them
    "distributed_foreground_insert": 1,
}
_COPY_BYTES = 1 << 20
_CLUSTER_READ = {"select_sequential_consistency": 1, "distributed_product_mode": "global"}


class ClickHouseWarehouse:
    """One database of a server. Thread-safe; connects when it is first used and again whenever it must."""

    def __init__(self, address: ClickHouseServer, settings: ClickHouseSettings) -> None:
        self.analyst = analyst_database(address.database)
        self._address, self._settings = address, settings
        authorities = str(settings.ca_file) if settings.ca_file is not None else None
        self._pool = get_pool_manager(maxsize=settings.connections_max, ca_cert=authorities)
        self._slots = threading.BoundedSemaphore(settings.connections_max)
        self._client: HttpClient | None = None
        self._connecting = threading.Lock()

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        if rows.num_rows == 0:
            return
        settings = insert_settings(rows.num_rows, token)
        settings["query_id"] = insert_query_id(self._address.database, table, token)
        if self._settings.cluster:
            settings |= _CLUSTER_INSERT
        body = io.BytesIO()
        body.write(self._named(f"INSERT INTO {DATABASE}.{table} FORMAT ArrowStream\n").encode())
        sent = with_dictionaries(table, rows)
        with pa.ipc.new_stream(body, sent.schema) as stream:
            stream.write_table(sent)
        with self._connected() as client:
            client.raw_insert(insert_block=body.getvalue(), settings=settings)

    def ended(self, table: str, token: str) -> None:
        """The server runs no two queries of one name, so a query under the insert's is refused while that one runs."""
        with self._connected() as client:
            client.command("SELECT 1", settings={"query_id": insert_query_id(self._address.database, table, token)})

    def query(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        *,
        as_written: bool = False,
    ) -> pa.Table:
        merged: dict[str, Any] = {"max_memory_usage": self._settings.query_memory_bytes_max}
        if self._settings.cluster:
            merged |= _CLUSTER_READ
        merged |= settings or {}
        text, sent = bind_long(sql if as_written else self._named(sql), parameters or {})
        merged["max_query_size"] = parsed_bytes_max(text)
        with self._connected() as client:
            return client.query_arrow(text, parameters=sent, settings=merged)

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        statements = on_cluster(sql, self._settings.cluster) if self._settings.cluster else [sql]
        settings = _CLUSTER_INSERT if self._settings.cluster else {}
        for statement in statements:
            with self._connected() as client:
                client.command(self._named(statement), parameters=dict(parameters or {}), settings=settings)

    def export(self, sql: str, path: Path, parameters: Mapping[str, Any] | None = None) -> None:
        settings = EXPORT_SETTINGS | {"max_memory_usage": self._settings.query_memory_bytes_max}
        if self._settings.cluster:
            settings |= _CLUSTER_READ
        text, sent = bind_long(self._named(sql), parameters or {})
        settings["max_query_size"] = parsed_bytes_max(text)
        with path.open("xb") as file, self._connected() as client:
            answer = client.raw_stream(text, parameters=sent, settings=settings, fmt="Parquet")
            with contextlib.closing(answer):
                shutil.copyfileobj(answer, file, _COPY_BYTES)

    def close(self) -> None:
        with self._connecting:
            if self._client is not None:
                self._client.close()
                self._client = None
        self._pool.clear()

    def _named(self, sql: str) -> str:
        return with_names(sql, self._address.database)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[HttpClient]:
        """The client, for one statement; whatever goes wrong comes out as WarehouseError."""
        with self._slots:
            try:
                yield self._client or self._connect()
            except ClickHouseError as error:
                code = int(getattr(error, "code", None) or 0)
                lost = code == 0 and not isinstance(error, ProgrammingError)
                raise engine_error(str(error), code, lost=lost) from error
            except (HTTPError, OSError) as error:
                raise engine_error(f"the connection to {self._address} broke: {error}", 0, lost=True) from error

    def _connect(self) -> HttpClient:
        address, settings = self._address, self._settings
        with self._connecting:
            if self._client is None:
                client = HttpClient(
                    interface="https" if address.tls else "http",
                    host=address.host,
                    port=address.port,
                    username=address.user,
                    password=address.password,
                    database=None,
                    client_name="clew",
                    compress=False,
                    query_retries=0,
                    connect_timeout=settings.connect_timeout_s,
                    send_receive_timeout=settings.statement_timeout_s,
                    pool_mgr=self._pool,
                    autogenerate_session_id=False,
                )
                client.http_retries = 0
                self._client = client
            return self._client
