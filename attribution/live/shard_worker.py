"""One shard while it is this worker's: recovery when it is taken, and the fence before each write of a pass.

Intent with a random attempt; the claim that chooses it; its tables; the end. A worker that was stopped in between
and wakes up late finds its claim too old, claims again, and is refused if another one has taken the shard.
"""

import asyncio
import secrets
from collections.abc import Mapping

import msgspec

from attribution.live.lease import Lease, Mark
from attribution.live.pass_writer import Passes
from attribution.store.cursor import Cursor
from runtime.clock import Clock

_CLAIM_VALID_S = 5.0
"""A write follows a claim by no more. A stopped worker's next write is refused, or is one that was on its way then."""


class Owned:
    """A shard's passes behind its lease. Not for two tasks at once."""

    def __init__(self, shard: int, lease: Lease, passes: Passes, clock: Clock) -> None:
        self.shard, self._lease, self._passes, self._clock = shard, lease, passes, clock
        self.cursor = Cursor()
        """How far it has come; a little ahead of what the next owner would know."""
        self.is_recovered = False
        self._mark: Mark | None = None
        self._claimed_us = self._claimed_s = 0.0
        self._written_s = clock.monotonic_s()

    async def recover(self) -> None:
        """Finish what was begun, by whomever. Raises WarehouseError, PassLost, LogUnavailable."""
        self._mark = await self._lease.mark(self.shard)
        await asyncio.to_thread(self._passes.recover, self._mark)
        self.cursor = self._passes.cursor
        self.is_recovered = True

    async def write(self, rows: Mapping[str, list[msgspec.Struct]], cursor: Cursor) -> None:
        """Write a pass of these rows. Raises Fenced when the shard is another's now.

        After that, and after WarehouseError and LogUnavailable, it must be recovered before anything else.
        """
        self.is_recovered = False
        attempt = secrets.token_hex(8) if self._lease.is_shared else ""
        begun = await asyncio.to_thread(self._passes.begin, rows, cursor, attempt)
        await self._claim(begun.mark)
        for name in begun.tables:
            await self._renew()
            await asyncio.to_thread(self._passes.insert, begun, name)
        await self._renew()
        await asyncio.to_thread(self._passes.end, begun)
        self.cursor, self.is_recovered, self._written_s = cursor, True, self._clock.monotonic_s()

    async def write_cursor(self, age_min_s: float = 0.0) -> None:
        """A pass without rows, so that the next owner need not look at the same touches again.

        Only if there is something to say, and the last pass is so old. Raises as `write` does.
        """
        is_old = self._clock.monotonic_s() - self._written_s >= age_min_s
        if is_old and self.is_recovered and (self.cursor != self._passes.cursor or self._passes.has_garbage):
            await self.write({}, self.cursor)

    async def _claim(self, mark: Mark) -> None:
        before_s, before_us = self._clock.monotonic_s(), self._clock.now_us()
        await self._lease.claim(self.shard, mark, self._mark)
        self._mark, self._claimed_s, self._claimed_us = mark, before_s, before_us

    async def _renew(self) -> None:
        """Claim the same once more if the last time is long ago by either clock: a frozen machine stops one of them."""
        age_s = max(self._clock.monotonic_s() - self._claimed_s, (self._clock.now_us() - self._claimed_us) / 1e6)
        if self._mark is not None and age_s > _CLAIM_VALID_S:
            await self._claim(self._mark)
