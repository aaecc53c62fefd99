"""Inserts into a ClickHouse server on the same cores: the adapter, compared with raw posts of the same bytes."""

import http.client
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pyarrow as pa

from benchmarks.bench_ingest import click
from benchmarks.measure import Result
from eventlog.port import Partition, Record
from ingest.batch import build_batch
from ingest.enrich import Enricher
from ingest.geo import open_geo
from runtime.settings import Settings
from tests.servers.clickhouse import GivenServer, own_server
from tests.servers.warehouses import address_of
from warehouse.inserts import insert_settings
from warehouse.migrate import migrate
from warehouse.open import open_warehouse, storage_of
from warehouse.port import Warehouse

ROWS, ROUNDS = 50_000, 8
TABLES = ("clicks", "touches")


def run(folder: Path) -> Iterator[Result]:
    """Measure durable rows per second of the two tables that clicks fill, in batches like those of ingest."""
    with own_server(folder) as server:
        address, settings = address_of(server, "clew"), Settings()
        warehouse = open_warehouse(address, settings)
        migrate(warehouse, storage_of(address, settings))
        records = [Record(n, click(n)) for n in range(ROWS)]
        batch = build_batch(Partition("hits", 0), "bench", 0, records, Enricher(open_geo(None), 20_000))
        for table in TABLES:
            rows = batch.tables[table].combine_chunks()
            yield _compare(server, warehouse, table, rows)
        warehouse.close()


def _compare(server: GivenServer, warehouse: Warehouse, table: str, rows: pa.Table) -> Result:
    """Alternate both and take the best of each, because background merges disturb one or the other."""
    connection = http.client.HTTPConnection(server.host, server.port)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    body = sink.getvalue()
    ours, raw = [], []
    for turn in range(ROUNDS):
        ours.append(_seconds(lambda turn=turn: warehouse.insert(table, rows, f"ours-{turn}")))
        raw.append(_seconds(lambda turn=turn: _post(connection, server, table, body, f"raw-{turn}")))
    connection.close()
    return Result(
        f"insert into ClickHouse: {table}", rows.num_rows / min(ours), "rows/s", "the same bytes posted raw",
        rows.num_rows / min(raw), f"{len(body) // rows.num_rows} bytes a row",
    )  # fmt: skip


def _seconds(act: Callable[[], None]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _post(connection: http.client.HTTPConnection, server: GivenServer, table: str, body: bytes, token: str) -> None:
    asked = {"query": f"INSERT INTO clew.{table} FORMAT ArrowStream", **insert_settings(0, token)}
    head = {"X-ClickHouse-User": server.user, "X-ClickHouse-Key": server.password}
    connection.request("POST", f"/?{urlencode(asked)}", body, head)
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != 200:
        raise RuntimeError(said.decode("utf-8", "replace"))
