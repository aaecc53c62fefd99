"""One shard while this worker owns it: recovery when it is taken, and the fence before each write of a pass.

A pass writes its intent under a random attempt id, claims it, inserts its tables, and records its end. A worker that
was paused in between finds its claim too old, claims again, and is refused if another worker has taken the shard.
"""

import asyncio
import secrets
from collections.abc import Mapping

import msgspec

from attribution.live.lease import ClaimedPass, Lease
from attribution.live.pass_writer import PassWriter
from attribution.store.cursor import Cursor
from runtime.clock import Clock

_CLAIM_VALID_S = 5.0
"""Longest time between a claim and a write. After a pause, a write is refused unless it had already been sent."""


class ShardWorker:
    """Writes a shard's passes under its lease. Not safe for concurrent tasks."""

    def __init__(self, shard: int, lease: Lease, writer: PassWriter, clock: Clock) -> None:
        self.shard, self._lease, self._writer, self._clock = shard, lease, writer, clock
        self.cursor = Cursor()
        """Position of the shard. It may be slightly ahead of the stored one, which the next owner reads."""
        self.is_recovered = False
        self._claimed: ClaimedPass | None = None
        self._claimed_us = self._claimed_s = 0.0
        self._written_s = clock.monotonic_s()

    async def recover(self) -> None:
        """Finish started passes of any worker. Raises WarehouseError, PassLost, LogUnavailable."""
        self._claimed = await self._lease.last_claim(self.shard)
        await asyncio.to_thread(self._writer.recover, self._claimed)
        self.cursor = self._writer.cursor
        self.is_recovered = True

    async def write(self, rows: Mapping[str, list[msgspec.Struct]], cursor: Cursor) -> None:
        """Write a pass of these rows. Raises Fenced if another worker owns the shard now.

        After Fenced, WarehouseError or LogUnavailable, call `recover` before anything else.
        """
        self.is_recovered = False
        attempt = secrets.token_hex(8) if self._lease.is_shared else ""
        started = await asyncio.to_thread(self._writer.begin, rows, cursor, attempt)
        await self._claim(started.claimed)
        for name in started.tables:
            await self._renew()
            await asyncio.to_thread(self._writer.insert, started, name)
        await self._renew()
        await asyncio.to_thread(self._writer.end, started)
        self.cursor, self.is_recovered, self._written_s = cursor, True, self._clock.monotonic_s()

    async def write_cursor(self, age_min_s: float = 0.0) -> None:
        """Write a pass without rows, so that the next owner does not read the same touches again.

        Does nothing unless the cursor moved or there is garbage, and the last pass is at least `age_min_s` old.
        Raises the same errors as `write`.
        """
        is_old = self._clock.monotonic_s() - self._written_s >= age_min_s
        if is_old and self.is_recovered and (self.cursor != self._writer.cursor or self._writer.has_garbage):
            await self.write({}, self.cursor)

    async def _claim(self, claimed: ClaimedPass) -> None:
        before_s, before_us = self._clock.monotonic_s(), self._clock.now_us()
        await self._lease.claim(self.shard, claimed, self._claimed)
        self._claimed, self._claimed_s, self._claimed_us = claimed, before_s, before_us

    async def _renew(self) -> None:
        """Repeat the claim if it is too old by either clock: suspending a machine stops only one of them."""
        age_s = max(self._clock.monotonic_s() - self._claimed_s, (self._clock.now_us() - self._claimed_us) / 1e6)
        if self._claimed is not None and age_s > _CLAIM_VALID_S:
            await self._claim(self._claimed)
