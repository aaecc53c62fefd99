"""Progress of attribution as seen by a process that owns no shard: the newest cursor of each shard in `passes`.

`clew attribute --wait` records the ends of the log and waits until `behind` returns 0. A worker stores a moved cursor
within seconds even if it has no rows to write, so the wait ends.
"""

from collections.abc import Mapping

from attribution.store.cursor import Cursor, Positions, decode, partition_key, span
from eventlog.port import Consumer
from schemas.ddl import DATABASE
from warehouse.port import Warehouse, rows_of


async def ends_of(consumer: Consumer, topic: str) -> Positions:
    """Return the current ends of a topic's partitions, in the form that `passed` takes. Raises LogUnavailable."""
    return {
        partition_key(await consumer.log_id(partition), partition.partition): await consumer.end(partition)
        for partition in await consumer.partitions()
        if partition.topic == topic
    }


async def committed_of(consumer: Consumer, topic: str) -> Positions:
    """Return the group's committed offsets in a topic's partitions; 0 without a commit. Raises LogUnavailable."""
    offsets = {}
    for partition in await consumer.partitions():
        if partition.topic == topic:
            position = await consumer.committed(partition)
            name = partition_key(await consumer.log_id(partition), partition.partition)
            offsets[name] = position.offset if position is not None else 0
    return offsets


def known_shards(warehouse: Warehouse) -> int:
    """Return the number of shards recorded by any pass; 1 without passes. Raises WarehouseError."""
    newest = rows_of(warehouse.query(f"SELECT cursor FROM {DATABASE}.passes LIMIT 1"))
    return decode(newest[0]["cursor"]).shards if newest else 1


def newest_cursors(warehouse: Warehouse, shards: int) -> dict[int, Cursor]:
    """Return the cursor of the newest pass of each shard that has one. Raises WarehouseError."""
    newest = " UNION ALL ".join(
        f"(SELECT shard, cursor FROM {DATABASE}.passes WHERE shard = {shard} ORDER BY pass_id DESC LIMIT 1)"
        for shard in range(shards)
    )
    return {row["shard"]: decode(row["cursor"]) for row in rows_of(warehouse.query(newest))}


def passed(warehouse: Warehouse, conversions_ends: Positions, hits_ends: Positions, shards: int) -> int:
    """Count records before these ends that some shard has yet to pass; 0 once all of them are credited.

    `shards` is their number: 1 when embedded, otherwise the partitions of topic `shards`. Raises WarehouseError.
    """
    return behind(newest_cursors(warehouse, shards), conversions_ends, hits_ends, range(shards))


def behind(
    cursors: Mapping[int, Cursor], conversions_ends: Positions, hits_ends: Positions, shards: range | list[int]
) -> int:
    """Count like `passed`, from known cursors. A shard without a cursor is at the beginning."""
    of_shards = [cursors.get(shard, Cursor()) for shard in shards]
    records = left([c.conversions for c in of_shards], conversions_ends) + left([c.hits for c in of_shards], hits_ends)
    return records + any(cursor.late is not None for cursor in of_shards)


def left(positions: list[Positions], ends: Positions) -> int:
    """Count records up to the ends, from the lowest of the positions in each partition."""
    last = {name: min((of.get(name, 0) for of in positions), default=end) for name, end in ends.items()}
    return sum(hi - lo for lo, hi in span(last, ends).values())
