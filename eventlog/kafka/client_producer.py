"""The client library's producer, replaced after every error and on schedule.

Two defects of the library cannot be recovered from: after an error that leaves a gap in its sequence numbers every
later batch is refused, and after 2^31 records the numbers wrap wrongly.
"""

import asyncio
import contextlib

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from eventlog.address import KafkaLog
from eventlog.kafka.client import connection_options
from runtime import metrics
from runtime.logs import Throttled, logger
from runtime.settings import KafkaSettings

_log = Throttled(logger("eventlog"))


class _LenientSet(set[object]):
    """A set whose `remove` tolerates absent items: the library removes a failed batch a second time."""

    def remove(self, batch: object) -> None:
        self.discard(batch)


class ClientProducer:
    """The current producer of the client library; `get` creates one if there is none."""

    def __init__(self, address: KafkaLog, settings: KafkaSettings) -> None:
        self._address, self._settings = address, settings
        self._start_timeout_s = 2 * settings.request_timeout_ms / 1000
        self._stop_timeout_s = settings.request_timeout_ms / 1000
        self._producer: AIOKafkaProducer | None = None
        self._sent = 0
        self._starting: asyncio.Task[None] | None = None
        self._stopping: set[asyncio.Task[None]] = set()

    async def get(self) -> AIOKafkaProducer:
        """Return a started producer. Raises TROUBLE; a caller that is cancelled does not interrupt the start."""
        if self._sent >= self._settings.recycle_records_max:
            self._discard("scheduled")
        if self._producer is None:
            if self._starting is None or self._starting.done():
                self._starting = asyncio.create_task(self._start())
                self._starting.add_done_callback(lambda task: task.cancelled() or task.exception())
            await asyncio.shield(self._starting)
        return self._producer

    def count_sent(self, records: int) -> None:
        """Count records towards the scheduled replacement."""
        self._sent += records

    def replace(self, producer: AIOKafkaProducer | None, error: BaseException) -> None:
        """Discard the producer that failed, unless another one has already taken its place."""
        if producer is not None and producer is self._producer:
            _log.warning("kafka_producer_recycled", error=str(error) or type(error).__name__)
            self._discard("error")

    async def close(self) -> None:
        """Stop the producer and those that are still stopping. Idempotent."""
        if self._starting is not None:
            await asyncio.wait([self._starting], timeout=self._stop_timeout_s)
            self._starting.cancel()
        self._discard("closed")
        if self._stopping:
            await asyncio.wait(self._stopping, timeout=self._stop_timeout_s)

    async def _start(self) -> None:
        options = connection_options(self._address, self._settings, "clew-edge")
        producer = AIOKafkaProducer(
            acks="all", enable_idempotence=True, max_batch_size=self._settings.batch_bytes_max, **options
        )
        try:
            await asyncio.wait_for(producer.start(), self._start_timeout_s)
        except BaseException:
            await producer.stop()
            raise
        self._producer, self._sent = producer, 0

    def _discard(self, reason: str) -> None:
        """Stop the producer in the background; its unsent batches fail at once, so that callers can retry them."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        metrics.count("clew_kafka_producers_recycled_total", reason=reason)
        task = asyncio.create_task(self._stop(producer))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    async def _stop(self, producer: AIOKafkaProducer) -> None:
        """Fail all batches, then stop: the library would wait forever for batches that cannot be delivered."""
        accumulator = producer._message_accumulator
        accumulator._pending_batches = _LenientSet(accumulator._pending_batches)
        queued = (batch for queue in accumulator._batches.values() for batch in queue)
        batches = [*accumulator._pending_batches, *queued]
        accumulator.fail_all(KafkaConnectionError("this producer is replaced"))
        for future in (future for batch in batches for future in (batch.future, batch._drain_waiter)):
            if future.done() and not future.cancelled():
                future.exception()  # mark it as retrieved, otherwise asyncio logs a warning
        with contextlib.suppress(Exception):
            await asyncio.wait_for(producer.stop(), self._start_timeout_s)
        with contextlib.suppress(Exception):
            await producer.client.close()
