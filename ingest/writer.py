"""A batch into the warehouse, each row once: one token per block, retries with the same bytes, read-back after a crash.

What the engine refuses for its data is halved, always at the same places, down to the bad row, which becomes
a dead letter. Any other failure is the environment's: it is tried again until it goes through, so that a
full disk or a missing table never turns good rows into dead letters.
"""

import math
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ingest.batch import Batch
from runtime import metrics
from runtime.clock import Clock
from runtime.logs import Throttled, logger
from schemas.columns import arrow_schema
from schemas.ddl import DATABASE
from schemas.tables import TABLE, Source
from schemas.wire import WIRE_VERSION
from warehouse.port import Warehouse, WarehouseError

_log = Throttled(logger("ingest"))
_T = TypeVar("_T")

_SOURCE = Source.__struct_fields__
PARTITIONS_PER_BLOCK_MAX = 12
"""Months that one block touches at most; the dedup window counts a part for each (design 6)."""

COMPLETIONS_MAX = 10
"""Times that missing rows are inserted under yet another token before the process gives up."""

DATA_ERRORS = frozenset({6, 27, 33, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349, 386, 407})
"""Codes of the engine that blame the values: parsing, ranges, types, sizes."""


Place = tuple[int, Any]
"""Offset of a row, and what tells rows of one offset apart."""


class Stopped(Exception):
    """The process is asked to stop while an insert is tried again; the intent stays and is finished later."""


class Stale(Exception):
    """Tries took so long that the partition may be another's by now: its owner is to finish the batch."""


class Store:
    """Writes batches. `stop` ends endless retries."""

    def __init__(
        self, warehouse: Warehouse, group: str, backoff_max_ms: int, stop: threading.Event, clock: Clock,
        owned_for_s: float = math.inf,
    ) -> None:  # fmt: skip
        """`owned_for_s`: how long after the begin of a batch its partition is certainly still ours."""
        self._warehouse, self._group, self._backoff_max_ms, self._stop = warehouse, group, backoff_max_ms, stop
        self._clock, self._owned_for_s = clock, owned_for_s
        self._began_s = self._clock.monotonic_s()
        self._failed = False
        """An insert of the table in hand was tried again, so what it left is not certain."""

    def write(self, batch: Batch) -> None:
        """Insert every row of the batch. Raises Stopped, Stale."""
        self._began_s = self._clock.monotonic_s()
        for table in sorted(batch.tables, key=_order):
            self._failed = False
            self._write_table(batch, table, batch.tables[table], self._token(batch, table))
            if self._failed:
                self._complete(batch, table)

    def finish(self, batch: Batch, *, young: bool = False) -> None:
        """The same after a crash: only what is not there yet. Raises Stopped, Stale.

        `young`: the batch was begun so lately that its tokens are still remembered.
        """
        self._began_s = self._clock.monotonic_s()
        for table in sorted(batch.tables, key=_order):
            self._complete(batch, table, young=young)

    def _complete(self, batch: Batch, table: str, *, young: bool = True) -> None:
        """Insert what is missing and read back, until nothing is.

        An insert that died may have left its token behind without its rows; the engine then drops the rows that
        come with this token as if they were stored. Only reading back tells (docs/decisions/0007).
        """
        rows, token = batch.tables[table], self._token(batch, table)
        for attempt in range(COMPLETIONS_MAX):
            missing = self.retry(lambda: self._missing(batch, table, rows), table)
            if 0 < missing.num_rows < rows.num_rows and not attempt:
                self._wait_for_first_try(table, rows, token)
                missing = self.retry(lambda: self._missing(batch, table, rows), table)
            if not missing.num_rows:
                return
            again = token
            if young and not attempt:
                missing = rows  # whoever else still tries sends the same under the same token, so it is stored once
            elif missing.num_rows < rows.num_rows:  # other rows than the token stands for
                again += f":rest-{missing['_offset'][0].as_py()}-{missing.num_rows}"
            if attempt:
                _log.warning("token_without_rows", table=table, lo=batch.lo, hi=batch.hi, rows=missing.num_rows)
                again += f":again-{attempt}"
            self._write_table(batch, table, missing, again)
        raise RuntimeError(f"{table}: rows of {batch.lo}-{batch.hi} are not there after {COMPLETIONS_MAX} inserts")

    def _wait_for_first_try(self, table: str, rows: pa.Table, token: str) -> None:
        """A part of the rows is there, so their insert has begun: a server may still be at it for a dead process.

        If none were there, they would go under the same token, which is held back until the first try has ended.
        """
        for number, _ in enumerate(blocks_of(table, rows)):
            self.retry(partial(self._warehouse.ended, table, f"{token}:{number}"), table)

    def _token(self, batch: Batch, table: str) -> str:
        topic, number = batch.partition
        return f"{batch.log_id}:{self._group}:{topic}:{number}:{batch.lo}-{batch.hi}:{table}:{WIRE_VERSION}"

    def _write_table(self, batch: Batch, table: str, rows: pa.Table, token: str) -> None:
        for number, block in enumerate(blocks_of(table, rows)):
            self._write_block(batch, table, block, f"{token}:{number}")
        if rows.num_rows:
            metrics.count("clew_ingest_rows_total", rows.num_rows, table=table)

    def _write_block(self, batch: Batch, table: str, rows: pa.Table, token: str) -> None:
        """Insert a block; on bad data its halves, whose tokens follow from the block's."""
        try:
            self.retry(lambda: self._warehouse.insert(table, rows, token), table)
            return
        except (ValueError, WarehouseError) as error:
            problem = str(error)
        if rows.num_rows > 1:
            middle = rows.num_rows // 2
            self._write_block(batch, table, rows.slice(0, middle), token + "/0")
            self._write_block(batch, table, rows.slice(middle), token + "/1")
        elif table == "dead_letters":
            raise RuntimeError(f"a dead letter cannot be stored: {problem}")
        else:
            self._bury(batch, table, rows, problem)

    def _bury(self, batch: Batch, table: str, row: pa.Table, problem: str) -> None:
        """Keep a row that the engine refuses, with the reason; once, also when a crashed batch is finished."""
        [(offset, identity)] = places_of(table, row)
        _log.error("row_refused", table=table, offset=offset, error=problem)
        metrics.count("clew_ingest_dead_letters_total")
        value = msgspec.msgpack.encode(row.drop_columns(list(_SOURCE)).to_pylist()[0])
        columns = {"error": [f"{table}: {problem[:500]}"], "value": [value]}
        columns |= {name: row[name].to_pylist() for name in _SOURCE}
        letter = pa.table(columns, schema=arrow_schema("dead_letters"))
        token = f"{self._token(batch, 'dead_letters')}:{table}-{offset}-{_text(identity)}"
        self._write_block(batch, "dead_letters", letter, token)

    def _missing(self, batch: Batch, table: str, rows: pa.Table) -> pa.Table:
        """The rows of the batch that are neither stored nor buried."""
        identity = IDENTITY.get(table, "toUInt64(0)")
        here = (
            "WHERE _log = {log:String} AND _source = {topic:String} AND _partition = {partition:UInt32} "
            "AND _offset BETWEEN {lo:UInt64} AND {hi:UInt64}"
        )
        parameters = {
            "log": batch.log_id, "topic": batch.partition.topic, "partition": batch.partition.partition,
            "lo": batch.lo, "hi": batch.hi, "refused": f"{table}: ",
        }  # fmt: skip
        found = self._warehouse.query(f"SELECT _offset, {identity} AS i FROM {DATABASE}.{table} {here}", parameters)
        stored = set(zip(found.column(0).to_pylist(), found.column(1).to_pylist(), strict=True))
        refused = f"SELECT _offset FROM {DATABASE}.dead_letters {here} AND startsWith(error, {{refused:String}})"
        buried = set(self._warehouse.query(refused, parameters).column(0).to_pylist())
        mask = [place not in stored and place[0] not in buried for place in places_of(table, rows)]
        return rows.filter(pa.array(mask, pa.bool_()))

    def retry(self, work: Callable[[], _T], table: str) -> _T:
        """Until it goes through; only what blames the data comes out as an error. Raises Stopped, Stale."""
        pause_ms = 100
        while True:
            try:
                return work()
            except WarehouseError as error:
                if error.code in DATA_ERRORS:
                    raise
                self._failed = True
                _log.error("warehouse_retry", table=table, code=error.code, error=str(error)[:500])
                metrics.count("clew_ingest_retries_total")
            if self._stop.wait(pause_ms / 1000):
                raise Stopped
            if self._clock.monotonic_s() - self._began_s > self._owned_for_s:
                raise Stale
            pause_ms = min(pause_ms * 2, self._backoff_max_ms)


_LAST = ("dead_letters", "claims", "origins")


def _order(table: str) -> tuple[int, str]:
    """Where positions are lost, events tell which batch is the newest, and ranges of appends that it is whole."""
    return _LAST.index(table) + 1 if table in _LAST else 0, table


def _text(identity: Any) -> str:
    return identity.hex() if isinstance(identity, bytes) else str(identity)


IDENTITY = {"touches": "identity", "claims": "key"}
"""What tells rows of one offset apart, in the tables that have several."""


def places_of(table: str, rows: pa.Table) -> list[Place]:
    """What tells rows of one batch apart: the offset, and where there are several of one offset, their own key."""
    offsets = rows["_offset"].to_pylist()
    keys = rows[IDENTITY[table]].to_pylist() if table in IDENTITY else [0] * len(offsets)
    return list(zip(offsets, keys, strict=True))


def blocks_of(table: str, rows: pa.Table) -> list[pa.Table]:
    """Rows in blocks of at most twelve months, in a way that only depends on the rows."""
    if not rows.num_rows:
        return []
    by = TABLE[table].partition_by
    if not by:
        return [rows]
    when = rows[by.removeprefix("toYYYYMM(").removesuffix(")")]
    month_of = pc.add(pc.multiply(pc.year(when), 12), pc.month(when))
    months = sorted(month_of.unique().to_pylist())
    if len(months) <= PARTITIONS_PER_BLOCK_MAX:
        return [rows]
    groups = [months[i : i + PARTITIONS_PER_BLOCK_MAX] for i in range(0, len(months), PARTITIONS_PER_BLOCK_MAX)]
    return [rows.filter(pc.is_in(month_of, pa.array(group, month_of.type))) for group in groups]
