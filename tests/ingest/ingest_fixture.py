"""An ingest over a log in memory and the shared warehouse, with faults where a test wants them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from eventlog.memory import MemoryConsumer, MemoryLog
from eventlog.port import Consumer, Partition, Position
from ingest.enrich import Enricher
from ingest.geo import NoGeo
from ingest.loop import GROUP, Ingest
from runtime.clock import Clock, ManualClock
from runtime.settings import IngestSettings
from schemas.ddl import DATABASE
from schemas.events import CONVERSIONS, HITS
from tests.schemas.samples import NOW_US
from warehouse.port import Warehouse

HITS_0 = Partition(HITS, 0)
SALES_0 = Partition(CONVERSIONS, 0)
EVENT_TABLES = ("clicks", "impressions", "rejected", "conversions", "adjustments", "dead_letters", "skipped")
BAD = b"\x01\x01\x90"
"""A record that cannot be decoded."""
NEWER = b"\xfe\x01\x90"
"""A record of schema version 254."""


class Crash(BaseException):
    """The process ends here."""


class Faulty:
    """The warehouse, with something done before or after its inserts; `before` may raise."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self.before: Callable[[int, str, pa.Table], None] = lambda number, table, rows: None
        self.after: Callable[[int, str, pa.Table], None] = lambda number, table, rows: None
        self.tokens: list[tuple[str, str, int]] = []
        """Table, token and rows of each insert that went through."""
        self.awaited: list[tuple[str, str]] = []
        """Table and token of each insert whose end was waited for."""
        self.tried = 0
        self.last_token = ""
        self.ghosts: frozenset[str] = frozenset()
        """Tokens that a dead insert left without its rows: the engine takes them for stored and drops the rows."""

    @property
    def analyst(self) -> str:
        return self._warehouse.analyst

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        number, self.tried, self.last_token = self.tried, self.tried + 1, token
        if token in self.ghosts:
            return
        self.before(number, table, rows)
        self._warehouse.insert(table, rows, token)
        self.tokens.append((table, token, rows.num_rows))
        self.after(number, table, rows)

    def ended(self, table: str, token: str) -> None:
        self.awaited.append((table, token))
        self._warehouse.ended(table, token)

    def query(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        *,
        as_written: bool = False,
    ) -> pa.Table:
        return self._warehouse.query(sql, parameters, settings, as_written=as_written)

    def export(self, sql: str, path: Path, parameters: Mapping[str, Any] | None = None) -> None:
        self._warehouse.export(sql, path, parameters)

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        self._warehouse.execute(sql, parameters)

    def close(self) -> None:
        """The shared one stays open."""


class LosesCommits(MemoryConsumer):
    """A consumer whose process ends at its n-th commit, before it is kept."""

    def __init__(self, log: MemoryLog, commits: int) -> None:
        super().__init__(log, GROUP)
        self._left = commits

    async def commit(self, partition: Partition, position: Position) -> None:
        if not self._left:
            raise Crash
        self._left -= 1
        await super().commit(partition, position)


def log_of(hits: list[bytes], sales: list[bytes] | None = None) -> MemoryLog:
    """A log that holds these records."""
    log = MemoryLog()
    log.records[HITS_0] += hits
    log.records[SALES_0] += sales or []
    return log


def ingest_of(log: MemoryLog | Consumer, warehouse: Warehouse, clock: Clock | None = None, **settings: Any) -> Ingest:
    """A new process' ingest."""
    consumer = MemoryConsumer(log, GROUP) if isinstance(log, MemoryLog) else log
    chosen = IngestSettings(**{"retry_backoff_max_ms": 1, "poll_interval_ms": 1, "batch_age_max_ms": 0} | settings)
    return Ingest(consumer, warehouse, Enricher(NoGeo(), 100), chosen, clock or ManualClock(NOW_US), "test")


def offsets(warehouse: Warehouse, table: str, partition: Partition = HITS_0) -> list[int]:
    """Offsets of the rows of a table that came from a partition, sorted, with every repetition."""
    sql = (
        f"SELECT _offset FROM {DATABASE}.{table} WHERE _source = {{topic:String}} "
        "AND _partition = {partition:UInt32} ORDER BY _offset"
    )
    found = warehouse.query(sql, {"topic": partition.topic, "partition": partition.partition})
    return [int(offset) for offset in found.column(0).to_pylist()]


def all_offsets(warehouse: Warehouse, partition: Partition = HITS_0) -> list[int]:
    """The same over all event tables; each record is in one of them."""
    return sorted(offset for table in EVENT_TABLES for offset in offsets(warehouse, table, partition))
