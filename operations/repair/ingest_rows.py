"""The stored rows of one partition of one log, as a repair looks at them and deletes copies."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from eventlog.port import Partition
from ingest.resume import EVENT_TABLES
from ingest.writer import IDENTITY, RowKey
from schemas.ddl import DATABASE
from warehouse.port import Warehouse, rows_of, scalar_of

_HERE = "_log = {log:String} AND _source = {topic:String} AND _partition = {partition:UInt32}"
_NOT_BESIDE = " AND ".join(f"NOT startsWith(error, '{table}: ')" for table in ("touches", "claims", "origins"))
_DELETES_MAX = 10_000
"""Rows of one statement, and doubled places of one look."""

_LOOKS_MAX = 3
"""Copies are deleted by part and row; parts may be merged in between, and are looked at again then."""


class RowsOf:
    """Of one partition. All methods raise WarehouseError."""

    def __init__(self, warehouse: Warehouse, partition: Partition, log_id: str) -> None:
        self._warehouse, self.partition, self.log_id = warehouse, partition, log_id
        self._parameters = {"log": log_id, "topic": partition.topic, "partition": partition.partition}

    def __str__(self) -> str:
        return f"{self.partition.topic}-{self.partition.partition} of log {self.log_id[:8]}"

    def batches(self, end: int) -> list[int]:
        """Return the first offsets of the batches before an offset."""
        found = self._query(
            f"SELECT DISTINCT _batch AS lo FROM ({_events('_batch')}) WHERE lo < {{end:UInt64}}", end=end
        )
        return sorted(row["lo"] for row in found)

    def missing_before(self, end: int) -> int:
        """Return the number of offsets before this one that are in no table."""
        found = self._warehouse.query(
            f"SELECT uniqExact(_offset) AS n FROM ({_events('_offset')}) WHERE _offset < {{end:UInt64}}",
            self._parameters | {"end": end},
        )
        return end - int(scalar_of(found))

    def tables_of(self, lo: int, hi: int) -> dict[int, set[str]]:
        """Return the tables that hold each offset of [lo, hi]."""
        named = _events("_offset, '{}' AS name")
        sql = f"SELECT DISTINCT _offset, name FROM ({named}) WHERE _offset BETWEEN {{lo:UInt64}} AND {{hi:UInt64}}"
        found: dict[int, set[str]] = defaultdict(set)
        for row in self._query(sql, lo=lo, hi=hi):
            found[row["_offset"]].add(row["name"])
        return dict(found)

    def places(self, table: str, lo: int, hi: int) -> set[RowKey]:
        """Return the positions of a table's rows in [lo, hi]."""
        sql = (
            f"SELECT _offset, {IDENTITY[table]} AS identity FROM {DATABASE}.{table} "
            f"WHERE {_HERE} AND _offset BETWEEN {{lo:UInt64}} AND {{hi:UInt64}}"
        )
        found = self._warehouse.query(sql, self._parameters | {"lo": lo, "hi": hi})
        return set(zip(found.column(0).to_pylist(), found.column(1).to_pylist(), strict=True))

    def drop_copies(self, table: str, end: int) -> tuple[int, list[str]]:
        """Delete all but one of equal rows before an offset: how many, and the places whose rows differ."""
        identity = IDENTITY.get(table, "0")
        beside = f" AND {_NOT_BESIDE}" if table == "dead_letters" else ""
        here = f"{_HERE} AND _offset < {{end:UInt64}}{beside}"
        doubled = (
            f"SELECT _offset, {identity} FROM {DATABASE}.{table} WHERE {here} GROUP BY ALL HAVING count() > 1 "
            f"LIMIT {_DELETES_MAX}"
        )
        deleted, differing = 0, list[str]()
        for _ in range(_LOOKS_MAX):
            found = self._query(
                f"""SELECT _offset AS at, uniqExact(content) AS contents,
                    arraySlice(arraySort(groupArray((part, row))), 2) AS copies FROM (
                    SELECT _offset, {identity} AS identity, toString(tuple(*)) AS content,
                        _part AS part, _part_offset AS row
                    FROM {DATABASE}.{table} WHERE {here} AND (_offset, {identity}) IN ({doubled})
                ) GROUP BY _offset, identity ORDER BY at""",
                end=end,
            )
            differing = [f"offset {row['at']}" for row in found if row["contents"] > 1]
            equal = [row for row in found if row["contents"] == 1]
            if not equal:
                break
            # Parts of different servers may have one name, so the offset is said as well.
            rows = ", ".join(
                f"({row['at']}, '{part}', {number})" for row in equal for part, number in map(_values, row["copies"])
            )
            self._delete(table, f"(_offset, _part, _part_offset) IN ({rows})")
            deleted += sum(len(row["copies"]) for row in equal)
        return deleted, differing

    def delete(self, table: str, offsets: Collection[int]) -> None:
        """Delete the rows of these offsets."""
        ordered = sorted(offsets)
        beside = f" AND {_NOT_BESIDE}" if table == "dead_letters" else ""
        for start in range(0, len(ordered), _DELETES_MAX):
            chunk = ", ".join(map(str, ordered[start : start + _DELETES_MAX]))
            self._delete(table, f"_offset IN ({chunk}){beside}")

    def delete_places(self, table: str, places: Collection[RowKey]) -> None:
        """Delete these rows of a table with several of one offset."""
        ordered = sorted(places)
        for start in range(0, len(ordered), _DELETES_MAX):
            chunk = ", ".join(f"({offset}, {_literal(key)})" for offset, key in ordered[start : start + _DELETES_MAX])
            self._delete(table, f"(_offset, {IDENTITY[table]}) IN ({chunk})")

    def _delete(self, table: str, where: str) -> None:
        self._warehouse.execute(f"DELETE FROM {DATABASE}.{table} WHERE {_HERE} AND {where}", self._parameters)

    def _query(self, sql: str, **more: Any) -> list[dict[str, Any]]:
        return rows_of(self._warehouse.query(sql, self._parameters | more))


def _events(columns: str) -> str:
    """SQL: rows that stand for one record each; `{}` in the columns is the table's name."""
    return " UNION ALL ".join(
        f"SELECT {columns.format(table)} FROM {DATABASE}.{table} WHERE {_HERE}"
        + (f" AND {_NOT_BESIDE}" if table == "dead_letters" else "")
        for table in EVENT_TABLES
    )


def _values(pair: dict[str, Any]) -> tuple[Any, Any]:
    first, second = pair.values()
    return first, second


def _literal(identity: int | bytes) -> str:
    return f"toFixedString(unhex('{identity.hex()}'), 16)" if isinstance(identity, bytes) else str(identity)
