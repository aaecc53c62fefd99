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
from attribution.live.lease import Mark
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
class Begun:
    """A pass whose intent is stored. `counts` holds its row counts by table."""

    pass_id: int
    attempt: str
    cursor: str
    counts: dict[str, int]
    tables: Mapping[str, pa.Table] = field(default_factory=dict)

    @property
    def mark(self) -> Mark:
        """The mark that the lease stores for this pass."""
        return Mark(self.pass_id, self.attempt)


class Passes:
    """Writes the passes of one shard. `pass_id` and `cursor` are those of the last completed pass."""

    def __init__(self, warehouse: Warehouse, shard: int, clock: Clock, code_version: str) -> None:
        self._warehouse, self._shard, self._clock, self._code_version = warehouse, shard, clock, code_version
        self.pass_id = 0
        self.cursor = Cursor()
        self.has_garbage = False
        """Unclaimed intents exist after the last completed pass; completing any later pass makes them obsolete."""

    # ------------------------------------------------------------------------------------------------ a new pass

    def begin(self, rows: Mapping[str, list[msgspec.Struct]], cursor: Cursor, attempt: str = "") -> Begun:
        """Store the intent of the next pass. Raises PassTooLarge before anything is written.

        After any other error, here or later, the stored state is unknown: call `recover` before the next pass.
        """
        too_large = [name for name, mine in rows.items() if len(mine) > BLOCK_ROWS_MAX]
        if too_large:
            raise PassTooLarge(f"{', '.join(too_large)}: more than {BLOCK_ROWS_MAX} rows in one pass")
        pass_id = self.pass_id + 1
        tables = {name: to_arrow(name, sourced(rows[name], pass_id, self._shard)) for name in TABLES if rows.get(name)}
        counts = {name: table.num_rows for name, table in tables.items()}
        begun = Begun(pass_id, attempt, encode(cursor), counts, tables)
        intent = Intent(
            pass_id=pass_id, shard=self._shard, ts=self._clock.now_us(), cursor=begun.cursor, rows=counts,
            payload=pack(tables), code_version=self._code_version, attempt=attempt,
        )  # fmt: skip
        # Random suffix: an earlier insert that failed may have left its token behind without its rows.
        token = f"{self._token(begun, 'intents')}:{secrets.token_hex(8)}"
        self._warehouse.insert("intents", to_arrow("intents", [(intent,)]), token)
        return begun

    def insert(self, begun: Begun, name: str) -> None:
        """Insert one table of the pass."""
        self._warehouse.insert(name, begun.tables[name], self._token(begun, name))

    def end(self, begun: Begun) -> None:
        """Record the end of the pass."""
        self._insert_end(begun, self._token(begun, "passes"))
        self._ended(begun)
        if self.pass_id % INTENTS_PER_PARTITION == 0:
            self.drop_old_intents()

    def _insert_end(self, begun: Begun, token: str) -> None:
        row = Pass(
            pass_id=begun.pass_id, shard=self._shard, ts=self._clock.now_us(), cursor=begun.cursor,
            rows=begun.counts, code_version=self._code_version, attempt=begun.attempt,
        )  # fmt: skip
        self._warehouse.insert("passes", to_arrow("passes", [(row,)]), token)

    def _ended(self, begun: Begun) -> None:
        self.pass_id, self.cursor, self.has_garbage = begun.pass_id, decode(begun.cursor), False

    def _token(self, begun: Begun, table: str) -> str:
        attempt = f":{begun.attempt}" if begun.attempt else ""
        return f"attribution:{self._shard}:{begun.pass_id}{attempt}:{table}"

    # -------------------------------------------------------------------------------------------------- recovery

    def recover(self, mark: Mark | None = None) -> int:
        """Load the last completed pass and finish the chosen passes after it. Returns the number of passes finished.

        `mark` is the one stored by the lease. Raises PassLost if a started pass cannot be finished.
        """
        self._load()
        open_intents = self._open_intents()
        chosen = self._chosen(open_intents, mark)
        for begun in chosen:
            _log.warning("pass_finished_after_crash", shard=self._shard, pass_id=begun.pass_id, rows=begun.counts)
            self.finish(begun)
        self.has_garbage = any(begun.pass_id > self.pass_id for begun in open_intents)
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

    def _open_intents(self) -> list[Begun]:
        """Return the intents after the last completed pass, without their rows."""
        found = self._warehouse.query(
            f"SELECT pass_id, attempt, cursor, rows FROM {DATABASE}.intents WHERE shard = {{shard:UInt32}} "
            "AND pass_id > {last:UInt64} ORDER BY pass_id, attempt LIMIT 1 BY pass_id, attempt",
            {"shard": self._shard, "last": self.pass_id},
        )
        return [Begun(r["pass_id"], r["attempt"], r["cursor"], dict(r["rows"])) for r in rows_of(found)]

    def _chosen(self, open_intents: list[Begun], mark: Mark | None) -> list[Begun]:
        """Select the intents to finish: all for a single worker, otherwise the one that the lease names."""
        chosen = [begun for begun in open_intents if not begun.attempt or begun.mark == mark]
        if chosen and [begun.pass_id - self.pass_id for begun in chosen] == list(range(1, len(chosen) + 1)):
            return chosen
        is_open = mark.pass_id > self.pass_id if mark is not None else bool(open_intents)
        if not is_open:
            return []
        if not self._has_rows_after():  # no table was written, so the pass can be recomputed
            _log.warning("lease_and_warehouse_differ", shard=self._shard, claimed=mark, done=self.pass_id)
            return []
        is_unknown = mark is None or mark.pass_id > self.pass_id + 1  # lost, or newer than a restored backup
        if is_unknown and [begun.pass_id for begun in open_intents] == [self.pass_id + 1]:
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

    def finish(self, begun: Begun) -> None:
        """Complete a chosen pass, however much of it is stored, even while other workers complete it too."""
        for name, rows in self._payload(begun).items():
            self._finish_table(begun, name, rows)
        for again in range(_COMPLETIONS_MAX):
            is_ended = self._is_ended(begun.pass_id)
            if again and not is_ended:
                time.sleep(_SETTLE_S)
                is_ended = self._is_ended(begun.pass_id)
            if is_ended:
                self._ended(begun)
                return
            self._insert_end(begun, self._token(begun, "passes") + _suffix(again))
        raise RuntimeError(f"pass {begun.pass_id} is still not stored after {_COMPLETIONS_MAX} inserts")

    def fill(self, begun: Begun, name: str) -> None:
        """Insert the missing rows of one table of a pass, completed or chosen, whose intent is still stored."""
        self._finish_table(begun, name, self._payload(begun)[name])

    def _payload(self, begun: Begun) -> dict[str, pa.Table]:
        """Return the rows of an intent, in the order in which tables are written."""
        packed = self._warehouse.query(
            f"SELECT base64Encode(payload) AS packed FROM {DATABASE}.intents WHERE shard = {{shard:UInt32}} "
            "AND pass_id = {pass:UInt64} AND attempt = {attempt:String} LIMIT 1",
            {"shard": self._shard, "pass": begun.pass_id, "attempt": begun.attempt},
        )
        tables = unpack(base64.b64decode(scalar_of(packed)))
        return {name: tables[name] for name in TABLES if name in tables}

    def _finish_table(self, begun: Begun, name: str, rows: pa.Table) -> None:
        """Insert the missing rows of a table and read back, until all are stored.

        A failed insert may leave its token behind without its rows. The engine then drops the rows of the next
        insert with this token as duplicates; only reading back detects that (docs/decisions/0007).
        """
        for again in range(_COMPLETIONS_MAX):
            missing = self._missing(begun.pass_id, name, rows)
            if again and missing.num_rows:
                time.sleep(_SETTLE_S)
                missing = self._missing(begun.pass_id, name, rows)
            if not missing.num_rows:
                return
            token = self._token(begun, name)
            if missing.num_rows < rows.num_rows:  # the token stands for all rows
                self._warehouse.ended(name, token)  # a first insert that still runs would store them too
                token += f":missing-{_name_of(missing)}"
            if again:
                _log.warning("token_without_rows", table=name, pass_id=begun.pass_id, rows=missing.num_rows)
            self._warehouse.insert(name, missing, token + _suffix(again))
        raise RuntimeError(f"{name}: rows of pass {begun.pass_id} are not stored after {_COMPLETIONS_MAX} inserts")

    def _missing(self, pass_id: int, name: str, rows: pa.Table) -> pa.Table:
        present = self._warehouse.query(
            f"SELECT DISTINCT _offset FROM {DATABASE}.{name} WHERE _source = 'attribution' "
            "AND _partition = {shard:UInt32} AND _batch = {pass:UInt64}",
            {"shard": self._shard, "pass": pass_id},
        ).column(0)
        return rows.filter(pc.invert(pc.is_in(rows.column("_offset"), present.combine_chunks())))

    def _is_ended(self, pass_id: int) -> bool:
        found = self._warehouse.query(
            f"SELECT 1 FROM {DATABASE}.passes WHERE shard = {{shard:UInt32}} AND pass_id = {{pass:UInt64}} LIMIT 1",
            {"shard": self._shard, "pass": pass_id},
        )
        return bool(found.num_rows)

    # ----------------------------------------------------------------------------------------------- old intents

    def drop_old_intents(self) -> None:
        """Drop partitions of `intents` whose passes are all completed, except the newest. Rewrites no data."""
        found = self._warehouse.query(
            f"SELECT DISTINCT intDiv(pass_id, {INTENTS_PER_PARTITION}) AS bucket FROM {DATABASE}.intents "
            "WHERE shard = {shard:UInt32} AND pass_id < {newest:UInt64}",
            {"shard": self._shard, "newest": self.pass_id // INTENTS_PER_PARTITION * INTENTS_PER_PARTITION},
        )
        for bucket in found.column(0).to_pylist():
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
