"""A pass into the warehouse, each row once: a durable intent with the very rows, then each table, then done.

An intent without its end is finished from its own rows, never computed again: what the tables held when it was
computed may have changed. One process writes a shard.
"""

import base64
import secrets
from collections.abc import Mapping
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from attribution.cursor import Cursor, decode, encode
from attribution.restate import TABLES, sourced
from runtime.clock import Clock
from runtime.logs import logger
from schemas.columns import to_arrow
from schemas.ddl import DATABASE
from schemas.tables import Intent, Pass
from warehouse.port import Warehouse

BLOCK_ROWS_MAX = 900_000
"""Rows of one table in one pass, so that a table is one block: journals are never split."""

INTENTS_PER_PARTITION = 64
"""As in the PARTITION BY of `intents`; done intents are dropped that many at a time."""

_COMPLETIONS_MAX = 10

_log = logger("attribution")


class PassTooLarge(Exception):
    """The rows of a pass do not fit one block; take fewer conversions."""


class Passes:
    """Writes the passes of one shard. `pass_id` and `cursor` are those of the last one that is done."""

    def __init__(self, warehouse: Warehouse, shard: int, clock: Clock, code_version: str) -> None:
        self._warehouse, self._shard, self._clock, self._code_version = warehouse, shard, clock, code_version
        self.pass_id = 0
        self.cursor = Cursor()

    def recover(self) -> int:
        """Read where the last pass ended and finish what was begun after it; returns how many were finished."""
        self._load()
        begun = self._warehouse.query(
            "SELECT pass_id, cursor, rows, base64Encode(payload) AS packed "
            f"FROM {DATABASE}.intents WHERE shard = {{shard:UInt32}} "
            "AND pass_id > {last:UInt64} ORDER BY pass_id LIMIT 1 BY pass_id",
            {"shard": self._shard, "last": self.pass_id},
        ).to_pylist()
        for intent in begun:
            tables = unpack(base64.b64decode(intent["packed"]))
            _log.warning("pass_finished_after_crash", pass_id=intent["pass_id"], rows=dict(intent["rows"]))
            for name in TABLES:
                if name in tables:
                    self._finish_table(intent["pass_id"], name, tables[name])
            self._done(intent["pass_id"], intent["cursor"], dict(intent["rows"]))
        return len(begun)

    def _load(self) -> None:
        last = self._warehouse.query(
            f"SELECT pass_id, cursor FROM {DATABASE}.passes WHERE shard = {{shard:UInt32}} "
            "ORDER BY pass_id DESC LIMIT 1",
            {"shard": self._shard},
        ).to_pylist()
        if last:
            self.pass_id, self.cursor = last[0]["pass_id"], decode(last[0]["cursor"])

    def _finish_table(self, pass_id: int, name: str, rows: pa.Table) -> None:
        """Insert the rows of a table that are not there yet, and read back, until all are.

        An insert that died may have left its token behind without its rows; the engine then drops the rows that
        come with this token as if they were stored. Only reading back tells (docs/decisions/0007).
        """
        for attempt in range(_COMPLETIONS_MAX):
            present = self._warehouse.query(
                f"SELECT DISTINCT _offset FROM {DATABASE}.{name} WHERE _source = 'attribution' "
                "AND _partition = {shard:UInt32} AND _batch = {pass:UInt64}",
                {"shard": self._shard, "pass": pass_id},
            ).column(0)
            missing = rows.filter(pc.invert(pc.is_in(rows.column("_offset"), present.combine_chunks())))
            if not missing.num_rows:
                return
            token = self._token(pass_id, name)
            if len(present):  # other rows than the token stands for
                token += ":missing"
            if attempt:
                _log.warning("token_without_rows", table=name, pass_id=pass_id, rows=missing.num_rows)
                token += f":again-{attempt}"
            self._warehouse.insert(name, missing, token)
        raise RuntimeError(f"{name}: rows of pass {pass_id} are not there after {_COMPLETIONS_MAX} inserts")

    def write(self, rows: Mapping[str, list[msgspec.Struct]], cursor: Cursor) -> int:
        """Write a pass of these rows; returns its number. Raises PassTooLarge before anything is written.

        Any other error leaves it open whether the pass is written: call `recover` before the next one.
        """
        too_large = [name for name, mine in rows.items() if len(mine) > BLOCK_ROWS_MAX]
        if too_large:
            raise PassTooLarge(f"{', '.join(too_large)}: more than {BLOCK_ROWS_MAX} rows in one pass")
        pass_id = self.pass_id + 1
        tables = {name: to_arrow(name, sourced(mine, pass_id, self._shard)) for name, mine in rows.items() if mine}
        counts = {name: table.num_rows for name, table in tables.items()}
        if tables:
            self._intend(pass_id, encode(cursor), counts, tables)
            for name in TABLES:
                if name in tables:
                    self._warehouse.insert(name, tables[name], self._token(pass_id, name))
        self._done(pass_id, encode(cursor), counts)
        if pass_id % INTENTS_PER_PARTITION == 0:
            self.drop_old_intents()
        return pass_id

    def _intend(self, pass_id: int, cursor: str, counts: dict[str, int], tables: Mapping[str, pa.Table]) -> None:
        intent = Intent(
            pass_id=pass_id, shard=self._shard, ts=self._clock.now_us(), cursor=cursor, rows=counts,
            payload=pack(tables), code_version=self._code_version,
        )  # fmt: skip
        self._warehouse.insert("intents", to_arrow("intents", [(intent,)]), self._once(pass_id, "intents"))

    def _done(self, pass_id: int, cursor: str, counts: dict[str, int]) -> None:
        row = Pass(
            pass_id=pass_id, shard=self._shard, ts=self._clock.now_us(), cursor=cursor, rows=counts,
            code_version=self._code_version,
        )  # fmt: skip
        self._warehouse.insert("passes", to_arrow("passes", [(row,)]), self._once(pass_id, "passes"))
        self.pass_id, self.cursor = pass_id, decode(cursor)

    def _token(self, pass_id: int, table: str) -> str:
        return f"attribution:{self._shard}:{pass_id}:{table}"

    def _once(self, pass_id: int, table: str) -> str:
        """Token of a row that is only ever written when it was looked for and is not there: its like may have died."""
        return f"{self._token(pass_id, table)}:{secrets.token_hex(8)}"

    def drop_old_intents(self) -> None:
        """Drop the partitions of intents whose passes are all done, but for the newest; rewrites nothing."""
        newest = self.pass_id // INTENTS_PER_PARTITION
        found = self._warehouse.query(
            "SELECT DISTINCT partition FROM system.parts WHERE active AND database = {database:String} "
            "AND table = 'intents'",
            {"database": DATABASE},
        )
        for partition in found.column(0).to_pylist():
            shard, bucket = (int(number) for number in partition.strip("()").split(","))
            if shard == self._shard and bucket < newest:
                self._warehouse.execute(f"ALTER TABLE {DATABASE}.intents DROP PARTITION ({shard}, {bucket})")


def pack(tables: Mapping[str, pa.Table]) -> bytes:
    """Tables as one value: an Arrow IPC stream each, compressed."""
    return msgspec.msgpack.encode({name: _stream(table) for name, table in tables.items()})


def unpack(payload: bytes) -> dict[str, pa.Table]:
    """The tables that `pack` wrote."""
    streams: dict[str, bytes] = msgspec.msgpack.decode(payload, type=dict[str, bytes])
    return {name: pa.ipc.open_stream(stream).read_all() for name, stream in streams.items()}


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    value: Any = sink.getvalue().to_pybytes()
    return bytes(value)
