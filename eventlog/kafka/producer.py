"""The producer of an edge on Kafka. Nobody waits for Kafka longer than a budget: what it does not take is spilled.

Verdicts are told by the edge's own tail of the topic of conversions, in the log's order. While Kafka is away they are
told by what is known here, and `accepted` is then not final. Each record gets its append id when it is first handed in.
"""

import asyncio
import itertools
import secrets
import sqlite3
import zlib
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from eventlog.kafka import file_slots
from eventlog.kafka.appender import Entry
from eventlog.kafka.key_index import KeyIndex
from eventlog.kafka.partition_counts import PartitionCounts, PartitionsChanged
from eventlog.kafka.spill import Candidate, Spill
from eventlog.kafka.spill_drain import BATCH_ROWS_MAX, Appender, Drain
from eventlog.kafka.tail import Expected, LogReader, Tail
from eventlog.port import Appended, AppendId, AppendResult, DedupRule, LogUnavailable, Partition, StoredClaims
from runtime import metrics
from runtime.bounded_wait import BoundedWait, TooManyWaiting
from runtime.clock import Clock
from runtime.logs import Throttled, logger
from runtime.settings import KafkaSettings, SpillSettings
from schemas.dedup.rules import Decision, GetState
from schemas.events import CONVERSIONS, HITS, TOPICS, Touch
from schemas.reasons import Reason
from schemas.wire import decode

_log = Throttled(logger("eventlog"))
_T = TypeVar("_T")
UNPLACED = -1
"""Offset of a record that waits in the local log."""
ORIGIN_BYTES = 16
_ENTRY_BYTES_MAX = 512
"""Most bytes of a record beside its value."""
_WAITING_MAX = 100_000
_BYTES_PER_S_MIN = 4 * 1024**2
"""A Kafka that takes less from one caller is too slow."""
_START_TIMEOUT_S = 2.0
_CLOSE_TIMEOUT_S = 5.0
_ADOPT_INTERVAL_S = 10.0
_AWAY = "Kafka has not been reached yet"


class AppendIds:
    """Append ids of one process: sequences count up by one per partition. `next` may be called from any thread."""

    def __init__(self, origin: bytes) -> None:
        self.origin = origin
        self._counts: dict[Partition, itertools.count[int]] = {}

    def next(self, partition: Partition, *, spilled: bool = False) -> AppendId:
        return AppendId(self.origin, next(self._counts.setdefault(partition, itertools.count())), spilled)


class KafkaProducer:
    """Producer of one edge process. Make it, then `start` it; it works from then on, with or without Kafka."""

    def __init__(
        self, appender: Appender, open_reader: Callable[[], LogReader], folder: Path, spill: SpillSettings,
        kafka: KafkaSettings, clock: Clock, rule: DedupRule, stored: StoredClaims | None = None,
    ) -> None:  # fmt: skip
        """`folder` keeps the local log and the key index of each process. Raises sqlite3.Error, OSError, FileLocked."""
        self._appender, self._folder, self._settings, self._kafka = appender, folder, spill, kafka
        self._clock, self._rule = clock, rule
        self._budget_s = spill.append_timeout_ms / 1_000
        self._bounded_wait = BoundedWait(_WAITING_MAX, self._budget_s / 4)
        self._append_ids = AppendIds(secrets.token_bytes(ORIGIN_BYTES))
        self._index_slot = file_slots.take(folder, "keys")
        index = KeyIndex(self._index_slot.path, rule)
        self._tail = Tail(index, open_reader, stored, self._append_ids.origin, self._index_slot.number)
        self._known = index.reader()
        self._spill = self._open_spill(file_slots.take(folder, "spill"))
        self._drain = self._open_drain(self._spill)
        self._counts = PartitionCounts(folder / "partitions.json")
        self._connected = False
        self._trouble = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._working = 0
        self._closing = False
        self._idle = asyncio.Event()

    async def start(self) -> None:
        """Reach Kafka within a moment, or go on trying beside the work."""
        connecting = asyncio.ensure_future(self._connect())
        self._tasks = [connecting, asyncio.ensure_future(self._adopt())]
        await asyncio.wait((connecting,), timeout=_START_TIMEOUT_S)

    # -- the port

    async def append(self, topic: str, key: bytes, values: Sequence[bytes]) -> Sequence[Appended]:
        if not values:
            return []
        self._check_sizes(values)
        partition = self._partition(topic, key)
        entries = [Entry(key, value, self._append_ids.next(partition)) for value in values]
        return await self._busy(self._append(partition, entries))

    async def decide(
        self, topic: str, values: Sequence[bytes], *, keys: Sequence[bytes], dry_run: bool = False
    ) -> Sequence[AppendResult]:
        self._check_sizes(values)
        work = self._take_lines if topic == HITS else self._settle
        groups: dict[Partition, list[int]] = {}
        for place, key in enumerate(keys):
            groups.setdefault(self._partition(topic, key, claims=True), []).append(place)
        settled = await asyncio.gather(*(
            self._busy(work(partition, [Candidate(keys[place], values[place]) for place in places], dry_run))
            for partition, places in groups.items()
        ))  # fmt: skip
        by_place = {place: results for places, group in zip(groups.values(), settled, strict=True)
                    for place, results in zip(places, group, strict=True)}  # fmt: skip
        return [by_place[place] for place in range(len(values))]

    async def unhealthy_reason(self) -> str | None:
        """The local log in trouble is asked to write nothing, which tells whether it can again."""
        if self._trouble:
            return self._trouble
        why = self._why_away()
        if why and self._spill.full:
            return f"Kafka is away ({why}), and the local log has reached spill.bytes_max"
        if why and self._spill.trouble:
            try:
                await self._spill.put(Partition(HITS, 0), ())
            except LogUnavailable as error:
                return f"Kafka is away ({why}), and {error}"
        return None

    def degraded_reason(self) -> str | None:
        why, records = self._why_away(), self._spill.records
        if why:
            return f"Kafka is away ({why}); {records} records wait in the local log"
        if self._tail.trouble:
            return f"postbacks are told to come again, since {self._tail.trouble}"
        return f"{records} records of the local log are on their way to Kafka" if records else None

    async def close(self) -> None:
        """Send what the spill holds if Kafka takes it; the rest stays for the next process."""
        if self._closing:
            return
        self._closing = True
        if self._working:
            self._idle.clear()
            await asyncio.wait((asyncio.ensure_future(self._idle.wait()),), timeout=_CLOSE_TIMEOUT_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connected:
            try:
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await self._drain.all_emptied()
            except TimeoutError:
                _log.warning("spill_left", records=self._spill.records)
        await self._drain.close()
        await self._tail.close()
        await self._spill.close()
        self._index_slot.let_go()
        await self._appender.close()

    # -- records that claim nothing

    async def _append(self, partition: Partition, entries: Sequence[Entry]) -> Sequence[Appended]:
        if self._connected and not self._drain.is_away(partition):
            try:
                budget_s = self._budget_of(entries)
                offsets = await self._bounded_wait.wait(lambda: self._appender.append(partition, entries), budget_s)
                return [Appended(partition, offset) for offset in offsets]
            except (TimeoutError, LogUnavailable, TooManyWaiting) as error:
                self._drain.found_away(partition, str(error) or self._too_slow)
        await self._spill.put(partition, entries)
        self._drain.wake(partition)
        return [Appended(partition, UNPLACED)] * len(entries)

    async def _take_lines(self, partition: Partition, lines: Sequence[Candidate], dry_run: bool) -> list[AppendResult]:
        """Lines of clicks and impressions: readers rule over them, their senders are told `accepted`."""
        decisions = [Decision("accepted", line.value, issued=_touch_id(line.value)) for line in lines]
        if dry_run:
            return [AppendResult(decision, None) for decision in decisions]
        entries = [Entry(line.key, line.value, self._append_ids.next(partition)) for line in lines]
        appended = await self._append(partition, entries)
        return [AppendResult(decision, place) for decision, place in zip(decisions, appended, strict=True)]

    # -- records that claim keys

    async def _settle(self, partition: Partition, candidates: Sequence[Candidate], dry_run: bool) -> list[AppendResult]:
        expected = None
        try:
            if await self._may_ask(partition):
                if blocked := self._tail.blocked(partition):
                    raise LogUnavailable(f"no verdict can be told now: {blocked}")
                if dry_run:
                    results = await self._try_out(partition, candidates)
                else:
                    entries = [Entry(one.key, one.value, self._append_ids.next(partition)) for one in candidates]
                    expected = self._tail.expect(partition, [entry.append_id.sequence for entry in entries])
                    results = await self._ask(partition, entries, expected)
                if results is not None:
                    return results
            decisions = await self._spill.decide(partition, candidates, dry_run=dry_run)
            if not dry_run:
                self._drain.wake(partition)
            if (
                expected is not None and expected.told
            ):  # the first try got through after all; what was spilled repeats it
                return expected.future.result()
            return [AppendResult(decision, None, final=decision.verdict != "accepted") for decision in decisions]
        finally:
            if expected is not None:
                self._tail.forget(expected)

    async def _may_ask(self, partition: Partition) -> bool:
        """Whether records of the partition go to Kafka: not past those of the local log, or they would change places.

        When few are left there, it waits for them: under load there would always be some otherwise.
        """
        if not self._connected or self._drain.is_away(partition):
            return False
        backlog = self._spill.backlog(partition)
        if 0 < backlog <= BATCH_ROWS_MAX:
            try:
                async with asyncio.timeout(self._budget_s):
                    await self._drain.emptied(partition)
            except TimeoutError:
                return False
            backlog = self._spill.backlog(partition)
        return not backlog and not self._drain.is_away(partition)

    async def _ask(
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
            budget_s = self._budget_of(entries)
            await asyncio.wait((sending, expected.future), timeout=budget_s, return_when=asyncio.FIRST_COMPLETED)
            if not expected.future.done():
                if not sending.done():
                    self._drain.found_away(partition, self._too_slow)
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

    # -- Kafka and the folder

    def _budget_of(self, entries: Sequence[Entry]) -> float:
        """Longest wait for Kafka, in seconds: a large batch takes a while although nothing is wrong."""
        return self._budget_s + sum(len(entry.value) for entry in entries) / _BYTES_PER_S_MIN

    @property
    def _too_slow(self) -> str:
        return f"it did not answer within {self._settings.append_timeout_ms} ms"

    def _check_sizes(self, values: Sequence[bytes]) -> None:
        """What no batch can hold would stand in the local log for ever, and in the way of all that follows."""
        size_max = self._kafka.batch_bytes_max - _ENTRY_BYTES_MAX
        if values and max(map(len, values)) > size_max:
            raise ValueError(f"a record of more than {size_max} bytes fits in no batch; raise kafka.batch_bytes_max")

    def _why_away(self) -> str:
        return self._drain.away if self._connected else _AWAY

    def _partition(self, topic: str, key: bytes, *, claims: bool = False) -> Partition:
        count = self._appender.count(topic) or self._counts.of(topic)
        if not count and (claims or topic == CONVERSIONS):  # the wrong partition would miss what else has the key
            raise LogUnavailable(f"{_AWAY}, so it is not known how many partitions it has")
        return Partition(topic, zlib.crc32(key) % count if count else 0)

    async def _busy(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Work that `close` waits for."""
        if self._closing:
            work.close()
            raise LogUnavailable("the log is being closed")
        self._working += 1
        try:
            return await work
        finally:
            self._working -= 1
            if not self._working:
                self._idle.set()

    async def _connect(self) -> None:
        """Try until Kafka answers; then follow the topic of conversions and send what was left here."""
        while not self._connected:
            try:
                await self._appender.start()
                self._keep_counts()
                self._connected = True
            except Exception as error:  # noqa: BLE001 - whatever it is, records wait here and it is tried again
                if isinstance(error, PartitionsChanged):
                    self._trouble = str(error)
                _log.error("kafka_not_reached", error=str(error) or type(error).__name__)
                metrics.gauge("clew_kafka_away", 1, slot=self._spill.number)
                await asyncio.sleep(self._settings.probe_interval_ms / 1_000)
        self._trouble = ""
        metrics.gauge("clew_kafka_away", 0, slot=self._spill.number)
        self._tail.start([Partition(CONVERSIONS, number) for number in range(self._appender.count(CONVERSIONS))])
        for partition in self._spill.partitions():
            self._drain.wake(partition)

    def _keep_counts(self) -> None:
        try:
            self._counts.keep({topic: self._appender.count(topic) for topic in TOPICS})
        except OSError as error:  # only a start without Kafka would miss them
            _log.error("partitions_not_kept", error=str(error))

    async def _adopt(self) -> None:
        """Send what dead processes left in the folder."""
        while True:
            if self._connected and not self._drain.away:
                for slot in file_slots.take_left(self._folder, "spill"):
                    try:
                        await self._send_left(slot)
                    except (sqlite3.Error, OSError) as error:
                        _log.error("spill_unreadable", file=slot.path.name, error=str(error))
                    finally:
                        slot.let_go()
            await asyncio.sleep(_ADOPT_INTERVAL_S if self._connected else self._budget_s)

    async def _send_left(self, slot: file_slots.Slot) -> None:
        spill = self._open_spill(slot)
        drain = self._open_drain(spill)
        try:
            if spill.records:
                _log.warning("spill_adopted", file=slot.path.name, records=spill.records)
            for partition in spill.partitions():
                drain.wake(partition)
                await drain.emptied(partition)
        finally:
            await drain.close()
            await spill.close()

    def _open_spill(self, slot: file_slots.Slot) -> Spill:
        def append_id(partition: Partition) -> AppendId:
            return self._append_ids.next(partition, spilled=True)

        return Spill(slot, self._settings.bytes_max, _not_absent(self._rule), self._known, append_id)

    def _open_drain(self, spill: Spill) -> Drain:
        return Drain(spill, self._appender, self._settings.probe_interval_ms, self._kafka.request_timeout_ms)


def _not_absent(rule: DedupRule) -> DedupRule:
    """The rule while Kafka is away. What is not known here may be known elsewhere: that refuses nobody."""

    def decide(get: GetState, value: bytes) -> Decision:
        decision = rule(get, value)
        if decision.reason is Reason.CONVERSION_NOT_FOUND:
            raise LogUnavailable("Kafka is away, and the conversion is not known here")
        return decision

    return decide


def _touch_id(value: bytes) -> bytes:
    event = decode(value)[1]
    assert isinstance(event, Touch)  # nothing else claims keys among hits
    return event.touch_id
