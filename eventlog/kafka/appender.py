"""Appends to Kafka in batches of our own: one in flight per partition while the next one collects.

The client library's producer is kept on a short leash, because two of its defects are final: after an error that
leaves a gap in its sequence numbers every later batch is refused, and after 2^31 records the numbers wrap wrongly.
So it is thrown away and made anew at any error, and on schedule; what was in flight is sent again with the
same append ids, and readers drop what stands twice.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from eventlog.address import KafkaLog
from eventlog.kafka.client import RETRY_BACKOFF_MS, TROUBLE, connection_options
from eventlog.kafka.record_ids import HEADER, encode_append_id
from eventlog.port import AppendId, LogUnavailable, Partition
from runtime import metrics
from runtime.clock import Clock
from runtime.logs import Throttled, logger
from runtime.settings import KafkaSettings
from schemas.events import TOPICS

_log = Throttled(logger("eventlog"))
_ENTRY_BYTES = 128
"""What a record takes at most beside its key and value: append id, lengths, head of its batch."""

_PROBE_TIMEOUT_S = 1.0


class Entry(NamedTuple):
    """One record to append, and which append it is."""

    key: bytes
    value: bytes
    append_id: AppendId


class _Call:
    """Entries of one caller, and what it waits for."""

    __slots__ = ("entries", "future", "offsets", "size")

    def __init__(self, entries: Sequence[Entry], size: int, future: asyncio.Future[Sequence[int]]) -> None:
        self.entries, self.size, self.future = entries, size, future
        self.offsets: list[int] = []
        """Of the entries that are durable already: a call may be larger than a batch."""


class _Lane:
    """One partition: calls that wait, in order, and the task that sends them."""

    __slots__ = ("task", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[_Call, None] = {}
        self.task: asyncio.Task[None] | None = None


class _Forgiving(set[object]):
    """The library removes a batch that failed, and once more when the request that had it comes back."""

    def remove(self, batch: object) -> None:
        self.discard(batch)


class KafkaAppender:
    """Appends of one process. All methods are called from one event loop only."""

    def __init__(self, address: KafkaLog, settings: KafkaSettings, clock: Clock) -> None:
        self._address, self._settings, self._clock = address, settings, clock
        self._timeout_s = settings.request_timeout_ms / 1000
        self._lanes: dict[Partition, _Lane] = {}
        self._counts: dict[str, int] = {}
        self._pending_bytes = 0
        self._producer: AIOKafkaProducer | None = None
        self._sent = 0
        self._making: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._trouble = ""
        self._closed = False

    async def start(self) -> None:
        """Learn the topics' partitions. Raises LogUnavailable when Kafka does not answer; may be called again."""
        try:
            producer = await asyncio.wait_for(self._made(), self._timeout_s)
            for topic in TOPICS:
                found = await asyncio.wait_for(producer.partitions_for(self._name(topic)), self._timeout_s)
                self._counts[topic] = len(found)
        except TROUBLE as error:
            self._trouble = f"Kafka does not answer: {error or type(error).__name__}"
            raise LogUnavailable(self._trouble) from error
        self._trouble = ""

    def count(self, topic: str) -> int:
        """Partitions of a topic, without the prefix of the address; 0 before `start` has succeeded once."""
        return self._counts.get(topic, 0)

    async def append(self, partition: Partition, entries: Sequence[Entry]) -> Sequence[int]:
        """Offsets of the entries, in order, once every in-sync replica has them.

        Entries keep their order within a call, and calls keep theirs within a partition. When a caller cancels,
        entries that were not sent are dropped; those in flight may or may not be stored, so the caller must retry
        them with the same append ids. Raises LogUnavailable if the outcome is unknown, or at once if
        `kafka.pending_bytes_max` are already waiting; ValueError for a record larger than a batch.
        """
        if not entries:
            return []
        if self._closed:
            raise LogUnavailable("this appender is closed")
        size = 0
        for entry in entries:
            bytes_ = len(entry.key) + len(entry.value) + _ENTRY_BYTES
            if bytes_ > self._settings.batch_bytes_max:
                raise ValueError(f"a record of {bytes_} bytes is more than kafka.batch_bytes_max; raise that")
            size += bytes_
        if self._pending_bytes + size > self._settings.pending_bytes_max and self._pending_bytes:
            raise LogUnavailable(f"{self._pending_bytes} bytes wait for Kafka, which is kafka.pending_bytes_max")
        call = _Call(entries, size, asyncio.get_running_loop().create_future())
        lane = self._lanes.setdefault(partition, _Lane())
        lane.waiting[call] = None
        self._pending_bytes += size
        if lane.task is None or lane.task.done():
            lane.task = asyncio.create_task(self._send_all(partition, lane))
        try:
            return await call.future
        finally:
            self._pending_bytes -= size
            lane.waiting.pop(call, None)

    async def unhealthy_reason(self) -> str | None:
        """Return None if Kafka's last response was good, otherwise why not. After an error, probe again first."""
        if self._trouble and not self._closed:
            with contextlib.suppress(LogUnavailable, TimeoutError):
                await asyncio.wait_for(self.start(), _PROBE_TIMEOUT_S)
        return self._trouble or None

    async def close(self) -> None:
        """Send what waits, for at most `kafka.request_timeout_ms`, then let go. Idempotent."""
        self._closed = True
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for lane in self._lanes.values():
            _fail(list(lane.waiting), LogUnavailable("closed before Kafka took the record"))
        if self._making is not None:
            await asyncio.wait([self._making], timeout=self._timeout_s)
            self._making.cancel()
        self._discard("closed")
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=self._timeout_s)

    # ---------------------------------------------------------------------------------------------- one lane

    async def _send_all(self, partition: Partition, lane: _Lane) -> None:
        """Send batch after batch until nothing waits."""
        while lane.waiting:
            started_s = self._clock.monotonic_s()
            calls = self._collect(lane)
            try:
                await self._send(partition, lane, calls)
            except LogUnavailable as error:
                self._trouble = str(error)
                metrics.count("clew_log_append_errors_total", topic=partition.topic)
                # Whoever waits behind these would wait as long for the same: all are told at once.
                _fail([*calls, *lane.waiting], error)
                lane.waiting.clear()
            except BaseException:  # a stop, or a mistake of ours: nobody may wait for ever
                _fail([*calls, *lane.waiting], LogUnavailable("the append was broken off"))
                raise
            else:
                metrics.observe("clew_log_commit_seconds", self._clock.monotonic_s() - started_s)

    def _collect(self, lane: _Lane) -> list[_Call]:
        """The next batch's calls, taken from those that wait. At least one, so an oversized call comes alone."""
        calls: list[_Call] = []
        size = 0
        for call in lane.waiting:
            size += call.size
            if calls and size > self._settings.batch_bytes_max:
                break
            calls.append(call)
        for call in calls:
            del lane.waiting[call]
        return calls

    async def _send(self, partition: Partition, lane: _Lane, calls: list[_Call]) -> None:
        """Until all of the calls' entries are durable. Raises LogUnavailable when the time is up."""
        deadline_s = self._clock.monotonic_s() + self._timeout_s
        while calls := [call for call in calls if not call.future.done()]:
            producer = None
            try:
                async with asyncio.timeout(deadline_s - self._clock.monotonic_s()):
                    producer = await self._made()
                    count = await self._try(producer, partition, calls)
            except TROUBLE as error:
                self._recycle(producer, error)
                if self._clock.monotonic_s() + RETRY_BACKOFF_MS / 1000 >= deadline_s:
                    raise LogUnavailable(f"Kafka did not take it: {error or type(error).__name__}") from error
                await asyncio.sleep(RETRY_BACKOFF_MS / 1000)
            else:
                self._trouble = ""
                metrics.count("clew_log_appends_total", count, topic=partition.topic)

    async def _try(self, producer: AIOKafkaProducer, partition: Partition, calls: list[_Call]) -> int:
        """Send one batch, tell the callers, and say how many records it had. Raises TROUBLE."""
        batch, taken = producer.create_batch(), []
        now_ms = self._clock.now_us() // 1000
        for call in calls:
            entries = call.entries[len(call.offsets) :] if call.offsets else call.entries
            fitted = 0
            for entry in entries:
                headers = [(HEADER, encode_append_id(entry.append_id))]
                if batch.append(timestamp=now_ms, key=entry.key, value=entry.value, headers=headers) is None:
                    break
                fitted += 1
            taken.append((call, fitted))
            if fitted < len(entries):
                break
        count: int = batch.record_count()
        delivery = await producer.send_batch(batch, self._name(partition.topic), partition=partition.partition)
        self._sent += count
        offset = (await delivery).offset
        if offset < 0:  # the broker has it already and forgot where; a repeat costs less than not knowing
            raise KafkaConnectionError("Kafka does not say where the records are")
        for call, fitted in taken:
            call.offsets.extend(range(offset, offset + fitted))
            offset += fitted
            if len(call.offsets) == len(call.entries) and not call.future.done():
                call.future.set_result(call.offsets)
        return count

    def _name(self, topic: str) -> str:
        return self._address.topic_prefix + topic

    # ------------------------------------------------------------------------------------------ the producer

    async def _made(self) -> AIOKafkaProducer:
        """The producer, made if there is none. Raises TROUBLE; who gives up waiting does not break off the making."""
        if self._sent >= self._settings.recycle_records_max:
            self._discard("scheduled")
        if self._producer is None:
            if self._making is None or self._making.done():
                self._making = asyncio.create_task(self._make())
                self._making.add_done_callback(lambda task: task.cancelled() or task.exception())
            await asyncio.shield(self._making)
        return self._producer

    async def _make(self) -> None:
        options = connection_options(self._address, self._settings, "clew-edge")
        producer = AIOKafkaProducer(
            acks="all", enable_idempotence=True, max_batch_size=self._settings.batch_bytes_max, **options
        )
        try:
            await asyncio.wait_for(producer.start(), 2 * self._timeout_s)
        except BaseException:
            await producer.stop()
            raise
        self._producer, self._sent = producer, 0

    def _recycle(self, producer: AIOKafkaProducer | None, error: BaseException) -> None:
        """After trouble with a producer: the next try makes another one."""
        if producer is not None and producer is self._producer:
            _log.warning("kafka_producer_recycled", error=str(error) or type(error).__name__)
            self._discard("error")

    def _discard(self, reason: str) -> None:
        """Let go of the producer; what it still holds fails at once, and its lanes send that anew."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        metrics.count("clew_kafka_producers_recycled_total", reason=reason)
        task = asyncio.create_task(self._leave(producer))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _leave(self, producer: AIOKafkaProducer) -> None:
        """The library waits for ever for batches that nobody can deliver, unless they fail first."""
        held = producer._message_accumulator
        held._pending_batches = _Forgiving(held._pending_batches)
        batches = [*held._pending_batches, *(batch for queue in held._batches.values() for batch in queue)]
        held.fail_all(KafkaConnectionError("this producer is replaced"))
        for future in (future for batch in batches for future in (batch.future, batch._drain_waiter)):
            if future.done() and not future.cancelled():
                future.exception()  # nobody else may ask, and asyncio would complain
        with contextlib.suppress(Exception):
            await asyncio.wait_for(producer.stop(), 2 * self._timeout_s)
        with contextlib.suppress(Exception):
            await producer.client.close()


def _fail(calls: Sequence[_Call], error: LogUnavailable) -> None:
    for call in calls:
        if not call.future.done():
            call.future.set_exception(LogUnavailable(str(error), error.retry_after_s))
