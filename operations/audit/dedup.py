"""Checks of `clew audit` over a log whose readers rule: claims and ranges of appends agree with the rows.

A claim or a range that is missing would let a later duplicate in; one too many would keep a record out.
"""

from collections.abc import Collection, Mapping
from typing import Any

from operations.audit.event_rows import LogPartition, Stored, end_of_row
from operations.findings import EXAMPLES_MAX, Check
from schemas.ddl import DATABASE
from warehouse.port import Warehouse, rows_of

_DIGEST = "cityHash64(_log, _source, _partition, _offset)"

_OF_LOGS = "has(splitByChar(',', {logs:String}), _log)"

# How many keys an accepted record puts (schemas/dedup/rules.py): its own, that of its line, that of its refund.
_PUTS = {
    "clicks": "toUInt64(ref != '')",
    "impressions": "toUInt64(ref != '')",
    "conversions": "toUInt64(1 + (ref != ''))",
    "adjustments": "toUInt64(if(kind = 'status', 1 + (ref != ''), 2))",
}

# A new line of a known conversion is a duplicate and puts its own key; what could not be stored put keys before.
_UNCOUNTED = " UNION ALL ".join(
    f"SELECT {_DIGEST} FROM {DATABASE}.{table}{where}"
    for table, where in (("skipped", " WHERE verdict = 'duplicate'"), ("dead_letters", ""))
)

Sums = dict[LogPartition, tuple[int, int]]


def claim_checks(
    warehouse: Warehouse,
    stored: Mapping[LogPartition, Stored],
    ends: Mapping[LogPartition, int],
    deduplicated_on_read: Collection[str],
) -> list[Check]:
    """Both checks; `deduplicated_on_read` are the logs known to be such, and those that left ranges count as well."""
    logs = sorted({*deduplicated_on_read, *_logs_with_ranges(warehouse)})
    return [_claims_check(warehouse, ends, logs), _origins_check(warehouse, stored, ends, logs)]


def _logs_with_ranges(warehouse: Warehouse) -> list[str]:
    found: list[str] = warehouse.query(f"SELECT DISTINCT _log FROM {DATABASE}.origins").column(0).to_pylist()
    return found


def _claims_check(warehouse: Warehouse, ends: Mapping[LogPartition, int], logs: list[str]) -> Check:
    """Every row that claims keys has as many claims at its offset, and no other offset has any."""
    end_sql, parameters = end_of_row(ends)
    parameters |= {"logs": ",".join(logs)}
    of_logs = f"{_OF_LOGS} AND _offset < {end_sql}"
    rows = " UNION ALL ".join(
        f"SELECT _log, _source, _partition, {puts} AS n, {puts} * {_DIGEST} AS digest FROM {DATABASE}.{table} "
        f"WHERE {of_logs}"
        for table, puts in _PUTS.items()
    )
    wanted = _sums(warehouse, f"({rows})", parameters)
    claims = (
        f"(SELECT _log, _source, _partition, toUInt64(1) AS n, {_DIGEST} AS digest FROM {DATABASE}.claims "
        f"WHERE {of_logs} AND digest NOT IN ({_UNCOUNTED}))"
    )
    return _compare("claims unequal to what claims keys", wanted, _sums(warehouse, claims, parameters), "claims")


def _origins_check(
    warehouse: Warehouse, stored: Mapping[LogPartition, Stored], ends: Mapping[LogPartition, int], logs: list[str]
) -> Check:
    """Check that no append is in two ranges, and that they hold as many appends as there are distinct records."""
    end_sql, parameters = end_of_row(ends)
    parameters |= {"logs": ",".join(logs)}
    of_logs = f"{_OF_LOGS} AND _offset < {end_sql}"
    name = "ranges of appends unequal to records"
    twice = (
        "SELECT _log, _source, _partition, toUInt64(1) AS n, toUInt64(0) AS digest FROM ("
        "SELECT *, max(last) OVER earlier AS reach, count() OVER earlier AS before "
        f"FROM {DATABASE}.origins WHERE {of_logs} WINDOW earlier AS (PARTITION BY _log, _source, _partition, origin "
        "ORDER BY first, last ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) WHERE before > 0 AND first <= reach"
    )
    overlaps = _sums(warehouse, f"({twice})", parameters)
    if overlaps:
        examples = [f"{place}: {n} ranges overlap others" for place, (n, _) in sorted(overlaps.items())]
        return Check.of(name, sum(n for n, _ in overlaps.values()), examples)
    ranges = (
        "(SELECT _log, _source, _partition, last - first + 1 AS n, toUInt64(0) AS digest "
        f"FROM {DATABASE}.origins WHERE {of_logs})"
    )
    repeats = (
        "(SELECT _log, _source, _partition, toUInt64(1) AS n, toUInt64(0) AS digest "
        f"FROM {DATABASE}.skipped WHERE {of_logs} AND verdict = 'repeat')"
    )
    held, repeated = _sums(warehouse, ranges, parameters), _sums(warehouse, repeats, parameters)
    wanted = {
        place: (sum(n for n, _ in rows.buckets.values()) - repeated.get(place, (0, 0))[0], 0)
        for place, rows in stored.items()
        if place.log_id in logs and rows.buckets
    }
    return _compare(name, wanted, held, "appends")


def _sums(warehouse: Warehouse, rows: str, parameters: Mapping[str, Any]) -> Sums:
    sql = (
        "SELECT _log, _source, _partition, sum(n) AS times, sum(digest) AS digests "
        f"FROM {rows} GROUP BY _log, _source, _partition HAVING times > 0"
    )
    found = rows_of(warehouse.query(sql, parameters))
    return {
        LogPartition(row["_source"], row["_partition"], row["_log"]): (int(row["times"]), int(row["digests"]))
        for row in found
    }


def _compare(name: str, wanted: Sums, held: Sums, what: str) -> Check:
    found, examples = 0, list[str]()
    for place in sorted(wanted.keys() | held.keys()):
        (want, want_sum), (have, have_sum) = wanted.get(place, (0, 0)), held.get(place, (0, 0))
        if (want, want_sum) != (have, have_sum):
            found += max(1, abs(want - have))
            differ = f"{have} {what} for {want}" if have != want else f"{have} {what}, but of others"
            examples.append(f"{place}: {differ}")
    return Check.of(name, found, examples[:EXAMPLES_MAX])
