"""Decisions on records that claim keys: by the tail of the log, or by local knowledge while Kafka is unavailable."""

import asyncio
from collections.abc import Sequence

from eventlog.kafka.append_batch import Entry
from eventlog.kafka.append_ids import AppendIds
from eventlog.kafka.budget import AppendBudget
from eventlog.kafka.connection import KafkaConnection
from eventlog.kafka.spill import Spill
from eventlog.kafka.spill_drain import BATCH_ROWS_MAX, Appender, Drain
from eventlog.kafka.spill_file import Candidate
from eventlog.kafka.tail import Expected, Tail
from eventlog.port import AppendResult, DedupRule, LogUnavailable, Partition
from runtime import metrics
from runtime.clock import Clock
from schemas.dedup.rules import Decision, GetState
from schemas.reasons import Reason


class ClaimDecisions:
    """Appends candidates and waits for their decisions; spills them if Kafka does not take them in time."""

    def __init__(
        self, connection: KafkaConnection, appender: Appender, tail: Tail, spill: Spill, drain: Drain,
        append_ids: AppendIds, budget: AppendBudget, clock: Clock,
    ) -> None:  # fmt: skip
        self._connection, self._appender, self._tail = connection, appender, tail
        self._spill, self._drain = spill, drain
        self._append_ids, self._budget, self._clock = append_ids, budget, clock

    async def decide(self, partition: Partition, candidates: Sequence[Candidate], dry_run: bool) -> list[AppendResult]:
        """Decide on records of one partition in order; with `dry_run` nothing is stored. Raises LogUnavailable."""
        expected = None
        try:
            if await self._may_append(partition):
                if blocked := self._tail.blocked(partition):
                    raise LogUnavailable(f"no verdict can be told now: {blocked}")
                if dry_run:
                    results = await self._try_out(partition, candidates)
                else:
                    entries = [Entry(one.key, one.value, self._append_ids.next(partition)) for one in candidates]
                    expected = self._tail.expect(partition, [entry.append_id.sequence for entry in entries])
                    results = await self._append(partition, entries, expected)
                if results is not None:
                    return results
            decisions = await self._spill.decide(partition, candidates, dry_run=dry_run)
            if not dry_run:
                self._drain.wake(partition)
            if expected is not None and expected.told:  # the append succeeded late; the spilled copy is a duplicate
                return expected.future.result()
            return [AppendResult(decision, None, final=decision.verdict != "accepted") for decision in decisions]
        finally:
            if expected is not None:
                self._tail.forget(expected)

    async def _may_append(self, partition: Partition) -> bool:
        """Return whether records may go to Kafka now: they must not overtake those in the local log.

        If only a few are left there, wait for them. Otherwise, under load, there would always be some.
        """
        if not self._connection.connected or self._drain.is_away(partition):
            return False
        backlog = self._spill.backlog(partition)
        if 0 < backlog <= BATCH_ROWS_MAX:
            try:
                async with asyncio.timeout(self._budget.base_s):
                    await self._drain.emptied(partition)
            except TimeoutError:
                return False
            backlog = self._spill.backlog(partition)
        return not backlog and not self._drain.is_away(partition)

    async def _append(
        self, partition: Partition, entries: Sequence[Entry], expected: Expected
    ) -> list[AppendResult] | None:
        """Append and wait for the decisions of the tail; return None if Kafka does not take the records.

        The caller then spills them under new append ids. That is safe: a record is never accepted twice, and ingest
        records the refusal of a spilled record, whose sender was told `accepted`.
        """
        started_s = self._clock.monotonic_s()
        sending = asyncio.ensure_future(self._appender.append(partition, entries))
        sending.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            budget_s = self._budget.seconds_of(entries)
            await asyncio.wait((sending, expected.future), timeout=budget_s, return_when=asyncio.FIRST_COMPLETED)
            if not expected.future.done():
                if not sending.done():
                    self._drain.found_away(partition, self._budget.too_slow)
                    return None
                try:
                    sending.result()
                except LogUnavailable as error:
                    self._drain.found_away(partition, str(error))
                    return None
            results = await expected.future
            metrics.observe("clew_verdict_wait_seconds", self._clock.monotonic_s() - started_s)
            return results
        finally:
            sending.cancel()

    async def _try_out(self, partition: Partition, candidates: Sequence[Candidate]) -> list[AppendResult] | None:
        try:
            return await self._tail.try_out(partition, [one.value for one in candidates])
        except LogUnavailable:
            return None


def tolerate_unknown_keys(rule: DedupRule) -> DedupRule:
    """Return the rule to use while Kafka is unavailable: never refuse a key that another edge may know."""

    def decide(get: GetState, value: bytes) -> Decision:
        decision = rule(get, value)
        if decision.reason is Reason.CONVERSION_NOT_FOUND:
            raise LogUnavailable("Kafka is unavailable, and the conversion is not known here")
        return decision

    return decide
