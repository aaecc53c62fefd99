"""Write a batch into the warehouse, each row once: a token per block, identical retries, read-back after a crash.

A block that the engine refuses because of its data is halved, always at the same positions, down to the bad row, which
becomes a dead letter. Any other error is one of the environment and is retried until it succeeds, so a full disk or a
missing table never turns good rows into dead letters.
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
"""Most months in one block; the dedup window of the engine counts a part for each."""

COMPLETIONS_MAX = 10
"""Most inserts of missing rows under a further token before the process gives up."""

DATA_ERRORS = frozenset({6, 27, 33, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349, 386, 407})
"""Error codes of the engine that are caused by values: parsing, ranges, types, sizes."""


RowKey = tuple[int, Any]
"""Offset of a row, and the key that tells rows of one offset apart."""


class Stopped(Exception):
    """The process was asked to stop during retries; the batch is finished later by its intent."""


class OwnershipExpired(Exception):
    """Retries outlasted our ownership of the partition; its current owner finishes the batch."""


class BatchWriter:
    """Writes batches. The event `stop` ends retries."""

    def __init__(
        self, warehouse: Warehouse, group: str, backoff_max_ms: int, stop: threading.Event, clock: Clock,
        owned_for_s: float = math.inf,
    ) -> None:  # fmt: skip
        """`owned_for_s`: time after the begin of a batch for which its partition is certainly ours."""
        self._warehouse, self._group, self._backoff_max_ms, self._stop = warehouse, group, backoff_max_ms, stop
        self._clock, self._owned_for_s = clock, owned_for_s
        self._began_s = self._clock.monotonic_s()
        self._failed = False
        """Whether an insert of the current table was retried, so that its result is uncertain."""

    def write(self, batch: Batch) -> None:
        """Insert every row of the batch. Raises Stopped, OwnershipExpired."""
        self._began_s = self._clock.monotonic_s()
        for table in sorted(batch.tables, key=_order):
            self._failed = False
            self._write_table(batch, table, batch.tables[table], self._token(batch, table))
            if self._failed:
                self._complete(batch, table)

    def finish(self, batch: Batch, *, tokens_remembered: bool = False) -> None:
        """Insert the rows that a crashed process did not. Raises Stopped, OwnershipExpired.

        `tokens_remembered`: whether the batch is so young that the engine still has its tokens.
        """
        self._began_s = self._clock.monotonic_s()
        for table in sorted(batch.tables, key=_order):
            self._complete(batch, table, tokens_remembered=tokens_remembered)

    def _complete(self, batch: Batch, table: str, *, tokens_remembered: bool = True) -> None:
        """Insert missing rows and read back, until nothing is missing.

        A killed insert may have left its token without its rows; the engine then drops the rows that come with this
        token as if they were stored. Only reading back shows it (docs/decisions/0007).
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
            if tokens_remembered and not attempt:
                missing = rows  # another process that still retries sends the same rows under the same token
            elif missing.num_rows < rows.num_rows:  # these are not all rows of the token
                again += f":rest-{missing['_offset'][0].as_py()}-{missing.num_rows}"
            if attempt:
                _log.warning("token_without_rows", table=table, lo=batch.lo, hi=batch.hi, rows=missing.num_rows)
                again += f":again-{attempt}"
            self._write_table(batch, table, missing, again)
        raise RuntimeError(f"{table}: rows of {batch.lo}-{batch.hi} are not there after {COMPLETIONS_MAX} inserts")

    def _wait_for_first_try(self, table: str, rows: pa.Table, token: str) -> None:
        """Wait for a server that may still run the insert of a dead process, as a part of the rows is stored.

        If no row were stored, the rows would be sent under the same token, and the server would make them wait.
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
        """Insert a block; if its data is refused, insert its halves, whose tokens are derived from its own."""
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
            self._write_dead_letter(batch, table, rows, problem)

    def _write_dead_letter(self, batch: Batch, table: str, row: pa.Table, problem: str) -> None:
        """Store a refused row with the reason as a dead letter; once, also when a crashed batch is finished."""
        [(offset, identity)] = row_keys(table, row)
        _log.error("row_refused", table=table, offset=offset, error=problem)
        metrics.count("clew_ingest_dead_letters_total")
        value = msgspec.msgpack.encode(row.drop_columns(list(_SOURCE)).to_pylist()[0])
        columns = {"error": [f"{table}: {problem[:500]}"], "value": [value]}
        columns |= {name: row[name].to_pylist() for name in _SOURCE}
        letter = pa.table(columns, schema=arrow_schema("dead_letters"))
        token = f"{self._token(batch, 'dead_letters')}:{table}-{offset}-{_text(identity)}"
        self._write_block(batch, "dead_letters", letter, token)

    def _missing(self, batch: Batch, table: str, rows: pa.Table) -> pa.Table:
        """Return the rows of the batch that are neither stored nor dead letters."""
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
        mask = [place not in stored and place[0] not in buried for place in row_keys(table, rows)]
        return rows.filter(pa.array(mask, pa.bool_()))

    def retry(self, work: Callable[[], _T], table: str) -> _T:
        """Retry until success. Only errors caused by data are raised, and Stopped and OwnershipExpired."""
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
                raise OwnershipExpired
            pause_ms = min(pause_ms * 2, self._backoff_max_ms)


_LAST = ("dead_letters", "claims", "origins")


def _order(table: str) -> tuple[int, str]:
    """Write events first and append ranges last: without positions, these prove that the newest batch is whole."""
    return _LAST.index(table) + 1 if table in _LAST else 0, table


def _text(identity: Any) -> str:
    return identity.hex() if isinstance(identity, bytes) else str(identity)


IDENTITY = {"touches": "identity", "claims": "key"}
"""Column that tells rows of one offset apart, for tables that have several."""


def row_keys(table: str, rows: pa.Table) -> list[RowKey]:
    """Return keys that tell rows of one batch apart: the offset, and a column if that is not enough."""
    offsets = rows["_offset"].to_pylist()
    keys = rows[IDENTITY[table]].to_pylist() if table in IDENTITY else [0] * len(offsets)
    return list(zip(offsets, keys, strict=True))


def blocks_of(table: str, rows: pa.Table) -> list[pa.Table]:
    """Split rows into blocks of at most twelve months, in a way that depends only on the rows."""
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
