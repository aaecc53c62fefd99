"""Appends to Kafka in batches: one in flight per partition while the next one fills.

After any error the client library's producer is replaced (eventlog/kafka/client_producer.py) and the batch in
flight is sent again with the same append ids, so readers can drop duplicates.
"""

import asyncio
import contextlib
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from eventlog.address import KafkaLog
from eventlog.kafka.append_batch import Call, Entry, Lane, confirm, fail, fill_batch
from eventlog.kafka.client import RETRY_BACKOFF_MS, TROUBLE
from eventlog.kafka.client_producer import ClientProducer
from eventlog.port import LogUnavailable, Partition
from runtime import metrics
from runtime.clock import Clock
from runtime.settings import KafkaSettings
from schemas.events import TOPICS

_ENTRY_BYTES = 128
"""Upper bound of what a record takes besides its key and value: append id, lengths, its batch's header."""

_PROBE_TIMEOUT_S = 1.0


class KafkaAppender:
    """Appends of one process. All methods are called from one event loop only."""

    def __init__(self, address: KafkaLog, settings: KafkaSettings, clock: Clock) -> None:
        self._address, self._settings, self._clock = address, settings, clock
        self._timeout_s = settings.request_timeout_ms / 1000
        self._client = ClientProducer(address, settings)
        self._lanes: dict[Partition, Lane] = {}
        self._counts: dict[str, int] = {}
        self._pending_bytes = 0
        self._trouble = ""
        self._closed = False

    async def start(self) -> None:
        """Read the topics' partition counts. Raises LogUnavailable if Kafka does not answer; may be repeated."""
        try:
            producer = await asyncio.wait_for(self._client.get(), self._timeout_s)
            for topic in TOPICS:
                partitions = await asyncio.wait_for(producer.partitions_for(self._name(topic)), self._timeout_s)
                self._counts[topic] = len(partitions)
        except TROUBLE as error:
            self._trouble = f"Kafka does not answer: {error or type(error).__name__}"
            raise LogUnavailable(self._trouble) from error
        self._trouble = ""

    def count(self, topic: str) -> int:
        """Return the number of a topic's partitions (name without prefix); 0 before `start` has succeeded."""
        return self._counts.get(topic, 0)

    async def append(self, partition: Partition, entries: Sequence[Entry]) -> Sequence[int]:
        """Append entries; return their offsets, in order, once every in-sync replica has them.

        Entries keep their order within a call, and calls keep theirs within a partition. When a caller cancels,
        entries that were not sent are dropped; those in flight may or may not be stored, so the caller must retry
        them with the same append ids. Raises LogUnavailable if the outcome is unknown, or at once if
        `kafka.pending_bytes_max` are already waiting; ValueError for a record larger than a batch.
        """
        if not entries:
            return []
        if self._closed:
            raise LogUnavailable("this appender is closed")
        size = self._size_of(entries)
        if self._pending_bytes + size > self._settings.pending_bytes_max and self._pending_bytes:
            raise LogUnavailable(f"{self._pending_bytes} bytes wait for Kafka, which is kafka.pending_bytes_max")
        call = Call(entries, size, asyncio.get_running_loop().create_future())
        lane = self._lanes.setdefault(partition, Lane())
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
        """Send what waits, for at most `kafka.request_timeout_ms`, then stop. Idempotent."""
        self._closed = True
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for lane in self._lanes.values():
            fail(list(lane.waiting), LogUnavailable("closed before Kafka took the record"))
        await self._client.close()

    def _size_of(self, entries: Sequence[Entry]) -> int:
        """Return the most bytes that the entries take in a batch. Raises ValueError for one larger than a batch."""
        size = 0
        for entry in entries:
            bytes_ = len(entry.key) + len(entry.value) + _ENTRY_BYTES
            if bytes_ > self._settings.batch_bytes_max:
                raise ValueError(f"a record of {bytes_} bytes is more than kafka.batch_bytes_max; raise that")
            size += bytes_
        return size

    async def _send_all(self, partition: Partition, lane: Lane) -> None:
        """Send batch after batch until nothing waits."""
        while lane.waiting:
            started_s = self._clock.monotonic_s()
            calls = lane.take(self._settings.batch_bytes_max)
            try:
                await self._send(partition, calls)
            except LogUnavailable as error:
                self._trouble = str(error)
                metrics.count("clew_log_append_errors_total", topic=partition.topic)
                # Calls behind these would wait as long and fail as well: fail all of them now.
                fail([*calls, *lane.waiting], error)
                lane.waiting.clear()
            except BaseException:  # a cancellation or a bug: no caller may wait forever
                fail([*calls, *lane.waiting], LogUnavailable("the append was broken off"))
                raise
            else:
                metrics.observe("clew_log_commit_seconds", self._clock.monotonic_s() - started_s)

    async def _send(self, partition: Partition, calls: list[Call]) -> None:
        """Retry until all entries of the calls are durable. Raises LogUnavailable when the time is up."""
        deadline_s = self._clock.monotonic_s() + self._timeout_s
        while calls := [call for call in calls if not call.future.done()]:
            producer = None
            try:
                async with asyncio.timeout(deadline_s - self._clock.monotonic_s()):
                    producer = await self._client.get()
                    count = await self._try(producer, partition, calls)
            except TROUBLE as error:
                self._client.replace(producer, error)
                if self._clock.monotonic_s() + RETRY_BACKOFF_MS / 1000 >= deadline_s:
                    raise LogUnavailable(f"Kafka did not take it: {error or type(error).__name__}") from error
                await asyncio.sleep(RETRY_BACKOFF_MS / 1000)
            else:
                self._trouble = ""
                metrics.count("clew_log_appends_total", count, topic=partition.topic)

    async def _try(self, producer: AIOKafkaProducer, partition: Partition, calls: list[Call]) -> int:
        """Send one batch, answer the callers and return its number of records. Raises TROUBLE."""
        batch = producer.create_batch()
        filled = fill_batch(batch, calls, self._clock.now_us() // 1000)
        count: int = batch.record_count()
        delivery = await producer.send_batch(batch, self._name(partition.topic), partition=partition.partition)
        self._client.count_sent(count)
        offset = (await delivery).offset
        if offset < 0:  # the broker has the batch but no longer its offset; a duplicate costs less than not knowing
            raise KafkaConnectionError("Kafka does not say where the records are")
        confirm(filled, offset)
        return count

    def _name(self, topic: str) -> str:
        return self._address.topic_prefix + topic
