"""Live attribution in passes: read what ingest has stored, compute the changes, and write each pass exactly once.

A conversion is credited once ingest has passed the ends that the touch partitions had when the conversion was read.
Touches and adjustments that arrive later are found by the identities in `joins`, and restate what they change.

A worker processes the shards that its lease assigns. Shards with equal cursors are computed together, so a worker
with all shards reads no more than an unsharded one. Each shard's rows are written as a separate pass.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace

from attribution.kernels.compile import compile_kernels
from attribution.live.failures import raise_first
from attribution.live.ingest_gate import IngestGate
from attribution.live.lag import Lag
from attribution.live.lease import Lease, SingleWorkerLease
from attribution.live.owned_shards import OwnedShards
from attribution.live.pass_planner import PassPlanner, TermsInForce
from attribution.live.pass_report import PassReport
from attribution.live.pass_runner import PassRunner
from attribution.live.progress import behind, ends_of, passed
from attribution.store.cursor import Cursor, Positions
from eventlog.port import Consumer, LogUnavailable
from runtime.clock import Clock
from runtime.logs import Throttled, logger
from runtime.settings import AttributionSettings
from schemas.events import CONVERSIONS, HITS
from warehouse.port import Warehouse, WarehouseError

_POLL_S = 0.03
_FOLLOW_WAIT_S = 1.0
"""Longest single wait for ingest, so that a stop is not delayed. The next pass keeps waiting for the same ends."""

_log = Throttled(logger("attribution"))


class Attributor:
    """Schedules the passes of one worker. `consumer` only supplies the positions of ingest's group."""

    def __init__(
        self,
        warehouse: Warehouse,
        consumer: Consumer,
        in_force: Callable[[], TermsInForce],
        clock: Clock,
        settings: AttributionSettings,
        lease: Lease | None = None,
    ) -> None:
        self._warehouse, self._consumer, self._clock, self._settings = warehouse, consumer, clock, settings
        self._shards = OwnedShards(warehouse, lease or SingleWorkerLease(), clock)
        self._gate = IngestGate(consumer, clock)
        self._lag = Lag(consumer, clock, self._ingest_wait_s)
        self._runner = PassRunner(PassPlanner(warehouse), self._shards, in_force, clock, settings.pass_conversions_max)
        self._busy = asyncio.Lock()

    @property
    def _ingest_wait_s(self) -> float:
        return self._settings.ingest_wait_timeout_ms / 1000

    @property
    def cursors(self) -> dict[int, Cursor]:
        """The cursor of each shard of this worker; may be slightly ahead of the one that the next owner reads."""
        return self._shards.cursors

    # ------------------------------------------------------------------------------------------------ single passes

    async def recover(self) -> None:
        """Finish passes that a crash interrupted. Runs automatically before the first pass and after a failed one.

        Raises the first error if no shard could be recovered; otherwise the recovered shards continue.
        """
        async with self._busy:
            failures = await self._shards.refresh()
            if not self._shards.recovered:
                raise_first(failures)

    async def run_pass(self, wait_max_s: float | None = None) -> PassReport:
        """Run one pass over new records. Raises WarehouseError; the next call then finishes the interrupted pass.

        A failing shard does not hold up the others; the first error is raised at the end.
        """
        async with self._busy:
            failures = await self._shards.refresh()
            report = await self._run_when_ready(self._ingest_wait_s if wait_max_s is None else wait_max_s, failures)
            raise_first(failures)
            return report

    async def _run_when_ready(self, wait_s: float, failures: list[Exception]) -> PassReport:
        if not self._shards.recovered:
            return PassReport()
        ready = await self._gate.wait(wait_s) if self._runner.has_terms else None
        report = PassReport(waiting=True) if ready is None else await self._runner.run(ready, failures)
        return replace(report, behind=await self._lag.records(self.cursors))

    async def credit(self, conversions: Collection[bytes]) -> PassReport:
        """Recompute these conversions of own shards, wherever the cursor is, and write what differs.

        Needed for conversions, touches or adjustments that were stored after the cursor had passed them.
        Raises WarehouseError.
        """
        async with self._busy:
            failures = await self._shards.refresh()
            report = await self._runner.recompute(conversions, failures)
            raise_first(failures)
            return report

    # ------------------------------------------------------------------------------------------------ repeated passes

    async def follow(self, stop: asyncio.Event) -> None:
        """Run passes until `stop`, pausing when there is nothing new. Errors of warehouse or log are retried."""
        pause_s = self._settings.pass_interval_ms / 1000
        compiling = asyncio.create_task(asyncio.to_thread(compile_kernels))  # the first conversion should not wait
        while not stop.is_set():
            moved = False
            try:
                report = await self.run_pass(wait_max_s=_FOLLOW_WAIT_S)
                moved = report.moved
                self._lag.note_wait(report)
                await self._lag.measure_conversions(self.cursors)
            except WarehouseError as error:
                _log.error("pass_failed", error=str(error)[:500], code=error.code)
            except LogUnavailable as error:
                _log.error("log_unavailable", error=str(error)[:500])
            if not moved:
                await _sleep(stop, pause_s)
        await compiling
        try:
            await self._write_cursors()
        except (WarehouseError, LogUnavailable) as error:  # the next owner reads the same touches again
            _log.warning("cursor_not_written", error=str(error)[:500])

    async def catch_up(self, timeout_s: float, progress: Callable[[PassReport], None] | None = None) -> bool:
        """Run passes until all shards have passed the current ends of the partitions. Returns False on timeout."""
        deadline_s = self._clock.monotonic_s() + timeout_s
        conversions, hits = await ends_of(self._consumer, CONVERSIONS), await ends_of(self._consumer, HITS)
        while True:
            if await self._has_passed(conversions, hits):
                await self._write_cursors()
                return True
            left_s = deadline_s - self._clock.monotonic_s()
            if left_s <= 0:
                return False
            report = await self.run_pass(wait_max_s=min(left_s, 1.0))
            if progress is not None:
                progress(report)
            if not report.moved:
                await asyncio.sleep(_POLL_S)

    async def _has_passed(self, conversions: Positions, hits: Positions) -> bool:
        if not self._shards.are_all_recovered or behind(self.cursors, conversions, hits, list(self.cursors)):
            return False
        if not self._shards.is_shared:
            return bool(self.cursors)
        await self._write_cursors()
        return not await asyncio.to_thread(passed, self._warehouse, conversions, hits, self._shards.total)

    async def _write_cursors(self) -> None:
        async with self._busy:
            await self._shards.write_cursors()


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    """Sleep until the time is over or `stop` is set."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
