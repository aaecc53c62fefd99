"""A stand-in for Kafka in one process: partitions in memory that can be made to fail, hang, or lose their answers."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from eventlog.kafka.append_batch import Entry
from eventlog.port import LogUnavailable, Partition, Record
from schemas.events import CONVERSIONS, HITS


@dataclass
class FakeKafka:
    """A Kafka in memory that appenders and readers of a test share."""

    counts: dict[str, int] = field(default_factory=lambda: {HITS: 3, CONVERSIONS: 1})
    down: bool = False
    """Nothing is taken and nothing is answered: appends fail at once, reads fail."""
    hanging: bool = False
    """Appends are neither taken nor answered."""
    losing: bool = False
    """Appends are taken, and their answer never comes."""
    blind: bool = False
    """Readers see nothing new."""
    appends: int = 0
    waiting_most: int = 0

    def __post_init__(self) -> None:
        self.records: dict[Partition, list[Record]] = {}
        self.begins: dict[Partition, int] = {}
        self.log_ids: dict[Partition, str] = {}
        self._waiting = 0
        for topic, count in self.counts.items():
            for number in range(count):
                self.remake(Partition(topic, number))

    def remake(self, partition: Partition) -> None:
        self.records[partition] = []
        self.begins[partition] = 0
        self.log_ids[partition] = secrets.token_hex(16)

    def values(self, topic: str) -> list[bytes]:
        return [one.value for partition, records in self.records.items() if partition.topic == topic for one in records]

    def first_appends(self, topic: str) -> list[tuple[Partition, bytes, int, bytes]]:
        """(partition, origin, sequence, value) of each first record with its append id, as readers keep them."""
        seen, kept = set(), []
        for partition, records in self.records.items():
            for record in records:
                assert record.append_id is not None
                append_id = (partition, record.append_id.origin, record.append_id.sequence)
                if partition.topic == topic and append_id not in seen:
                    seen.add(append_id)
                    kept.append((*append_id, record.value))
        return kept

    def put(self, partition: Partition, entries: Sequence[Entry]) -> list[int]:
        records = self.records[partition]
        first = self.begins[partition] + len(records)
        records += [Record(n, entry.value, entry.append_id) for n, entry in enumerate(entries, first)]
        return list(range(first, first + len(entries)))


class FakeAppender:
    def __init__(self, kafka: FakeKafka) -> None:
        self._kafka, self._started, self.closed = kafka, False, False

    async def start(self) -> None:
        await asyncio.sleep(0)
        if self._kafka.down or self._kafka.hanging:
            raise LogUnavailable("no broker answers")
        self._started = True

    def count(self, topic: str) -> int:
        return self._kafka.counts[topic] if self._started else 0

    async def append(self, partition: Partition, entries: Sequence[Entry]) -> Sequence[int]:
        kafka = self._kafka
        kafka.appends += 1
        kafka._waiting += 1
        kafka.waiting_most = max(kafka.waiting_most, kafka._waiting)
        try:
            await asyncio.sleep(0)
            if kafka.down:
                raise LogUnavailable("no broker answers")
            if kafka.hanging:
                await asyncio.Event().wait()
            offsets = kafka.put(partition, entries)
            if kafka.losing:
                await asyncio.Event().wait()
            return offsets
        finally:
            kafka._waiting -= 1

    async def close(self) -> None:
        self.closed = True


class FakeReader:
    def __init__(self, kafka: FakeKafka) -> None:
        self._kafka = kafka

    async def log_id(self, partition: Partition) -> str:
        return self._kafka.log_ids[partition]

    async def begin(self, partition: Partition) -> int:
        return self._kafka.begins[partition]

    async def end(self, partition: Partition) -> int:
        if self._kafka.down or self._kafka.hanging:
            raise LogUnavailable("no broker answers")
        return self._kafka.begins[partition] + len(self._kafka.records[partition])

    async def read(
        self, partition: Partition, offset: int, rows_max: int, bytes_max: int, wait_ms: int = 0
    ) -> list[Record]:
        """Looks again a few times, and as seldom as a test can bear."""
        for _ in range(5):
            await asyncio.sleep(0.001)
            if self._kafka.down:
                raise LogUnavailable("no broker answers")
            begin = self._kafka.begins[partition]
            found = self._kafka.records[partition][max(0, offset - begin) :][:rows_max]
            if found and not self._kafka.blind:
                return found
        return []

    async def close(self) -> None:
        """Nothing to let go of."""
