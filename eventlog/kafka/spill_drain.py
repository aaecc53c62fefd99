"""Sends a spill's records to Kafka once it takes them again: in order per partition, dropped when acknowledged.

A partition is away from its first failed append until records of it get through. While it is, nobody waits for
Kafka; trying to send the oldest records is how it is found to be back.
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
    """What sends records to Kafka (eventlog/kafka/appender.py)."""

    async def start(self) -> None: ...

    def count(self, topic: str) -> int: ...

    async def append(self, partition: Partition, entries: Sequence[Entry]) -> Sequence[int]: ...

    async def close(self) -> None: ...


class Drain:
    """Empties one spill, a task for each partition that has something in it."""

    def __init__(self, spill: Spill, appender: Appender, probe_interval_ms: int, append_timeout_ms: int) -> None:
        self._spill, self._appender = spill, appender
        self._pause_s, self._timeout_s = probe_interval_ms / 1_000, append_timeout_ms / 1_000
        self._tasks: dict[Partition, asyncio.Task[None]] = {}
        self._away: dict[Partition, str] = {}
        self._closing = False

    @property
    def away(self) -> str:
        """Why Kafka does not take records of some partition; "" when it takes all."""
        return next(iter(self._away.values()), "")

    def is_away(self, partition: Partition) -> bool:
        return partition in self._away

    def found_away(self, partition: Partition, why: str) -> None:
        """An append failed or took too long: do not try again before something gets through."""
        if partition not in self._away:
            _log.warning("kafka_away", topic=partition.topic, partition=partition.partition, error=why)
        self._away[partition] = why
        self._tell()
        self.wake(partition)

    def wake(self, partition: Partition) -> None:
        """There may be something to send."""
        if partition not in self._tasks and not self._closing:
            self._tasks[partition] = asyncio.ensure_future(self._drain(partition))

    async def emptied(self, partition: Partition) -> None:
        """Return when what was there is sent, or trying is given up; wait with a bound."""
        task = self._tasks.get(partition)
        if task is not None:
            await asyncio.wait((task,))

    async def all_emptied(self) -> None:
        """The same for every partition, unless Kafka is away."""
        for partition in self._spill.partitions():
            self.wake(partition)
        while self._tasks and not self._away:
            await asyncio.wait(tuple(self._tasks.values()), timeout=self._pause_s)

    async def close(self) -> None:
        """Stop; what is in flight may get in, and is sent again with the same append ids by whoever comes next."""
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
            except Exception as error:  # noqa: BLE001 - whatever it is, the records stay and are tried again
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
                # Without waiting in between, so that nothing can come in that finds the task ending.
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
