"""Run ingest: read, decide the batch, write the intent, insert, commit. Each partition has one writer, in order.

A crash before the intent leaves nothing stored. After a crash between intent and commit, `finish` reads back what is
stored and adds the rest. Several ingest processes share the partitions of a replicated log: the owner of a partition
finishes what its previous owner left, and a process that lost a partition drops its batch.
"""

import asyncio
import math
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from eventlog.port import Consumer, Fenced, LogUnavailable, Partition, Position, Record
from ingest.batch import Batch, Decoded, DedupResult, build_batch
from ingest.dedup_state import DedupState
from ingest.dedup_store import Claims
from ingest.enrich import Enricher
from ingest.intent import BadIntent, Intent
from ingest.resume import newest_batch
from ingest.writer import BatchWriter, OwnershipExpired, Stopped
from runtime import metrics
from runtime.clock import Clock
from runtime.logs import Throttled, logger
from runtime.settings import IngestSettings
from schemas.wire import WIRE_VERSION
from warehouse.port import Warehouse

GROUP = "ingest"
_log = Throttled(logger("ingest"))
_IDLE_MAX_MS = 1_000
"""Longest time without a look at positions and ends of a log that has not grown."""
OWNED_FOR_S = 3.0
"""Time for which a partition is certainly ours after the group confirmed it; the group reassigns none sooner."""

TOKENS_REMEMBERED_MS = 60_000
"""Age up to which a batch still has its dedup tokens in the engine, even with the smallest window (1,200 blocks) at 20
inserts a second per table."""


async def read_span(consumer: Consumer, partition: Partition, lo: int, hi: int, bytes_max: int) -> list[Record]:
    """Read the records of [lo, hi] that the log still holds, at most `bytes_max` at a time. Raises LogUnavailable."""
    records: list[Record] = []
    start = lo
    while start <= hi:
        more = await consumer.read(partition, start, hi - start + 1, bytes_max)
        records += [record for record in more if record.offset <= hi]
        if not more or more[-1].offset >= hi:
            break
        start = more[-1].offset + 1
    return records


@dataclass(slots=True)
class _Waiting:
    """A batch that is not full yet, and the time at which its first record was seen."""

    offset: int
    since_s: float


class Ingest:
    """Store what a consumer of group `ingest` reads. One instance runs in a process."""

    def __init__(
        self, consumer: Consumer, warehouse: Warehouse, enricher: Enricher, settings: IngestSettings, clock: Clock,
        code_version: str,
    ) -> None:  # fmt: skip
        self._consumer, self._warehouse, self._enricher = consumer, warehouse, enricher
        self._settings, self._clock, self._code_version = settings, clock, code_version
        self._idle_polls_max = max(1, _IDLE_MAX_MS // max(1, settings.poll_interval_ms))
        self._stop = threading.Event()
        owned_for_s = math.inf if consumer.deduplicated else OWNED_FOR_S
        self._store = BatchWriter(warehouse, GROUP, settings.retry_backoff_max_ms, self._stop, clock, owned_for_s)
        self._dedup_state = DedupState(Claims(warehouse), self._store)
        self._waiting: dict[Partition, _Waiting] = {}
        self._paused: dict[Partition, int] = {}
        self._seen: set[tuple[Partition, str]] = set()
        self.trouble = ""
        """The reason why the last read of the log failed; "" if it succeeded."""

    def stop(self) -> None:
        """Ask `run` to return after the current batch."""
        self._stop.set()

    @property
    def paused(self) -> dict[Partition, int]:
        """Partitions that wait for a newer Clew, with the schema version that stopped them."""
        return dict(self._paused)

    async def run(self) -> None:
        """Store batches until `stop`. While the log is unavailable it waits; any other error ends the process."""
        while not self._stop.is_set():
            mark = self._consumer.growth_mark()
            try:
                stored = await self.step()
                self.trouble = ""
            except LogUnavailable as error:
                _log.error("log_unavailable", error=str(error))
                self.trouble = str(error)
                stored = 0
            except Stopped:
                return
            if not stored:
                await self._pause_until_growth(mark)

    async def _pause_until_growth(self, mark: object | None) -> None:
        """Wait for the next poll of a log that was idle: until it has grown since the mark, or for a second."""
        polls = 1 if mark is None or self._waiting or self.trouble else self._idle_polls_max
        for _ in range(polls):
            await asyncio.sleep(self._settings.poll_interval_ms / 1000)
            if self._stop.is_set() or self._consumer.growth_mark() != mark:
                return

    async def catch_up(self) -> bool:
        """Store everything that is in the log now, without waiting for batches to fill, also after a `stop` of `run`.

        Returns False if `stop` is called meanwhile. Raises LogUnavailable.
        """
        self._stop.clear()
        try:
            while await self.step(flush=True):
                pass
        except Stopped:
            return False
        return not self._stop.is_set()

    async def step(self, *, flush: bool = False) -> int:
        """Process every partition once; return the number of records that were stored.

        Raises LogUnavailable if a partition could not be read and nothing was stored.
        """
        stored, trouble = 0, None
        partitions = await self._consumer.partitions()
        for partition in self._known() - set(partitions):
            self._forget(partition)
        for partition in partitions:
            if partition in self._paused or self._stop.is_set():
                continue
            try:
                stored += await self._step(partition, flush)
            except Fenced:
                _log.warning("partition_lost", partition=str(partition))
                self._forget(partition)
            except OwnershipExpired:
                _log.warning("batch_put_off", partition=str(partition))  # its owner finishes it
            except LogUnavailable as error:
                trouble = error
        if trouble is not None:
            if not stored:
                raise trouble
            _log.error("log_unavailable", error=str(trouble))
        return stored

    def _known(self) -> set[Partition]:
        return {partition for partition, _ in self._seen} | self._waiting.keys() | self._paused.keys()

    def _forget(self, partition: Partition) -> None:
        """Drop all state of a partition that another process owns now; it is read again if the partition returns."""
        self._waiting.pop(partition, None)
        self._seen = {known for known in self._seen if known[0] != partition}
        self._dedup_state.forget(partition)
        _gauge_lag(partition, 0)
        if self._paused.pop(partition, None) is not None:
            metrics.gauge("clew_ingest_paused_partitions", len(self._paused))

    async def _step(self, partition: Partition, flush: bool) -> int:
        log_id = await self._consumer.log_id(partition)
        lo = await self._start(partition, log_id)
        if lo is None:
            return 0
        end = await self._consumer.end(partition)
        _gauge_lag(partition, end - lo)
        if end <= lo or not (flush or self._due(partition, lo, end)):
            return 0
        settings = self._settings
        records = await self._consumer.read(partition, lo, settings.batch_rows_max, settings.batch_bytes_max)
        if not records:
            return 0
        if records[0].offset > lo:
            _log.error("records_missing", partition=str(partition), offset=lo, begin=records[0].offset)
        self._waiting.pop(partition, None)
        batch = await asyncio.to_thread(self._build, partition, log_id, lo, records)
        if batch.newer_version is not None:
            self._pause(partition, batch)
        if batch.hi < lo:
            return 0
        await self._store_batch(batch)
        _gauge_lag(partition, end - batch.hi - 1)
        return batch.hi - lo + 1

    def _build(self, partition: Partition, log_id: str, lo: int, records: Sequence[Record]) -> Batch:
        """Build the batch that begins at `lo`, deduplicated if the producers of the log did not do it."""

        def deduplicate(decoded: Decoded, read: Sequence[Record]) -> DedupResult:
            return self._dedup_state.deduplicate(partition, log_id, lo, decoded, read)

        return build_batch(
            partition, log_id, lo, records, self._enricher, None if self._consumer.deduplicated else deduplicate
        )

    async def _start(self, partition: Partition, log_id: str) -> int | None:
        """Finish an interrupted batch, if any, and return the next offset; None if the partition has to wait."""
        position = await self._consumer.committed(partition)
        if position is None:
            return await self._resume(partition, log_id)
        if position.intent:
            try:
                intent = Intent.decode(position.intent)
            except BadIntent as error:
                raise RuntimeError(f"{partition.topic}-{partition.partition}: {error}; run `clew audit`") from error
            tokens_remembered = self._clock.now_us() // 1000 - intent.created_ms < TOKENS_REMEMBERED_MS
            return await self._finish(
                partition, log_id, position.offset, intent.hi, tokens_remembered=tokens_remembered
            )
        if (partition, log_id) not in self._seen:
            self._seen.add((partition, log_id))
            end = await self._consumer.end(partition)
            if position.offset > end:
                _log.error("log_tail_missing", partition=str(partition), committed=position.offset, end=end)
        return position.offset

    async def _resume(self, partition: Partition, log_id: str) -> int | None:
        """Continue after what is stored of this log when positions are lost; the newest batch may be stored in part."""
        newest = await asyncio.to_thread(
            self._store.retry, lambda: newest_batch(self._warehouse, partition, log_id), "positions"
        )
        if newest is None:
            offset = await self._consumer.begin(partition)
            await self._consumer.commit(partition, Position(offset))
            return offset
        _log.warning("positions_missing", partition=str(partition), lo=newest.lo, hi=newest.hi)
        return await self._finish(partition, log_id, newest.lo, newest.hi)

    async def _finish(
        self, partition: Partition, log_id: str, lo: int, hi: int, *, tokens_remembered: bool = False
    ) -> int | None:
        """Finish an interrupted batch: read its records, add the rows that are missing, and return the next offset."""
        records = await read_span(self._consumer, partition, lo, hi, self._settings.batch_bytes_max)
        if not records or records[0].offset > lo or records[-1].offset < hi:
            _log.error("records_of_batch_missing", partition=str(partition), lo=lo, hi=hi, found=len(records))
        batch = await asyncio.to_thread(self._build, partition, log_id, lo, records)
        if batch.newer_version is not None:  # a newer Clew wrote the intent; only it can finish what it began
            self._pause(partition, batch)
            return None
        batch.hi = hi
        await asyncio.to_thread(partial(self._store.finish, batch, tokens_remembered=tokens_remembered))
        await self._consumer.commit(partition, Position(hi + 1))
        _count_skipped(batch)
        metrics.count("clew_ingest_recoveries_total")
        _log.info("batch_recovered", partition=str(partition), lo=lo, hi=hi)
        return hi + 1

    def _due(self, partition: Partition, lo: int, end: int) -> bool:
        """Tell whether a batch is full or has waited long enough."""
        if end <= lo:
            self._waiting.pop(partition, None)
            return False
        if end - lo >= self._settings.batch_rows_max:
            return True
        now_s = self._clock.monotonic_s()
        waiting = self._waiting.get(partition)
        if waiting is None or waiting.offset != lo:
            waiting = self._waiting[partition] = _Waiting(lo, now_s)
        return (now_s - waiting.since_s) * 1000 >= self._settings.batch_age_max_ms

    async def _store_batch(self, batch: Batch) -> None:
        started_s = self._clock.monotonic_s()
        intent = Intent(
            batch.hi, WIRE_VERSION, self._enricher.epoch, self._clock.now_us() // 1000, self._code_version
        ).encode()
        await self._consumer.commit(batch.partition, Position(batch.lo, intent))
        await asyncio.to_thread(self._store.write, batch)
        await self._consumer.commit(batch.partition, Position(batch.hi + 1))
        _count_skipped(batch)
        dead = batch.tables["dead_letters"].num_rows if "dead_letters" in batch.tables else 0
        if dead:
            metrics.count("clew_ingest_dead_letters_total", dead)
            _log.error("dead_letters", partition=str(batch.partition), records=dead, lo=batch.lo, hi=batch.hi)
        metrics.observe("clew_ingest_batch_seconds", self._clock.monotonic_s() - started_s)

    def _pause(self, partition: Partition, batch: Batch) -> None:
        self._paused[partition] = batch.newer_version or 0
        metrics.gauge("clew_ingest_paused_partitions", len(self._paused))
        _log.error(
            "partition_paused", partition=str(partition), offset=batch.hi + 1, schema_version=batch.newer_version,
            fix="a newer Clew wrote this record; upgrade this one",
        )  # fmt: skip


def _gauge_lag(partition: Partition, records: int) -> None:
    metrics.gauge("clew_ingest_lag_records", max(0, records), topic=partition.topic, partition=str(partition.partition))


def _count_skipped(batch: Batch) -> None:
    if "skipped" in batch.tables:
        for verdict, count in Counter(batch.tables["skipped"]["verdict"].to_pylist()).items():
            metrics.count("clew_ingest_skipped_total", count, verdict=verdict)
