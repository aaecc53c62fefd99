"""Exactly-once writes of passes: store an intent that contains the rows, insert each table, record the end.

An intent without an end is finished from its stored rows and never recomputed, because the tables may have changed
since. If several workers wrote an intent for the same pass, the lease names the chosen attempt. Any number of workers
may finish it at once: all insert the same rows with the same tokens.
"""

import base64
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from attribution.core.revisions import TABLES, sourced
from attribution.live.lease import ClaimedPass
from attribution.store.cursor import Cursor, decode, encode
from attribution.store.limits import BLOCK_ROWS_MAX
from runtime.clock import Clock
from runtime.logs import Throttled, logger
from schemas.columns import to_arrow
from schemas.ddl import DATABASE
from schemas.tables import Intent, Pass
from warehouse.port import Warehouse, WarehouseError, rows_of, scalar_of

INTENTS_PER_PARTITION = 64
"""Same number as in the PARTITION BY of `intents`; finished intents are dropped in units of this size."""

_COMPLETIONS_MAX = 10
_SETTLE_S = 0.2
"""Pause before reading back: an insert may return before the rows of an earlier one with its token are visible."""

_log = Throttled(logger("attribution"))


class PassTooLarge(Exception):
    """The rows of a pass do not fit one block; retry with fewer conversions."""


class PassLost(WarehouseError):
    """Rows of a pass are stored, but the intent needed to finish it is missing."""


@dataclass(frozen=True, slots=True)
class StartedPass:
    """A pass whose intent is stored. `counts` holds its row counts by table."""

    pass_id: int
    attempt: str
    cursor: str
    counts: dict[str, int]
    tables: Mapping[str, pa.Table] = field(default_factory=dict)

    @property
    def claimed(self) -> ClaimedPass:
        """The claim that the lease stores for this pass."""
        return ClaimedPass(self.pass_id, self.attempt)


class PassWriter:
    """Writes the passes of one shard. `pass_id` and `cursor` are those of the last completed pass."""

    def __init__(self, warehouse: Warehouse, shard: int, clock: Clock, code_version: str) -> None:
        self._warehouse, self._shard, self._clock, self._code_version = warehouse, shard, clock, code_version
        self.pass_id = 0
        self.cursor = Cursor()
        self.has_garbage = False
        """Unclaimed intents exist after the last completed pass; completing any later pass makes them obsolete."""

    # ------------------------------------------------------------------------------------------------ a new pass

    def begin(self, rows: Mapping[str, list[msgspec.Struct]], cursor: Cursor, attempt: str = "") -> StartedPass:
        """Store the intent of the next pass. Raises PassTooLarge before anything is written.

        After any other error, here or later, the stored state is unknown: call `recover` before the next pass.
        """
        too_large = [name for name, table_rows in rows.items() if len(table_rows) > BLOCK_ROWS_MAX]
        if too_large:
            raise PassTooLarge(f"{', '.join(too_large)}: more than {BLOCK_ROWS_MAX} rows in one pass")
        pass_id = self.pass_id + 1
        tables = {name: to_arrow(name, sourced(rows[name], pass_id, self._shard)) for name in TABLES if rows.get(name)}
        counts = {name: table.num_rows for name, table in tables.items()}
        started = StartedPass(pass_id, attempt, encode(cursor), counts, tables)
        intent = Intent(
            pass_id=pass_id, shard=self._shard, ts=self._clock.now_us(), cursor=started.cursor, rows=counts,
            payload=pack(tables), code_version=self._code_version, attempt=attempt,
        )  # fmt: skip
        # Random suffix: an earlier insert that failed may have left its token behind without its rows.
        token = f"{self._token(started, 'intents')}:{secrets.token_hex(8)}"
        self._warehouse.insert("intents", to_arrow("intents", [(intent,)]), token)
        return started

    def insert(self, started: StartedPass, name: str) -> None:
        """Insert one table of the pass."""
        self._warehouse.insert(name, started.tables[name], self._token(started, name))

    def end(self, started: StartedPass) -> None:
        """Record the end of the pass."""
        self._insert_end(started, self._token(started, "passes"))
        self._ended(started)
        if self.pass_id % INTENTS_PER_PARTITION == 0:
            self.drop_old_intents()

    def _insert_end(self, started: StartedPass, token: str) -> None:
        row = Pass(
            pass_id=started.pass_id, shard=self._shard, ts=self._clock.now_us(), cursor=started.cursor,
            rows=started.counts, code_version=self._code_version, attempt=started.attempt,
        )  # fmt: skip
        self._warehouse.insert("passes", to_arrow("passes", [(row,)]), token)

    def _ended(self, started: StartedPass) -> None:
        self.pass_id, self.cursor, self.has_garbage = started.pass_id, decode(started.cursor), False

    def _token(self, started: StartedPass, table: str) -> str:
        attempt = f":{started.attempt}" if started.attempt else ""
        return f"attribution:{self._shard}:{started.pass_id}{attempt}:{table}"

    # -------------------------------------------------------------------------------------------------- recovery

    def recover(self, claimed: ClaimedPass | None = None) -> int:
        """Load the last completed pass and finish the chosen passes after it. Returns the number of passes finished.

        `claimed` is the pass that the lease stores. Raises PassLost if a started pass cannot be finished.
        """
        self._load()
        open_intents = self._open_intents()
        chosen = self._chosen(open_intents, claimed)
        for started in chosen:
            _log.warning("pass_finished_after_crash", shard=self._shard, pass_id=started.pass_id, rows=started.counts)
            self.finish(started)
        self.has_garbage = any(started.pass_id > self.pass_id for started in open_intents)
        return len(chosen)

    def _load(self) -> None:
        last = rows_of(
            self._warehouse.query(
                f"SELECT pass_id, cursor FROM {DATABASE}.passes WHERE shard = {{shard:UInt32}} "
                "ORDER BY pass_id DESC LIMIT 1",
                {"shard": self._shard},
            )
        )
        self.pass_id, self.cursor = (last[0]["pass_id"], decode(last[0]["cursor"])) if last else (0, Cursor())

    def _open_intents(self) -> list[StartedPass]:
        """Return the intents after the last completed pass, without their rows."""
        intents = self._warehouse.query(
            f"SELECT pass_id, attempt, cursor, rows FROM {DATABASE}.intents WHERE shard = {{shard:UInt32}} "
            "AND pass_id > {last:UInt64} ORDER BY pass_id, attempt LIMIT 1 BY pass_id, attempt",
            {"shard": self._shard, "last": self.pass_id},
        )
        return [StartedPass(r["pass_id"], r["attempt"], r["cursor"], dict(r["rows"])) for r in rows_of(intents)]

    def _chosen(self, open_intents: list[StartedPass], claimed: ClaimedPass | None) -> list[StartedPass]:
        """Select the intents to finish: all for a single worker, otherwise the one that the lease names."""
        chosen = [started for started in open_intents if not started.attempt or started.claimed == claimed]
        if chosen and [started.pass_id - self.pass_id for started in chosen] == list(range(1, len(chosen) + 1)):
            return chosen
        is_open = claimed.pass_id > self.pass_id if claimed is not None else bool(open_intents)
        if not is_open:
            return []
        if not self._has_rows_after():  # no table was written, so the pass can be recomputed
            _log.warning("lease_and_warehouse_differ", shard=self._shard, claimed=claimed, done=self.pass_id)
            return []
        is_unknown = claimed is None or claimed.pass_id > self.pass_id + 1  # lost, or newer than a restored backup
        if is_unknown and [started.pass_id for started in open_intents] == [self.pass_id + 1]:
            return open_intents
        raise PassLost(
            f"shard {self._shard}: rows after pass {self.pass_id} are stored, but the intent chosen for them is gone; "
            "restore the warehouse from a backup"
        )

    def _has_rows_after(self) -> bool:
        """Return True if any table has rows of an unfinished pass."""
        of_tables = " UNION ALL ".join(
            f"(SELECT 1 FROM {DATABASE}.{name} WHERE _source = 'attribution' AND _partition = {{shard:UInt32}} "
            "AND _batch > {last:UInt64} LIMIT 1)"
            for name in TABLES
        )
        return bool(self._warehouse.query(of_tables, {"shard": self._shard, "last": self.pass_id}).num_rows)

    def finish(self, started: StartedPass) -> None:
        """Complete a chosen pass, however much of it is stored, even while other workers complete it too."""
        for name, rows in self._payload(started).items():
            self._finish_table(started, name, rows)
        for again in range(_COMPLETIONS_MAX):
            is_ended = self._is_ended(started.pass_id)
            if again and not is_ended:
                time.sleep(_SETTLE_S)
                is_ended = self._is_ended(started.pass_id)
            if is_ended:
                self._ended(started)
                return
            self._insert_end(started, self._token(started, "passes") + _suffix(again))
        raise RuntimeError(f"pass {started.pass_id} is still not stored after {_COMPLETIONS_MAX} inserts")

    def fill(self, started: StartedPass, name: str) -> None:
        """Insert the missing rows of one table of a pass, completed or chosen, whose intent is still stored."""
        self._finish_table(started, name, self._payload(started)[name])

    def _payload(self, started: StartedPass) -> dict[str, pa.Table]:
        """Return the rows of an intent, in the order in which tables are written."""
        packed = self._warehouse.query(
            f"SELECT base64Encode(payload) AS packed FROM {DATABASE}.intents WHERE shard = {{shard:UInt32}} "
            "AND pass_id = {pass:UInt64} AND attempt = {attempt:String} LIMIT 1",
            {"shard": self._shard, "pass": started.pass_id, "attempt": started.attempt},
        )
        tables = unpack(base64.b64decode(scalar_of(packed)))
        return {name: tables[name] for name in TABLES if name in tables}

    def _finish_table(self, started: StartedPass, name: str, rows: pa.Table) -> None:
        """Insert the missing rows of a table and read back, until all are stored.

        A failed insert may leave its token behind without its rows. The engine then drops the rows of the next
        insert with this token as duplicates; only reading back detects that (docs/decisions/0007).
        """
        for again in range(_COMPLETIONS_MAX):
            missing = self._missing(started.pass_id, name, rows)
            if again and missing.num_rows:
                time.sleep(_SETTLE_S)
                missing = self._missing(started.pass_id, name, rows)
            if not missing.num_rows:
                return
            token = self._token(started, name)
            if missing.num_rows < rows.num_rows:  # the token stands for all rows
                self._warehouse.ended(name, token)  # a first insert that still runs would store them too
                token += f":missing-{_name_of(missing)}"
            if again:
                _log.warning("token_without_rows", table=name, pass_id=started.pass_id, rows=missing.num_rows)
            self._warehouse.insert(name, missing, token + _suffix(again))
        raise RuntimeError(f"{name}: rows of pass {started.pass_id} are not stored after {_COMPLETIONS_MAX} inserts")

    def _missing(self, pass_id: int, name: str, rows: pa.Table) -> pa.Table:
        present = self._warehouse.query(
            f"SELECT DISTINCT _offset FROM {DATABASE}.{name} WHERE _source = 'attribution' "
            "AND _partition = {shard:UInt32} AND _batch = {pass:UInt64}",
            {"shard": self._shard, "pass": pass_id},
        ).column(0)
        return rows.filter(pc.invert(pc.is_in(rows.column("_offset"), present.combine_chunks())))

    def _is_ended(self, pass_id: int) -> bool:
        ends = self._warehouse.query(
            f"SELECT 1 FROM {DATABASE}.passes WHERE shard = {{shard:UInt32}} AND pass_id = {{pass:UInt64}} LIMIT 1",
            {"shard": self._shard, "pass": pass_id},
        )
        return bool(ends.num_rows)

    # ----------------------------------------------------------------------------------------------- old intents

    def drop_old_intents(self) -> None:
        """Drop partitions of `intents` whose passes are all completed, except the newest. Rewrites no data."""
        buckets = self._warehouse.query(
            f"SELECT DISTINCT intDiv(pass_id, {INTENTS_PER_PARTITION}) AS bucket FROM {DATABASE}.intents "
            "WHERE shard = {shard:UInt32} AND pass_id < {newest:UInt64}",
            {"shard": self._shard, "newest": self.pass_id // INTENTS_PER_PARTITION * INTENTS_PER_PARTITION},
        )
        for bucket in buckets.column(0).to_pylist():
            self._warehouse.execute(f"ALTER TABLE {DATABASE}.intents DROP PARTITION ({self._shard}, {bucket})")


def pack(tables: Mapping[str, pa.Table]) -> bytes:
    """Encode tables as one value: a compressed Arrow IPC stream per table."""
    return msgspec.msgpack.encode({name: _stream(table) for name, table in tables.items()})


def unpack(payload: bytes) -> dict[str, pa.Table]:
    """Decode the tables that `pack` encoded."""
    streams: dict[str, bytes] = msgspec.msgpack.decode(payload, type=dict[str, bytes])
    return {name: pa.ipc.open_stream(stream).read_all() for name, stream in streams.items()}


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    value: Any = sink.getvalue().to_pybytes()
    return bytes(value)


def _suffix(again: int) -> str:
    return f":again-{again}" if again else ""


def _name_of(rows: pa.Table) -> str:
    """Derive a name from these rows of a pass; every worker that misses the same rows derives the same name."""
    return blake2b(repr(rows.column("_offset").to_pylist()).encode(), digest_size=8).hexdigest()
