"""`clew repair`, attribution: repair what the stored passes prove, and report the rest with its fix.

Proven are: rows of a pass whose intent is kept (it holds the very rows), copies of a row in one place of a pass, the
end of a pass all of whose rows are there, and conversions that a pass went by before they were stored. Nothing is
computed that was paid already. Any number may run at once, also while workers run.
"""

from collections.abc import Callable, Mapping

from attribution.core.revisions import TABLES
from attribution.live.lease import ClaimedPass
from attribution.live.pass_writer import PassLost, PassWriter, StartedPass
from attribution.live.progress import known_shards, newest_cursors
from operations.audit.attribution_sql import uncredited
from operations.findings import Repair
from schemas.ddl import DATABASE
from warehouse.port import Warehouse, rows_of

_DELETES_MAX = 10_000
"""Copies of one table that one run takes away."""

_LOOKS_MAX = 3
"""Copies are deleted by part and row; parts may be merged in between, and are looked at again then."""

_RESTORE = "restore the table from a backup"


def repair(
    warehouse: Warehouse, passes_of: Callable[[int], PassWriter], claimed_passes: Mapping[int, ClaimedPass | None]
) -> list[Repair]:
    """Repair the tables that passes write. Raises WarehouseError.

    `passes_of` creates the PassWriter of a shard; `claimed_passes` is empty where one process owns every shard.
    """
    shards = range(max(known_shards(warehouse), len(claimed_passes)))
    return [
        _finish_chosen(passes_of, shards, claimed_passes),
        *(_delete_copies(warehouse, name, "(_partition, _batch, _offset)", "") for name in TABLES),
        _delete_copies(warehouse, "passes", "(shard, pass_id, 0)", "EXCEPT (ts, code_version)"),
        _end_passes(warehouse, passes_of),
        *(_fill_in(warehouse, passes_of, name) for name in TABLES),
    ]


def missed(warehouse: Warehouse, rows_max: int = 20_000) -> list[bytes]:
    """Conversions that passes went by without crediting them, for Attributor.credit. Raises WarehouseError.

    They were stored late: a gap in the log's rows was repaired, or they were restored. Repeat until there are none.
    """
    shards = known_shards(warehouse)
    sql, parameters = uncredited(newest_cursors(warehouse, shards), shards)
    found = warehouse.query(
        f"SELECT toFixedString(unhex(example), 16) AS id FROM ({sql}) ORDER BY id LIMIT {rows_max}",
        {**parameters, "before": 0},  # no record is that old, so only what the cursors say counts
    )
    return list(found.column(0).to_pylist())


def _finish_chosen(
    passes_of: Callable[[int], PassWriter], shards: range, claimed_passes: Mapping[int, ClaimedPass | None]
) -> Repair:
    finished, left = 0, []
    for shard in shards:
        try:
            finished += passes_of(shard).recover(claimed_passes.get(shard))
        except PassLost as error:
            left.append(str(error))
    return Repair.of("passes that were begun and not finished", finished, left)


def _delete_copies(warehouse: Warehouse, table: str, place: str, besides: str) -> Repair:
    """Delete all but one of equal rows of a pass; differing rows stay, since none can be proven right."""
    attributed = "1" if table == "passes" else "_source = 'attribution'"
    doubled = f"SELECT {place} AS place FROM {DATABASE}.{table} WHERE {attributed} GROUP BY place HAVING count() > 1"
    deleted, left = 0, list[str]()
    for _ in range(_LOOKS_MAX):
        found = rows_of(
            warehouse.query(
                f"""SELECT place, uniqExact(content) AS different,
                    arraySlice(arraySort(groupArray((part, row))), 2) AS copies FROM (
                    SELECT {place} AS place, toString(tuple(* {besides})) AS content, _part AS part,
                        _part_offset AS row
                    FROM {DATABASE}.{table} WHERE {place} IN ({doubled} LIMIT {_DELETES_MAX})
                ) GROUP BY place ORDER BY place"""
            )
        )
        left = [f"{_said(row['place'])}: {row['different']} rows; {_RESTORE}" for row in found if row["different"] > 1]
        copies = [tuple(copy.values()) for row in found if row["different"] == 1 for copy in row["copies"]]
        if not copies:
            break
        rows = ", ".join(f"('{part}', {number})" for part, number in copies)
        # Servers of a cluster may have parts of one name; only the one with the doubled place is meant.
        places = ", ".join(str(tuple(row["place"].values())) for row in found if row["different"] == 1)
        warehouse.execute(
            f"DELETE FROM {DATABASE}.{table} WHERE (_part, _part_offset) IN ({rows}) AND {place} IN ({places})"
        )
        deleted += len(copies)
    return Repair.of(f"rows of {table} doubled", deleted, left)


def _said(place: Mapping[str, int]) -> str:
    shard, pass_id, offset = place.values()
    return f"pass {pass_id} of shard {shard}, row {offset}"


def _end_passes(warehouse: Warehouse, passes_of: Callable[[int], PassWriter]) -> Repair:
    """Passes without their end before the last one: finished from their intent, if only one was ever begun."""
    gaps = rows_of(
        warehouse.query(
            f"""SELECT shard, arrayJoin(arrayFilter(n -> NOT has(done, n), range(1, last))) AS pass_id FROM (
                SELECT shard, toUInt64(max(pass_id)) AS last, groupUniqArray(toUInt64(pass_id)) AS done
                FROM {DATABASE}.passes GROUP BY shard HAVING length(done) != last
            ) ORDER BY shard, pass_id"""
        )
    )
    mended, left = 0, []
    for gap in gaps:
        intents = _intents(warehouse, gap["shard"], gap["pass_id"])
        if len(intents) == 1:
            passes_of(gap["shard"]).finish(intents[0])
            mended += 1
        else:
            why = "its intent is no longer kept" if not intents else f"{len(intents)} intents are kept"
            left.append(f"pass {gap['pass_id']} of shard {gap['shard']}: {why}; {_RESTORE}")
    return Repair.of("passes missing", mended, left)


def _fill_in(warehouse: Warehouse, passes_of: Callable[[int], PassWriter], table: str) -> Repair:
    """Insert the rows of passes that are gone out of the intents that are kept."""
    thin = rows_of(
        warehouse.query(
            f"""SELECT p.shard AS shard, p.pass_id AS pass_id, p.attempt AS attempt, p.cursor AS cursor,
                p.wanted - t.present AS gone
            FROM (
                SELECT shard, pass_id, any(attempt) AS attempt, any(cursor) AS cursor,
                    toInt64(any(rows['{table}'])) AS wanted
                FROM {DATABASE}.passes GROUP BY shard, pass_id HAVING wanted > 0
            ) AS p
            LEFT JOIN (
                SELECT _partition, _batch, toInt64(uniqExact(_offset)) AS present
                FROM {DATABASE}.{table} WHERE _source = 'attribution' GROUP BY _partition, _batch
            ) AS t ON t._partition = p.shard AND t._batch = p.pass_id
            WHERE t.present < p.wanted ORDER BY shard, pass_id""",
            {},
            {"join_use_nulls": 0},
        )
    )
    mended, left = 0, []
    for row in thin:
        kept = [i for i in _intents(warehouse, row["shard"], row["pass_id"]) if i.attempt == row["attempt"]]
        if [intent.cursor for intent in kept] == [row["cursor"]]:
            passes_of(row["shard"]).fill(kept[0], table)
            mended += row["gone"]
        else:
            where = f"pass {row['pass_id']} of shard {row['shard']}"
            left.append(f"{where}: {row['gone']} rows, and its intent is no longer kept; {_RESTORE}")
    return Repair.of(f"rows of {table} missing", mended, left)


def _intents(warehouse: Warehouse, shard: int, pass_id: int) -> list[StartedPass]:
    found = warehouse.query(
        f"SELECT attempt, any(cursor) AS cursor, any(rows) AS rows FROM {DATABASE}.intents "
        "WHERE shard = {shard:UInt32} AND pass_id = {pass:UInt64} GROUP BY attempt ORDER BY attempt",
        {"shard": shard, "pass": pass_id},
    )
    return [StartedPass(pass_id, row["attempt"], row["cursor"], dict(row["rows"])) for row in rows_of(found)]
