"""Checks of `clew audit` over the event tables: no offset missing or doubled, keys unique, touches equal to their base.

A run of offsets is compared by its count and the sum of its hashes, in buckets of 65,536: one pass over the offsets
of all tables, no sets and no joins; only a bucket that differs is looked into. Only rows before the committed
positions are compared, so a running ingest does not disturb the check.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ingest.resume import EVENT_TABLES
from operations.findings import EXAMPLES_MAX, Check
from schemas.ddl import DATABASE
from warehouse.port import Warehouse, rows_of, scalar_of

_BUCKET_ROWS = 65_536
_ZOOMED_BUCKETS_MAX = 5
_KEYS_PER_PASS_MAX = 20_000_000
"""Ids whose hashes one query holds in memory at a time."""

_KEYS = {
    "clicks": "click_id",
    "impressions": "impression_id",
    "conversions": "conversion_id",
    "adjustments": "adjustment_id",
}
_NO_END = 2**64 - 1

# Rows that these tables refused are dead letters next to the record's own row, not records of their own.
_BESIDE = " AND ".join(f"NOT startsWith(error, '{table}: ')" for table in ("touches", "claims", "origins"))
_OFFSETS = " UNION ALL ".join(
    f"SELECT _log, _source, _partition, _offset FROM {DATABASE}.{table}"
    + (f" WHERE {_BESIDE}" if table == "dead_letters" else "")
    for table in EVENT_TABLES
)
_TOUCH = "cityHash64(_log, _source, _partition, _offset, touch_id, ts, offer_id, partner_id, is_bot)"
_IDENTITIES = (
    "toUInt64(1 + (ref != '') + (user_id != '' AND bitAnd(untrusted, 2) = 0) "
    "+ (visitor_id != '' AND NOT startsWith(visitor_id, '~') AND bitAnd(untrusted, 1) = 0))"
)
"""Number of identities under which ingest stores a touch (schemas/identity.py, of_touch)."""


class LogPartition(NamedTuple):
    """One partition of one log, as its rows name it."""

    topic: str
    number: int
    log_id: str

    def __str__(self) -> str:
        return f"{self.topic}-{self.number} of log {self.log_id[:8]}"


class Stored(NamedTuple):
    """Rows of one partition in the tables: count and sum of hashes by bucket, and rows at or after its end."""

    buckets: dict[int, tuple[int, int]]
    next_offset: int
    ahead_rows: int
    ahead_last: int


def stored_offsets(warehouse: Warehouse, ends: Mapping[LogPartition, int]) -> dict[LogPartition, Stored]:
    """Offsets by place; rows at or after its end, where it has one, are counted apart."""
    end_sql, parameters = end_of_row(ends)
    rows = rows_of(
        warehouse.query(
            f"SELECT _log, _source, _partition, _offset >= {end_sql} AS ahead, "
            f"intDiv(_offset, {_BUCKET_ROWS}) AS bucket, count() AS n, sum(cityHash64(_offset)) AS digest, "
            f"max(_offset) AS last FROM ({_OFFSETS}) GROUP BY ALL",
            parameters,
        )
    )
    found: dict[LogPartition, Stored] = {place: Stored({}, 0, 0, -1) for place in ends}
    for row in rows:
        place = LogPartition(row["_source"], row["_partition"], row["_log"])
        known = found.get(place, Stored({}, 0, 0, -1))
        if row["ahead"]:
            known = known._replace(
                ahead_rows=known.ahead_rows + row["n"], ahead_last=max(known.ahead_last, row["last"])
            )
        else:
            known.buckets[row["bucket"]] = (row["n"], row["digest"])
            known = known._replace(next_offset=max(known.next_offset, row["last"] + 1))
        found[place] = known
    return found


def offsets_check(
    warehouse: Warehouse, stored: Mapping[LogPartition, Stored], ends: Mapping[LogPartition, int]
) -> Check:
    """Every place holds 0, 1, 2, … up to its end, each once; up to its last row where the end is not known."""
    found, examples = 0, list[str]()
    for place, rows in sorted(stored.items()):
        end = ends.get(place, rows.next_offset)
        expected = _expected_buckets(warehouse, end)
        wrong = sorted(b for b in expected.keys() | rows.buckets.keys() if expected.get(b) != rows.buckets.get(b))
        for bucket in wrong[:_ZOOMED_BUCKETS_MAX]:
            faults = _faults(warehouse, place, bucket, end)
            found += len(faults)
            examples += [f"{place}: {fault}" for fault in faults[:EXAMPLES_MAX]]
        for bucket in wrong[_ZOOMED_BUCKETS_MAX:]:
            found += max(1, abs(expected.get(bucket, (0, 0))[0] - rows.buckets.get(bucket, (0, 0))[0]))
    return Check.of("offsets missing or doubled", found, examples)


def _expected_buckets(warehouse: Warehouse, end: int) -> dict[int, tuple[int, int]]:
    rows = warehouse.query(
        f"SELECT intDiv(number, {_BUCKET_ROWS}) AS bucket, count() AS n, sum(cityHash64(number)) AS digest "
        "FROM numbers({end:UInt64}) GROUP BY bucket",
        {"end": end},
    )
    return {row["bucket"]: (row["n"], row["digest"]) for row in rows_of(rows)}


def _faults(warehouse: Warehouse, place: LogPartition, bucket: int, end: int) -> list[str]:
    """Report the differences in one bucket, offset by offset."""
    first, last = bucket * _BUCKET_ROWS, min((bucket + 1) * _BUCKET_ROWS, end) - 1
    rows = warehouse.query(
        f"SELECT _offset, count() AS n FROM ({_OFFSETS}) WHERE _log = {{log:String}} AND _source = {{topic:String}} "
        "AND _partition = {number:UInt32} AND _offset BETWEEN {first:UInt64} AND {last:UInt64} GROUP BY _offset",
        {"log": place.log_id, "topic": place.topic, "number": place.number, "first": first, "last": last},
    )
    counts = dict(zip(rows.column(0).to_pylist(), rows.column(1).to_pylist(), strict=True))
    faults = []
    for offset in range(first, last + 1):
        times = counts.get(offset, 0)
        if times != 1:
            faults.append(f"offset {offset} " + (f"stands {times} times" if times else "is missing"))
    return faults


def end_of_row(ends: Mapping[LogPartition, int]) -> tuple[str, dict[str, Any]]:
    """Return SQL for the end of a row's partition, and its parameters."""
    if not ends:
        return f"toUInt64({_NO_END})", {}
    parameters: dict[str, Any] = {}
    for n, (place, end) in enumerate(ends.items()):
        parameters |= {f"log{n}": place.log_id, f"topic{n}": place.topic, f"number{n}": place.number, f"end{n}": end}
    hashes = ", ".join(
        f"cityHash64({{log{n}:String}}, {{topic{n}:String}}, {{number{n}:UInt32}})" for n in range(len(ends))
    )
    values = ", ".join(f"{{end{n}:UInt64}}" for n in range(len(ends)))
    return f"transform(cityHash64(_log, _source, _partition), [{hashes}], [{values}], toUInt64({_NO_END}))", parameters


def key_checks(warehouse: Warehouse) -> list[Check]:
    """Check that no id is in more than one row."""
    return [_key_check(warehouse, table, key) for table, key in _KEYS.items()]


def _key_check(warehouse: Warehouse, table: str, key: str) -> Check:
    rows = int(scalar_of(warehouse.query(f"SELECT count() AS n FROM {DATABASE}.{table}")))
    passes = 1 + rows // _KEYS_PER_PASS_MAX
    found, examples = 0, list[str]()
    for n in range(passes):
        part = f"FROM {DATABASE}.{table} WHERE cityHash64({key}) % {passes} = {n}"
        doubled = int(scalar_of(warehouse.query(f"SELECT count() - uniqExact(cityHash64({key}, 1)) AS n {part}")))
        if doubled and len(examples) < EXAMPLES_MAX:
            text = f"base64URLEncode({key})" if table in ("clicks", "impressions") else f"lower(hex({key}))"
            several = warehouse.query(
                f"SELECT {text} AS id, count() AS n {part} GROUP BY {key} HAVING n > 1 "
                f"ORDER BY id LIMIT {EXAMPLES_MAX}",
                settings={"max_bytes_before_external_group_by": 2**30},
            )
            examples += [f"{row['id']} stands {row['n']} times" for row in rows_of(several)]
        found += doubled
    return Check.of(f"{table} that stand twice", found, examples)


def touches_check(warehouse: Warehouse, ends: Mapping[LogPartition, int]) -> Check:
    """Per month and kind, touches hold each click and impression once for each of its identities, and nothing else."""
    end_sql, parameters = end_of_row(ends)
    base = " UNION ALL ".join(
        f"SELECT toYYYYMM(ts) AS month, toUInt8({kind}) AS kind, {_IDENTITIES} AS times, {_TOUCH} AS digest "
        f"FROM (SELECT *, {table.removesuffix('s')}_id AS touch_id FROM {DATABASE}.{table}) WHERE _offset < {end_sql}"
        for kind, table in ((1, "clicks"), (2, "impressions"))
    )
    expected = _sums(
        warehouse, f"SELECT month, kind, sum(times) AS n, sum(digest * times) AS digest FROM ({base})", parameters
    )
    touches = (
        f"SELECT toYYYYMM(ts) AS month, kind, count() AS n, sum({_TOUCH}) AS digest FROM {DATABASE}.touches "
        f"WHERE _offset < {end_sql}"
    )
    held = _sums(warehouse, touches, parameters)
    found, examples = 0, list[str]()
    for key in sorted(expected.keys() | held.keys()):
        (wanted, wanted_sum), (have, have_sum) = expected.get(key, (0, 0)), held.get(key, (0, 0))
        if (wanted, wanted_sum) != (have, have_sum):
            found += max(1, abs(wanted - have))
            name = "clicks" if key[1] == 1 else "impressions"
            differ = f"{have} rows for {wanted}" if have != wanted else f"{have} rows, but of others"
            examples.append(f"{name} of {key[0] // 100}-{key[0] % 100:02d}: touches has {differ}")
    return Check.of("touches unequal to clicks and impressions", found, examples)


def _sums(warehouse: Warehouse, sql: str, parameters: Mapping[str, Any]) -> dict[tuple[int, int], tuple[int, int]]:
    rows = rows_of(warehouse.query(f"{sql} GROUP BY month, kind", parameters))
    return {(row["month"], row["kind"]): (row["n"], row["digest"]) for row in rows}
