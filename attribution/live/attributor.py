"""Live attribution in passes: read what ingest has stored, compute the changes, and write each pass exactly once.

A conversion is credited once ingest has passed the ends that the touch partitions had when the conversion was read.
Touches and adjustments that arrive later are found by the identities in `joins`, and restate what they change.

A worker processes the shards that its lease assigns. Shards with equal cursors are computed together, so a worker
with all shards reads no more than an unsharded one. Each shard's rows are written as a separate pass.
"""

import asyncio
import functools
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version

from attribution.core.revisions import Rows
from attribution.live.lease import Lease, SingleWorkerLease
from attribution.live.pass_planner import PassBudget, PassPlanner
from attribution.live.pass_writer import PassWriter
from attribution.live.progress import behind, committed_of, ends_of, left, newest_cursors, passed
from attribution.live.shard_worker import ShardWorker
from attribution.store import cursor as cursors
from attribution.store.cursor import Cursor, Positions
from attribution.store.programs import Programs
from attribution.store.reads import Reads
from attribution.store.shards import Shards, shard_of
from eventlog.port import Consumer, Fenced, LogUnavailable
from program.program import Program
from runtime import metrics
from runtime.clock import Clock
from runtime.logs import Throttled, logger
from runtime.settings import AttributionSettings
from schemas.events import CONVERSIONS, HITS
from warehouse.port import Warehouse, WarehouseError

_POLL_S = 0.03
_FOLLOW_WAIT_S = 1.0
"""Longest single wait for ingest, so that a stop is not delayed. The next pass keeps waiting for the same ends."""

_CURSOR_ONLY_S = 2.0
"""Minimum time between passes that only move the cursor over touches; a restart reads those touches again."""

_WRITERS_MAX = 4
"""Number of shards whose rows are written concurrently."""

_log = Throttled(logger("attribution"))


class ShardsChanged(WarehouseError):
    """The number of shards differs from the one recorded by the passes in the warehouse."""


@dataclass(frozen=True, slots=True)
class PassReport:
    """Counts of one pass. `behind` is the number of log records that attribution has yet to pass; 0 means idle."""

    credited: int = 0
    restated: int = 0
    unchanged: int = 0
    problems: int = 0
    behind: int = 0
    moved: bool = False
    """The cursor moved: more records may follow directly."""
    waiting: bool = False
    """Ingest has not passed the ends that the touch partitions had when the pass began. Nothing was done."""

    def plus(self, other: "PassReport") -> "PassReport":
        """Add the counts of another group of shards."""
        return PassReport(
            self.credited + other.credited, self.restated + other.restated, self.unchanged + other.unchanged,
            self.problems + other.problems, moved=self.moved or other.moved,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReadyRange:
    """Range that may be credited: conversions before these offsets, once ingest has passed these ends of hits."""

    conversions: Positions
    hits_ends: Positions


class Attributor:
    """Credits conversions of one warehouse. `consumer` only supplies the positions of ingest's group."""

    def __init__(
        self,
        warehouse: Warehouse,
        consumer: Consumer,
        program: Callable[[], Program],
        clock: Clock,
        settings: AttributionSettings,
        lease: Lease | None = None,
    ) -> None:
        self._warehouse, self._consumer, self._program = warehouse, consumer, program
        self._clock, self._settings = clock, settings
        self._lease: Lease = lease or SingleWorkerLease()
        self._planner = PassPlanner(Reads(warehouse), Programs(warehouse))
        self._owned: dict[int, ShardWorker] = {}
        self._reach: ReadyRange | None = None
        self._is_checked = False
        self._waiting_since_s: float | None = None
        self._busy = asyncio.Lock()

    @property
    def cursors(self) -> dict[int, Cursor]:
        """The cursor of each shard of this worker; may be slightly ahead of the one that the next owner reads."""
        return {shard: owned.cursor for shard, owned in sorted(self._owned.items())}

    # ---------------------------------------------------------------------------------------------------- shards

    async def recover(self) -> None:
        """Finish passes that a crash interrupted. Runs automatically before the first pass and after a failed one.

        Raises the first error if no shard could be recovered; otherwise the recovered shards continue.
        """
        async with self._busy:
            failures = await self._take()
            if not any(owned.is_recovered for owned in self._owned.values()):
                _raise_first(failures)

    async def _take(self) -> list[Exception]:
        """Release shards that another worker owns now, and recover newly assigned ones. Returns the errors."""
        await self._check_shards()
        mine = set(await self._lease.owned_shards())
        for shard in sorted(self._owned.keys() - mine):
            _log.info("shard_given_up", shard=shard)
            del self._owned[shard]
        for shard in sorted(mine - self._owned.keys()):
            passes = PassWriter(self._warehouse, shard, self._clock, version("clew"))
            self._owned[shard] = ShardWorker(shard, self._lease, passes, self._clock)
        metrics.gauge("clew_attribution_shards", len(self._owned))
        return await _all_of([owned.recover() for owned in self._owned.values() if not owned.is_recovered])

    async def _check_shards(self) -> None:
        """Raise ShardsChanged if the number of shards changed: two workers could then credit the same conversion."""
        if self._is_checked:
            return
        shards = self._lease.shards
        for cursor in (await asyncio.to_thread(newest_cursors, self._warehouse, shards)).values():
            if cursor.shards != shards:
                raise ShardsChanged(
                    f"there are {shards} shards, but this warehouse was attributed with {cursor.shards}; "
                    f"recreate the topic `shards` with {cursor.shards} partitions, as before"
                )
        self._is_checked = True

    def _drop(self, shard: int, why: str) -> None:
        metrics.count("clew_attribution_fenced_total")
        _log.warning(why, shard=shard)
        del self._owned[shard]

    # ---------------------------------------------------------------------------------------------------- passes

    async def run_pass(self, wait_max_s: float | None = None) -> PassReport:
        """Run one pass over new records. Raises WarehouseError; the next call then finishes the interrupted pass.

        A failing shard does not hold up the others; the first error is raised at the end.
        """
        async with self._busy:
            failures = await self._take()
            wait_s = self._settings.ingest_wait_timeout_ms / 1000 if wait_max_s is None else wait_max_s
            report = await self._run_pass(wait_s, failures)
            _raise_first(failures)
            return report

    async def credit(self, conversions: Collection[bytes]) -> PassReport:
        """Recompute these conversions of own shards, wherever the cursor is, and write what differs.

        Needed for conversions, touches or adjustments that were stored after the cursor had passed them.
        Raises WarehouseError.
        """
        async with self._busy:
            failures, done = await self._take(), PassReport()
            for owned in [owned for owned in self._owned.values() if owned.is_recovered]:
                mine = [id_ for id_ in conversions if shard_of(id_, self._lease.shards) == owned.shard]
                shards = Shards(self._lease.shards, (owned.shard,))
                rows = await asyncio.to_thread(self._planner.recompute, mine, self._program(), self._clock.now_us())
                done = done.plus(await self._write([owned], shards.split(rows), owned.cursor, failures))
            _raise_first(failures)
            return done

    async def _run_pass(self, wait_s: float, failures: list[Exception]) -> PassReport:
        ready = [owned for owned in self._owned.values() if owned.is_recovered]
        if not ready:
            return PassReport()
        hits = await self._wait_for_ingest(wait_s)
        if hits is None or self._reach is None:
            return PassReport(waiting=True, behind=await self._behind())
        reach, self._reach = self._reach, None
        started_s = self._clock.monotonic_s()
        done = PassReport()
        for group in _of_equal_cursor(ready):
            try:
                done = done.plus(await self._pass(group, reach.conversions, hits, failures))
            except WarehouseError as error:
                failures.append(error)
        metrics.observe("clew_attribution_pass_seconds", self._clock.monotonic_s() - started_s)
        return replace(done, behind=await self._behind())

    async def _pass(
        self, group: Sequence[ShardWorker], conversions: Positions, hits: Positions, failures: list[Exception]
    ) -> PassReport:
        """Run one pass for shards with equal cursors."""
        cursor = group[0].cursor
        if cursor.late is None and not (
            cursors.span(cursor.conversions, conversions) or cursors.span(cursor.hits, hits)
        ):
            return await self._write(group, {}, cursor, failures)
        shards = Shards(self._lease.shards, tuple(owned.shard for owned in group))
        budget = PassBudget(self._settings.pass_conversions_max)
        done = await asyncio.to_thread(
            self._planner.plan, cursor, conversions, hits, self._program(), budget, self._clock.now_us(), shards
        )
        written = await self._write(group, shards.split(done.rows), done.cursor, failures)
        metrics.count("clew_attribution_conversions_total", written.credited)
        metrics.count("clew_attribution_restatements_total", written.restated)
        return replace(written, unchanged=done.rows.unchanged)

    async def _write(
        self, group: Sequence[ShardWorker], rows: dict[int, Rows], cursor: Cursor, failures: list[Exception]
    ) -> PassReport:
        """Write each shard's rows as a separate pass and return the counts. Drops shards that another worker took."""
        writers, done = asyncio.Semaphore(_WRITERS_MAX), [PassReport()]

        async def write(owned: ShardWorker) -> None:
            mine, moved = rows.get(owned.shard, Rows()), owned.cursor != cursor
            async with writers:
                try:
                    if mine.tables():
                        await owned.write(mine.tables(), cursor)
                    else:
                        owned.cursor = cursor
                        await owned.write_cursor(_CURSOR_ONLY_S)
                except Fenced:
                    self._drop(owned.shard, "shard_taken_by_another")
                else:
                    done.append(replace(_report_of(mine), moved=moved))

        failures += await _all_of([write(owned) for owned in group])
        return functools.reduce(PassReport.plus, done)

    async def _write_cursors(self) -> None:
        async with self._busy:
            for shard, owned in list(self._owned.items()):
                try:
                    await owned.write_cursor()
                except Fenced:
                    self._drop(shard, "shard_taken_by_another")

    async def follow(self, stop: asyncio.Event) -> None:
        """Run passes until `stop`, pausing when there is nothing new. Errors of warehouse or log are retried."""
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
            except LogUnavailable as error:
                _log.error("log_unavailable", error=str(error)[:500])
            if not moved:
                await _sleep(stop, pause_s)
        try:
            await self._write_cursors()
        except (WarehouseError, LogUnavailable) as error:  # the next owner reads the same touches again
            _log.warning("cursor_not_written", error=str(error)[:500])

    def _note_wait(self, report: PassReport) -> None:
        """Log when ingest takes too long. Waiting continues, because crediting early would miss touches."""
        now_s = self._clock.monotonic_s()
        if not report.waiting:
            self._waiting_since_s = None
        elif self._waiting_since_s is None:
            self._waiting_since_s = now_s
        elif now_s - self._waiting_since_s > self._settings.ingest_wait_timeout_ms / 1000:
            self._waiting_since_s = now_s
            _log.warning("ingest_is_behind", records=report.behind)

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
        if any(not owned.is_recovered for owned in self._owned.values()):
            return False
        if behind(self.cursors, conversions, hits, list(self._owned)):
            return False
        if not self._lease.is_shared:
            return bool(self._owned)
        await self._write_cursors()
        return not await asyncio.to_thread(passed, self._warehouse, conversions, hits, self._lease.shards)

    # ------------------------------------------------------------------------------------------ ingest's progress

    async def _wait_for_ingest(self, wait_s: float) -> Positions | None:
        """Return the positions of hits once ingest has passed the ends first observed, or None at the deadline.

        The observed ends stay the target over several calls, so that a busy log cannot postpone them forever.
        """
        if self._reach is None:
            # Order matters: touches appended before a conversion are then before these ends.
            conversions = await committed_of(self._consumer, CONVERSIONS)
            self._reach = ReadyRange(conversions, await ends_of(self._consumer, HITS))
        deadline_s = self._clock.monotonic_s() + wait_s
        while True:
            hits = await committed_of(self._consumer, HITS)
            if not cursors.span(hits, self._reach.hits_ends):
                return hits
            if self._clock.monotonic_s() >= deadline_s:
                return None
            await asyncio.sleep(_POLL_S)

    async def _behind(self) -> int:
        conversions, hits = await ends_of(self._consumer, CONVERSIONS), await ends_of(self._consumer, HITS)
        return behind(self.cursors, conversions, hits, list(self._owned))

    async def _pending_conversions(self) -> int:
        return left([c.conversions for c in self.cursors.values()], await ends_of(self._consumer, CONVERSIONS))


def _report_of(rows: Rows) -> PassReport:
    first = sum(1 for revision in rows.revisions if revision.revision == 1)
    problems = sum(1 for revision in rows.revisions if revision.problems)
    return PassReport(first, len(rows.revisions) - first, problems=problems)


def _of_equal_cursor(owned: Sequence[ShardWorker]) -> list[list[ShardWorker]]:
    groups: dict[str, list[ShardWorker]] = {}
    for shard in owned:
        groups.setdefault(cursors.encode(shard.cursor), []).append(shard)
    return list(groups.values())


async def _all_of(work: Sequence[Coroutine[None, None, None]]) -> list[Exception]:
    """Run all to completion. Returns errors of warehouse and log; raises any other."""
    failures: list[Exception] = []
    for result in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(result, WarehouseError | LogUnavailable):
            failures.append(result)
        elif isinstance(result, BaseException):
            raise result
    return failures


def _raise_first(failures: Sequence[Exception]) -> None:
    if failures:
        raise failures[0]


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    """Sleep until the time is over or `stop` is set."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
