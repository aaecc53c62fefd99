"""Shards that the lease assigns to this worker, and their cursors."""

import asyncio
from importlib.metadata import version

from attribution.live.failures import run_all
from attribution.live.lease import Lease
from attribution.live.pass_writer import PassWriter
from attribution.live.progress import newest_cursors
from attribution.live.shard_worker import ShardWorker
from attribution.store import cursor as cursors
from attribution.store.cursor import Cursor
from eventlog.port import Fenced
from runtime import metrics
from runtime.clock import Clock
from runtime.logs import Throttled, logger
from warehouse.port import Warehouse, WarehouseError

_log = Throttled(logger("attribution"))


class ShardsChanged(WarehouseError):
    """The number of shards differs from the one recorded by the passes in the warehouse."""


class OwnedShards:
    """One ShardWorker per owned shard. Not safe for concurrent tasks."""

    def __init__(self, warehouse: Warehouse, lease: Lease, clock: Clock) -> None:
        self._warehouse, self._lease, self._clock = warehouse, lease, clock
        self._workers: dict[int, ShardWorker] = {}
        self._is_checked = False

    @property
    def total(self) -> int:
        """Number of shards over all workers."""
        return self._lease.shards

    @property
    def is_shared(self) -> bool:
        """True if other workers may own the remaining shards."""
        return self._lease.is_shared

    @property
    def cursors(self) -> dict[int, Cursor]:
        """The cursor of each owned shard; may be slightly ahead of the stored one."""
        return {shard: worker.cursor for shard, worker in sorted(self._workers.items())}

    @property
    def recovered(self) -> list[ShardWorker]:
        """Workers of the shards that can write passes."""
        return [worker for worker in self._workers.values() if worker.is_recovered]

    @property
    def are_all_recovered(self) -> bool:
        """True if no owned shard waits for recovery."""
        return all(worker.is_recovered for worker in self._workers.values())

    def groups_by_cursor(self) -> list[list[ShardWorker]]:
        """Group the recovered workers that have equal cursors: one computation serves all of a group."""
        groups: dict[str, list[ShardWorker]] = {}
        for worker in self.recovered:
            groups.setdefault(cursors.encode(worker.cursor), []).append(worker)
        return list(groups.values())

    async def refresh(self) -> list[Exception]:
        """Release shards that another worker owns now, and recover newly assigned ones. Returns the errors."""
        await self._check_total()
        assigned = set(await self._lease.owned_shards())
        for shard in sorted(self._workers.keys() - assigned):
            _log.info("shard_given_up", shard=shard)
            del self._workers[shard]
        for shard in sorted(assigned - self._workers.keys()):
            writer = PassWriter(self._warehouse, shard, self._clock, version("clew"))
            self._workers[shard] = ShardWorker(shard, self._lease, writer, self._clock)
        metrics.gauge("clew_attribution_shards", len(self._workers))
        return await run_all([worker.recover() for worker in self._workers.values() if not worker.is_recovered])

    async def _check_total(self) -> None:
        """Raise ShardsChanged if the number of shards changed: two workers could then credit the same conversion."""
        if self._is_checked:
            return
        total = self._lease.shards
        for cursor in (await asyncio.to_thread(newest_cursors, self._warehouse, total)).values():
            if cursor.shards != total:
                raise ShardsChanged(
                    f"there are {total} shards, but this warehouse was attributed with {cursor.shards}; "
                    f"recreate the topic `shards` with {cursor.shards} partitions, as before"
                )
        self._is_checked = True

    def drop(self, shard: int) -> None:
        """Stop working on a shard that another worker has taken."""
        metrics.count("clew_attribution_fenced_total")
        _log.warning("shard_taken_by_another", shard=shard)
        del self._workers[shard]

    async def write_cursors(self) -> None:
        """Store the cursors that moved since the last pass. Raises WarehouseError, LogUnavailable."""
        for shard, worker in list(self._workers.items()):
            try:
                await worker.write_cursor()
            except Fenced:
                self.drop(shard)
