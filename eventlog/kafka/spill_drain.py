"""Sends a spill's records to Kafka once it takes them again: in order per partition, dropped when acknowledged.

A partition counts as unavailable from its first failed append until a record of it is acknowledged. Meanwhile no
caller waits for Kafka: its recovery is noticed by sending the oldest spilled records.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from eventlog.kafka.append_batch import Entry
from eventlog.kafka.spill import Spill
from eventlog.port import LogUnavailable, Partition
from runtime import metrics
from runtime.logs import Throttled, logger

_log = Throttled(logger("eventlog"))
BATCH_ROWS_MAX = 1_000
BATCH_BYTES_MAX = 256 * 1024


class Appender(Protocol):
    """Sends records to Kafka (eventlog/kafka/appender.py)."""

    async def start(self) -> None: ...

    def count(self, topic: str) -> int: ...

    async def append(self, partition: Partition, entries: Sequence[Entry]) -> Sequence[int]: ...

    async def close(self) -> None: ...


class Drain:
    """Empties one spill with one task per partition that has records."""

    def __init__(self, spill: Spill, appender: Appender, probe_interval_ms: int, append_timeout_ms: int) -> None:
        self._spill, self._appender = spill, appender
        self._pause_s, self._timeout_s = probe_interval_ms / 1_000, append_timeout_ms / 1_000
        self._tasks: dict[Partition, asyncio.Task[None]] = {}
        self._away: dict[Partition, str] = {}
        self._closing = False

    @property
    def away(self) -> str:
        """Reason why Kafka does not take records of some partition; "" if it takes all."""
        return next(iter(self._away.values()), "")

    def is_away(self, partition: Partition) -> bool:
        return partition in self._away

    def found_away(self, partition: Partition, why: str) -> None:
        """Note a failed or slow append: nothing else is appended until a spilled record is acknowledged."""
        if partition not in self._away:
            _log.warning("kafka_away", topic=partition.topic, partition=partition.partition, error=why)
        self._away[partition] = why
        self._tell()
        self.wake(partition)

    def wake(self, partition: Partition) -> None:
        """Start the task of a partition, which may have records to send."""
        if partition not in self._tasks and not self._closing:
            self._tasks[partition] = asyncio.ensure_future(self._drain(partition))

    async def emptied(self, partition: Partition) -> None:
        """Return when the records of a partition are sent or the task has ended; wait with a time limit."""
        task = self._tasks.get(partition)
        if task is not None:
            await asyncio.wait((task,))

    async def all_emptied(self) -> None:
        """Wait for every partition, unless Kafka is unavailable."""
        for partition in self._spill.partitions():
            self.wake(partition)
        while self._tasks and not self._away:
            await asyncio.wait(tuple(self._tasks.values()), timeout=self._pause_s)

    async def close(self) -> None:
        """Stop. Records in flight may be stored; the next process sends them again with the same append ids."""
        self._closing = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _drain(self, partition: Partition) -> None:
        if partition in self._away:
            await asyncio.sleep(self._pause_s)
        while True:
            try:
                sent = await self._send_next(partition)
            except Exception as error:  # noqa: BLE001 - whatever it is, the records stay and are retried
                if not isinstance(error, LogUnavailable | TimeoutError):
                    _log.exception("drain_failed", topic=partition.topic, partition=partition.partition)
                self._away[partition] = str(error) or "Kafka did not answer in time"
                self._tell()
                await asyncio.sleep(self._pause_s)
                continue
            if self._away.pop(partition, None) is not None:
                _log.info("kafka_back", topic=partition.topic, partition=partition.partition)
            self._tell()
            if not sent and not self._spill.backlog(partition):
                # No await since the check: otherwise a new record could meet a task that is ending.
                del self._tasks[partition]
                return

    async def _send_next(self, partition: Partition) -> int:
        entries, last = await self._spill.next(partition, BATCH_ROWS_MAX, BATCH_BYTES_MAX)
        if entries:
            async with asyncio.timeout(self._timeout_s):
                await self._appender.append(partition, entries)
            await self._spill.drop(partition, entries, last)
            metrics.count("clew_spill_drained_total", len(entries), topic=partition.topic)
        return len(entries)

    def _tell(self) -> None:
        metrics.gauge("clew_kafka_away", 1 if self._away else 0, slot=self._spill.number)
