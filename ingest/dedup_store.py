"""Read the state of deduplication from the warehouse: dedup keys and appends, as of an offset."""

import base64
from collections.abc import Collection, Iterator
from typing import Any

import pyarrow as pa

from eventlog.port import Partition
from ingest.resume import newest_batch
from schemas.ddl import DATABASE
from schemas.events import HITS
from warehouse.port import Warehouse, rows_of, scalar_of

_KEYS_MAX = 20_000
"""Most keys of one query; they are sent as one text of 0.4 MB that the engine splits."""

CHUNK_ROWS = 50_000
"""Rows of `claims` that are read at a time when all of them are read."""

_OF_PARTITION = "_log = {log:String} AND _source = {topic:String} AND _partition = {partition:UInt32}"

_BEFORE = (
    "_source = {topic:String} AND ((_log = {log:String} AND _partition = {partition:UInt32} AND _offset < {lo:UInt64}) "
    f"OR (_log != {{log:String}} AND (_partition = {{partition:UInt32}} OR _source = '{HITS}')))"
)
"""SQL condition: rows of this log before an offset, and of every earlier log of the partition.

Other partitions of conversions are excluded: their progress depends on time, and a repeated batch must get the same
result. Partitions of hits may be added, and a key then moves to another partition for good.
"""

_KEYS = (
    "SELECT toFixedString(substring(base64URLDecode({keys:String}), number * 16 + 1, 16), 16) FROM numbers({n:UInt64})"
)


class Claims:
    """Implements `eventlog.port.StoredClaims` and the look-ups of ingest."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def position(self, partition: Partition, log_id: str) -> int:
        """Return the offset before which everything of this log is stored; 0 if nothing is.

        The newest batch may be stored in part. Its ranges of appends are written last, so they prove that it is whole.
        """
        newest = newest_batch(self._warehouse, partition, log_id)
        if newest is None:
            return 0
        ends = f"SELECT count() AS n FROM {DATABASE}.origins WHERE {_OF_PARTITION} AND _batch = {{batch:UInt64}}"
        whole = scalar_of(self._warehouse.query(ends, _place(partition, log_id) | {"batch": newest.lo}))
        return newest.hi + 1 if whole else newest.lo

    def states_of(self, partition: Partition, log_id: str, offset: int, keys: Collection[bytes]) -> dict[bytes, bytes]:
        """Return the states of these keys as of an offset; unused keys are left out."""
        ordered, states = sorted(keys), dict[bytes, bytes]()
        for start in range(0, len(ordered), _KEYS_MAX):
            chunk = ordered[start : start + _KEYS_MAX]
            packed = {"keys": base64.urlsafe_b64encode(b"".join(chunk)).rstrip(b"=").decode(), "n": len(chunk)}
            states |= self._states(f"key IN ({_KEYS})", _place(partition, log_id) | {"lo": offset} | packed)
        return states

    def states(self, partition: Partition, log_id: str, offset: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, state) of every key as of an offset, read in parts of about `CHUNK_ROWS`."""
        place = _place(partition, log_id) | {"lo": offset}
        count = f"SELECT count() AS n FROM {DATABASE}.claims WHERE {_BEFORE}"
        parts = min(65_536, int(scalar_of(self._warehouse.query(count, place))) // CHUNK_ROWS + 1)
        edges = [(n * 65_536 // parts).to_bytes(2, "big").ljust(16, b"\0") for n in range(1, parts)]
        for first, end in zip([bytes(16), *edges], [*edges, b""], strict=True):
            # Keys are digests, so equal parts of their range hold about the same number of keys.
            bounds = {"first": first.hex(), "end": end.hex()}
            below = " AND key < toFixedString(unhex({end:String}), 16)" if end else ""
            where = f"key >= toFixedString(unhex({{first:String}}), 16){below}"
            yield from self._states(where, place | bounds).items()

    def _states(self, where: str, parameters: dict[str, Any]) -> dict[bytes, bytes]:
        """Return the newest state by key: of this log by offset, otherwise of the log that wrote the key last."""
        sql = f"""
            SELECT key, argMax(newest, (current, put_ts)) AS known FROM (
                SELECT key, _log = {{log:String}} AS current,
                    argMax(state, _offset) AS newest, argMax(ts, _offset) AS put_ts
                FROM {DATABASE}.claims WHERE {where} AND {_BEFORE} GROUP BY key, _log
            ) GROUP BY key"""
        found = self._warehouse.query(sql, parameters)
        states = found.column(1).cast(pa.binary())  # the engine says that any String is text
        return dict(zip(found.column(0).to_pylist(), states.to_pylist(), strict=True))

    def origins(self, partition: Partition, log_id: str, offset: int) -> Iterator[tuple[bytes, int, int]]:
        """Yield (origin, first, last), the longest ranges of sequences seen before an offset."""
        where = f"FROM {DATABASE}.origins WHERE {_OF_PARTITION} AND _offset < {{lo:UInt64}}"
        place = _place(partition, log_id) | {"lo": offset}
        sums = (
            "SELECT origin, min(first) AS lowest, max(last) AS highest, "
            f"sum(last - first + 1) = highest - lowest + 1 AS whole {where} GROUP BY origin"
        )
        torn = []
        for row in rows_of(self._warehouse.query(sums, place)):
            if row["whole"]:
                yield row["origin"], row["lowest"], row["highest"]
            else:
                torn.append(row["origin"])
        for origin in sorted(torn):
            yield from self._ranges(origin, where, place)

    def _ranges(self, origin: bytes, where: str, place: dict[str, Any]) -> Iterator[tuple[bytes, int, int]]:
        """Yield the ranges of an origin with gaps. Where two rows meet, an end and a beginning cancel out."""
        edges = (
            "SELECT at, sum(step) AS steps FROM ("
            f"SELECT arrayJoin([(first, 1), (last + 1, -1)]) AS edge, edge.1 AS at, edge.2 AS step {where} "
            "AND origin = toFixedString(unhex({origin:String}), 16)) GROUP BY at HAVING steps != 0 ORDER BY at"
        )
        found = self._warehouse.query(edges, place | {"origin": origin.hex()})
        depth, first = 0, 0
        for at, steps in zip(found.column(0).to_pylist(), found.column(1).to_pylist(), strict=True):
            if not depth:
                first = at
            depth += steps
            if not depth:
                yield origin, first, at - 1


def _place(partition: Partition, log_id: str) -> dict[str, Any]:
    return {"log": log_id, "topic": partition.topic, "partition": partition.partition}
