"""The attribution of one shard, pass by pass: see what ingest has stored, work out what it changes, write that once.

A conversion is credited when ingest has passed the ends that the touch partitions had when it was seen. Touches
and adjustments that come later are found by the identities in `joins`, and restate what they change.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version

from attribution import cursor as cursors
from attribution.cursor import Cursor, Positions
from attribution.passes import Passes
from attribution.programs import Programs
from attribution.reads import Reads
from attribution.work import Budget, Work
from eventlog.port import Consumer
from runtime import metrics
from runtime.clock import Clock
from runtime.logs import logger
from runtime.settings import AttributionSettings
from schemas.events import CONVERSIONS, HITS
from schemas.program import Program
from warehouse.port import Warehouse, WarehouseError

_POLL_S = 0.03
_FOLLOW_WAIT_S = 1.0
"""Longest wait for ingest in one go, so that a stop is not put off; the next pass waits on for the same ends."""

_CURSOR_ONLY_S = 2.0
"""A pass that only moves the cursor over touches is written at most so often; a restart looks at them again."""

_log = logger("attribution")


@dataclass(frozen=True, slots=True)
class PassReport:
    """What a pass did. `behind` counts log records that attribution has yet to pass; 0 is at rest."""

    credited: int = 0
    restated: int = 0
    unchanged: int = 0
    problems: int = 0
    behind: int = 0
    moved: bool = False
    """The cursor moved: there may be more right behind it."""
    waiting: bool = False
    """Ingest has not passed the ends that the touch partitions had when the pass began; nothing was done."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be credited: conversions before these offsets, once ingest has passed these ends of hits."""

    conversions: Positions
    hits_ends: Positions


class Attributor:
    """Credits conversions of one warehouse. `consumer` is opened for the group of ingest and only read from."""

    def __init__(
        self,
        warehouse: Warehouse,
        consumer: Consumer,
        program: Callable[[], Program],
        clock: Clock,
        settings: AttributionSettings,
        *,
        shard: int = 0,
    ) -> None:
        self._consumer, self._program, self._clock, self._settings = consumer, program, clock, settings
        self._passes = Passes(warehouse, shard, clock, version("clew"))
        self._work = Work(Reads(warehouse), Programs(warehouse))
        self._cursor = Cursor()
        self._reach: Reach | None = None
        self._is_recovered = False
        self._written_s = clock.monotonic_s()
        self._waiting_since_s: float | None = None
        self._busy = asyncio.Lock()

    @property
    def cursor(self) -> Cursor:
        """How far it has come; a little ahead of what a restart would know."""
        return self._cursor

    async def recover(self) -> None:
        """Finish what a crash has left; called by itself before the first pass and after a failed one."""
        async with self._busy:
            await self._recover()

    async def _recover(self) -> None:
        await asyncio.to_thread(self._passes.recover)
        self._cursor = self._passes.cursor
        self._is_recovered = True

    async def run_pass(self, wait_max_s: float | None = None) -> PassReport:
        """One pass over what is new. Raises WarehouseError; the next call then finishes what this one began."""
        async with self._busy:
            if not self._is_recovered:
                await self._recover()
            wait_s = self._settings.ingest_wait_timeout_ms / 1000 if wait_max_s is None else wait_max_s
            hits = await self._wait_for_ingest(wait_s)
            if hits is None or self._reach is None:
                return PassReport(waiting=True, behind=await self._behind())
            reach, self._reach = self._reach, None
            started_s = self._clock.monotonic_s()
            done = await asyncio.to_thread(self._pass, reach.conversions, hits)
            metrics.observe("clew_attribution_pass_seconds", self._clock.monotonic_s() - started_s)
            return replace(done, behind=await self._behind())

    async def follow(self, stop: asyncio.Event) -> None:
        """Passes until `stop`, with a pause when there is nothing new; a failing warehouse is tried again."""
        pause_s = self._settings.pass_interval_ms / 1000
        while not stop.is_set():
            moved = False
            try:
                report = await self.run_pass(wait_max_s=_FOLLOW_WAIT_S)
                moved = report.moved
                self._note_wait(report)
                metrics.gauge("clew_attribution_pending_conversions", await self._pending_conversions())
            except WarehouseError as error:
                _log.error("pass_failed", error=str(error)[:500], code=error.code)
            if not moved:
                await _sleep(stop, pause_s)
        async with self._busy:
            await asyncio.to_thread(self._write_cursor)

    def _note_wait(self, report: PassReport) -> None:
        """Say so when ingest takes longer than it should; waiting goes on, since nothing may be credited too early."""
        now_s = self._clock.monotonic_s()
        if not report.waiting:
            self._waiting_since_s = None
        elif self._waiting_since_s is None:
            self._waiting_since_s = now_s
        elif now_s - self._waiting_since_s > self._settings.ingest_wait_timeout_ms / 1000:
            self._waiting_since_s = now_s
            _log.warning("ingest_is_behind", records=report.behind)

    async def catch_up(self, timeout_s: float, progress: Callable[[PassReport], None] | None = None) -> bool:
        """Pass every end that the partitions have now; False if that takes longer than the timeout."""
        deadline_s = self._clock.monotonic_s() + timeout_s
        conversions, hits = await self._ends(CONVERSIONS), await self._ends(HITS)
        while True:
            if self._is_recovered and self._has_passed(conversions, hits):
                async with self._busy:
                    await asyncio.to_thread(self._write_cursor)
                return True
            left_s = deadline_s - self._clock.monotonic_s()
            if left_s <= 0:
                return False
            report = await self.run_pass(wait_max_s=min(left_s, 1.0))
            if progress is not None:
                progress(report)
            if not report.moved:
                await asyncio.sleep(_POLL_S)

    def _has_passed(self, conversions: Positions, hits: Positions) -> bool:
        mine = self._cursor
        return not (cursors.span(mine.conversions, conversions) or cursors.span(mine.hits, hits) or mine.late)

    # ------------------------------------------------------------------------------------------ what ingest has stored

    async def _wait_for_ingest(self, wait_s: float) -> Positions | None:
        """Positions of hits once ingest has passed the ends that they had at first sight, or None by the deadline.

        What was seen stays the target over several calls, so that a busy log cannot put it off for ever.
        """
        if self._reach is None:
            # In this order: touches that precede a conversion in the log's own time are before these ends.
            conversions = await self._committed(CONVERSIONS)
            self._reach = Reach(conversions, await self._ends(HITS))
        deadline_s = self._clock.monotonic_s() + wait_s
        while True:
            hits = await self._committed(HITS)
            if not cursors.span(hits, self._reach.hits_ends):
                return hits
            if self._clock.monotonic_s() >= deadline_s:
                return None
            await asyncio.sleep(_POLL_S)

    async def _committed(self, topic: str) -> Positions:
        found = {}
        for partition in await self._consumer.partitions():
            if partition.topic == topic:
                position = await self._consumer.committed(partition)
                name = cursors.place(await self._consumer.log_id(partition), partition.partition)
                found[name] = position.offset if position is not None else 0
        return found

    async def _ends(self, topic: str) -> Positions:
        return {
            cursors.place(await self._consumer.log_id(partition), partition.partition): await self._consumer.end(
                partition
            )
            for partition in await self._consumer.partitions()
            if partition.topic == topic
        }

    async def _behind(self) -> int:
        ends = (
            (self._cursor.conversions, await self._ends(CONVERSIONS)),
            (self._cursor.hits, await self._ends(HITS)),
        )
        left = sum(hi - lo for before, to in ends for lo, hi in cursors.span(before, to).values())
        return left + (1 if self._cursor.late else 0)

    async def _pending_conversions(self) -> int:
        spans = cursors.span(self._cursor.conversions, await self._ends(CONVERSIONS))
        return sum(hi - lo for lo, hi in spans.values())

    # ---------------------------------------------------------------------------------------------------- one pass

    def _pass(self, conversions: Positions, hits: Positions) -> PassReport:
        """The part of a pass that blocks; runs in a thread."""
        if self._cursor.late is None and not (
            cursors.span(self._cursor.conversions, conversions) or cursors.span(self._cursor.hits, hits)
        ):
            return PassReport()
        now_us = self._clock.now_us()
        budget = Budget(self._settings.pass_conversions_max)
        done = self._work.work_out(self._cursor, conversions, hits, self._program(), budget, now_us)
        tables = done.rows.tables()
        if tables:
            self._is_recovered = False  # until it is written whole
            self._passes.write(tables, done.cursor)
            self._is_recovered = True
            self._written_s = self._clock.monotonic_s()
        moved, self._cursor = done.cursor != self._cursor, done.cursor
        if self._clock.monotonic_s() - self._written_s > _CURSOR_ONLY_S:
            self._write_cursor()
        rows = done.rows
        metrics.count("clew_attribution_conversions_total", rows.credited)
        metrics.count("clew_attribution_restatements_total", rows.restated)
        problems = sum(1 for revision in rows.revisions if revision.problems)
        return PassReport(rows.credited, rows.restated, rows.unchanged, problems, moved=moved)

    def _write_cursor(self) -> None:
        """A pass without rows, so that a restart need not look at the same touches again."""
        self._written_s = self._clock.monotonic_s()
        if self._is_recovered and self._cursor != self._passes.cursor:
            self._is_recovered = False
            self._passes.write({}, self._cursor)
            self._is_recovered = True


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    """Sleep, but no longer than until `stop`."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
