"""Progress of ingest and attribution, in any process, towards the current end of the log."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from attribution.live.progress import committed_of, ends_of, passed
from attribution.store.cursor import Positions, span
from eventlog.port import Consumer
from runtime.clock import Clock
from schemas.events import CONVERSIONS, HITS, TOPICS
from warehouse.port import Warehouse

_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress as seen by an observer of the ingest group and the warehouse; `shards` is the number of shards."""

    warehouse: Warehouse
    observer: Consumer
    clock: Clock
    shards: int = 1

    async def ends(self) -> dict[str, Positions]:
        """Return the current ends of all partitions. Raises LogUnavailable."""
        return {topic: await ends_of(self.observer, topic) for topic in TOPICS}

    async def not_ingested(self, ends: dict[str, Positions]) -> int:
        """Count records before these ends that ingest has not stored. Raises LogUnavailable."""
        left = 0
        for topic, wanted in ends.items():
            stored = await committed_of(self.observer, topic)
            # A log that was recreated meanwhile has no position any more: its records are gone, not late.
            there = {place: end for place, end in wanted.items() if place in stored}
            left += sum(hi - lo for lo, hi in span(stored, there).values())
        return left

    async def not_attributed(self, ends: dict[str, Positions]) -> int:
        """Count records before these ends that some shard has not passed. Raises WarehouseError."""
        return await asyncio.to_thread(passed, self.warehouse, ends[CONVERSIONS], ends[HITS], self.shards)

    async def wait_ingested(self, ends: dict[str, Positions], deadline_s: float) -> bool:
        """Wait until ingest has passed these ends; return False at the deadline."""
        return await self._until_none(lambda: self.not_ingested(ends), deadline_s)

    async def wait_attributed(self, ends: dict[str, Positions], deadline_s: float) -> bool:
        """Wait until every shard has a finished pass beyond these ends; return False at the deadline."""
        return await self._until_none(lambda: self.not_attributed(ends), deadline_s)

    async def _until_none(self, missing: Callable[[], Awaitable[int]], deadline_s: float) -> bool:
        while await missing():
            if self.clock.monotonic_s() >= deadline_s:
                return False
            await asyncio.sleep(_LOOK_EVERY_S)
        return True
