"""A batch into the warehouse, each row once: one token per block, retries with the same bytes, read-back after a crash.

What the engine refuses for its data is halved, always at the same places, down to the bad row, which becomes
a dead letter. Any other failure is the environment's: it is tried again until it goes through, so that a
full disk or a missing table never turns good rows into dead letters.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from ingest.batch import Batch, Row
from runtime import metrics
from runtime.logs import logger
from schemas.columns import parts_to_arrow
from schemas.ddl import DATABASE
from schemas.events import Adjustment, Conversion, Rejected, Touch
from schemas.tables import TABLE, DeadLetter, Source, TouchKey
from schemas.wire import WIRE_VERSION
from warehouse.port import Warehouse, WarehouseError

_log = logger("ingest")
_T = TypeVar("_T")

PARTITIONS_PER_BLOCK_MAX = 12
"""Months that one block touches at most; the dedup window counts a part for each (design 6)."""

DATA_ERRORS = frozenset({6, 27, 33, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349, 386, 407})
"""Codes of the engine that blame the values: parsing, ranges, types, sizes."""


class Stopped(Exception):
    """The process is asked to stop while an insert is tried again; the intent stays and is finished later."""


class Store:
    """Writes batches. `stop` ends endless retries."""

    def __init__(self, warehouse: Warehouse, group: str, backoff_max_ms: int, stop: threading.Event) -> None:
        self._warehouse, self._group, self._backoff_max_ms, self._stop = warehouse, group, backoff_max_ms, stop

    def write(self, batch: Batch) -> None:
        """Insert every row of the batch. Raises Stopped."""
        for table in sorted(batch.rows, key=_dead_letters_last):
            self._write_table(batch, table, batch.rows[table], self._token(batch, table))

    def finish(self, batch: Batch) -> None:
        """The same after a crash: only what is not there yet. Raises Stopped."""
        for table in sorted(batch.rows, key=_dead_letters_last):
            present = self._retry(lambda table=table: self._present(batch, table), table)  # type: ignore[misc]
            missing = [row for row in batch.rows[table] if _place(row) not in present]
            token = self._token(batch, table)
            if present and missing:  # other rows than the token stood for, so another token
                token += f":rest-{_source(missing[0])._offset}-{len(missing)}"
            self._write_table(batch, table, missing, token)

    def _token(self, batch: Batch, table: str) -> str:
        topic, number = batch.partition
        return f"{batch.log_id}:{self._group}:{topic}:{number}:{batch.lo}-{batch.hi}:{table}:{WIRE_VERSION}"

    def _write_table(self, batch: Batch, table: str, rows: Sequence[Row], token: str) -> None:
        for number, block in enumerate(_blocks(table, rows)):
            self._write_block(batch, table, block, f"{token}:{number}")
        if rows:
            metrics.count("clew_ingest_rows_total", len(rows), table=table)

    def _write_block(self, batch: Batch, table: str, rows: Sequence[Row], token: str) -> None:
        """Insert a block; on bad data its halves, whose tokens follow from the block's."""
        try:
            self._retry(lambda: self._insert(table, rows, token), table)
            return
        except (ValueError, WarehouseError) as error:
            problem = str(error)
        if len(rows) > 1:
            middle = len(rows) // 2
            self._write_block(batch, table, rows[:middle], token + "/0")
            self._write_block(batch, table, rows[middle:], token + "/1")
        elif table == "dead_letters":
            raise RuntimeError(f"a dead letter cannot be stored: {problem}")
        else:
            self._bury(batch, table, rows[0], problem)

    def _bury(self, batch: Batch, table: str, row: Row, problem: str) -> None:
        """Keep a row that the engine refuses, with the reason; once, also when a crashed batch is finished."""
        _log.error("row_refused", table=table, offset=_source(row)._offset, error=problem)
        metrics.count("clew_ingest_dead_letters_total")
        letter = DeadLetter(f"{table}: {problem[:500]}", msgspec.msgpack.encode(row[:-1]))
        offset, identity = _place(row)
        token = f"{self._token(batch, 'dead_letters')}:{table}-{offset}-{identity}"
        self._write_block(batch, "dead_letters", [(letter, _source(row))], token)

    def _insert(self, table: str, rows: Sequence[Row], token: str) -> None:
        self._warehouse.insert(table, parts_to_arrow(table, list(zip(*rows, strict=True))), token)

    def _present(self, batch: Batch, table: str) -> set[tuple[int, int]]:
        """(offset, identity) of the batch's rows that are stored; identity is 0 but for touches."""
        identity = "identity" if table == "touches" else "toUInt64(0)"
        found = self._warehouse.query(
            f"SELECT _offset, {identity} AS identity FROM {DATABASE}.{table} WHERE _log = {{log:String}} "
            "AND _source = {topic:String} AND _partition = {partition:UInt32} "
            "AND _offset BETWEEN {lo:UInt64} AND {hi:UInt64}",
            {
                "log": batch.log_id, "topic": batch.partition.topic, "partition": batch.partition.partition,
                "lo": batch.lo, "hi": batch.hi,
            },
        )  # fmt: skip
        return set(zip(found.column(0).to_pylist(), found.column(1).to_pylist(), strict=True))

    def _retry(self, work: Callable[[], _T], table: str) -> _T:
        """Until it goes through; only what blames the data comes out as an error."""
        pause_ms = 100
        while True:
            try:
                return work()
            except WarehouseError as error:
                if error.code in DATA_ERRORS:
                    raise
                _log.error("warehouse_retry", table=table, code=error.code, error=str(error)[:500])
                metrics.count("clew_ingest_retries_total")
            if self._stop.wait(pause_ms / 1000):
                raise Stopped
            pause_ms = min(pause_ms * 2, self._backoff_max_ms)


def _dead_letters_last(table: str) -> tuple[bool, str]:
    return table == "dead_letters", table


def _source(row: Row) -> Source:
    source = row[-1]
    assert isinstance(source, Source)
    return source


def _place(row: Row) -> tuple[int, int]:
    """What tells rows of one batch apart: the offset, and for touches the identity."""
    first = row[0]
    return _source(row)._offset, first.identity if isinstance(first, TouchKey) else 0


def _blocks(table: str, rows: Sequence[Row]) -> list[list[Row]]:
    """Rows in blocks of at most twelve months, in a way that only depends on the rows."""
    if not TABLE[table].partition_by:
        return [list(rows)] if rows else []
    by_month: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        by_month.setdefault(_month(row), []).append(row)
    months = sorted(by_month)
    groups = [months[i : i + PARTITIONS_PER_BLOCK_MAX] for i in range(0, len(months), PARTITIONS_PER_BLOCK_MAX)]
    return [[row for month in group for row in by_month[month]] for group in groups]


def _month(row: Row) -> tuple[int, int]:
    event = row[0]
    match event:
        case Conversion():
            ts = event.event_ts
        case Touch() | TouchKey() | Rejected() | Adjustment():
            ts = event.ts
        case _:
            return 0, 0
    when = datetime.fromtimestamp(ts // 1_000_000, UTC)
    return when.year, when.month
