"""Run one pass: plan it for shards with equal cursors, then write each shard's rows as a separate pass."""

import asyncio
import functools
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from attribution.core.revisions import Rows
from attribution.core.timeline import Timeline
from attribution.live.failures import run_all
from attribution.live.ingest_gate import ReadyRange
from attribution.live.owned_shards import OwnedShards
from attribution.live.pass_planner import PassBudget, PassPlanner, TermsInForce
from attribution.live.pass_report import PassReport, count_rows
from attribution.live.shard_worker import ShardWorker
from attribution.store.cursor import Cursor, span
from attribution.store.shards import Shards, shard_of
from eventlog.port import Fenced
from runtime import metrics
from runtime.clock import Clock
from warehouse.port import WarehouseError

_CURSOR_ONLY_S = 2.0
"""Minimum time between passes that only move the cursor over touches; a restart reads those touches again."""

_WRITERS_MAX = 4
"""Number of shards whose rows are written concurrently."""


class PassRunner:
    """Computes passes with a planner and writes them to the owned shards.

    Errors of one shard or group are appended to `failures`, and the remaining ones continue.
    """

    def __init__(
        self, planner: PassPlanner, shards: OwnedShards, in_force: Callable[[], TermsInForce],
        clock: Clock, conversions_max: int,
    ) -> None:  # fmt: skip
        self._planner, self._shards, self._in_force, self._clock = planner, shards, in_force, clock
        self._conversions_max = conversions_max

    @property
    def has_terms(self) -> bool:
        """False while nothing is published: no conversion can be priced."""
        in_force = self._in_force()
        return not isinstance(in_force, Timeline) or bool(in_force.entries)

    async def run(self, ready: ReadyRange, failures: list[Exception]) -> PassReport:
        """Run a pass over the range for each group of shards with equal cursors."""
        started_s = self._clock.monotonic_s()
        report = PassReport()
        for group in self._shards.groups_by_cursor():
            try:
                report = report.plus(await self._run_group(group, ready, failures))
            except WarehouseError as error:
                failures.append(error)
        metrics.observe("clew_attribution_pass_seconds", self._clock.monotonic_s() - started_s)
        return report

    async def _run_group(
        self, group: Sequence[ShardWorker], ready: ReadyRange, failures: list[Exception]
    ) -> PassReport:
        cursor = group[0].cursor
        has_records = span(cursor.conversions, ready.conversions) or span(cursor.hits, ready.hits)
        if cursor.late is None and not has_records:
            return await self._write(group, {}, cursor, failures)
        shards = Shards(self._shards.total, tuple(worker.shard for worker in group))
        budget = PassBudget(self._conversions_max)
        planned = await asyncio.to_thread(
            self._planner.plan,
            cursor, ready.conversions, ready.hits, self._in_force(), budget, self._clock.now_us(), shards,
        )  # fmt: skip
        written = await self._write(group, shards.split(planned.rows), planned.cursor, failures)
        metrics.count("clew_attribution_conversions_total", written.credited)
        metrics.count("clew_attribution_restatements_total", written.restated)
        return replace(written, unchanged=planned.rows.unchanged)

    async def recompute(self, conversions: Collection[bytes], failures: list[Exception]) -> PassReport:
        """Recompute those of the conversions that belong to recovered shards, and write the rows that differ."""
        report = PassReport()
        for worker in self._shards.recovered:
            own = [id_ for id_ in conversions if shard_of(id_, self._shards.total) == worker.shard]
            shards = Shards(self._shards.total, (worker.shard,))
            rows = await asyncio.to_thread(self._planner.recompute, own, self._in_force(), self._clock.now_us())
            report = report.plus(await self._write([worker], shards.split(rows), worker.cursor, failures))
        return report

    async def _write(
        self, group: Sequence[ShardWorker], rows: dict[int, Rows], cursor: Cursor, failures: list[Exception]
    ) -> PassReport:
        """Write each shard's rows as a separate pass and return the counts. Drops shards that another worker took."""
        writers, reports = asyncio.Semaphore(_WRITERS_MAX), [PassReport()]

        async def write_shard(worker: ShardWorker) -> None:
            shard_rows, moved = rows.get(worker.shard, Rows()), worker.cursor != cursor
            async with writers:
                try:
                    if shard_rows.tables():
                        await worker.write(shard_rows.tables(), cursor)
                    else:
                        worker.cursor = cursor
                        await worker.write_cursor(_CURSOR_ONLY_S)
                except Fenced:
                    self._shards.drop(worker.shard)
                else:
                    reports.append(count_rows(shard_rows, moved=moved))

        failures += await run_all([write_shard(worker) for worker in group])
        return functools.reduce(PassReport.plus, reports)
