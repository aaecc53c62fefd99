"""Sees all partitions of the topics and how far a group is; joins nothing. For attribution, the API, audits."""

from collections.abc import Sequence

from eventlog.address import KafkaLog
from eventlog.kafka.reader import KafkaReader
from eventlog.port import Fenced, Partition, Position, Record
from runtime.clock import Clock
from runtime.settings import KafkaSettings
from schemas.events import TOPICS


class KafkaObserver:
    """A consumer that owns nothing. It connects at the first question; all of them come from one event loop."""

    deduplicated = False

    def __init__(
        self, address: KafkaLog, group: str, settings: KafkaSettings, clock: Clock, topics: Sequence[str] = TOPICS
    ) -> None:
        self._group = group
        self._reader = KafkaReader(address, settings, clock, topics)

    async def partitions(self) -> Sequence[Partition]:
        return await self._reader.partitions()

    async def log_id(self, partition: Partition) -> str:
        return await self._reader.log_id(partition)

    async def begin(self, partition: Partition) -> int:
        return await self._reader.begin(partition)

    async def end(self, partition: Partition) -> int:
        return await self._reader.end(partition)

    async def read(
        self, partition: Partition, offset: int, rows_max: int, bytes_max: int, wait_ms: int = 0
    ) -> Sequence[Record]:
        """As the port says; with `wait_ms` Kafka answers as soon as there is a record, and other questions wait too."""
        return await self._reader.read(partition, offset, rows_max, bytes_max, wait_ms)

    def growth_mark(self) -> object | None:
        """Return None: only the broker knows."""
        return None

    async def committed(self, partition: Partition) -> Position | None:
        return await self._reader.position(self._group, partition)

    async def commit(self, partition: Partition, position: Position) -> None:
        raise Fenced("an observer owns no partition")

    async def trim(self) -> int:
        return 0

    async def close(self) -> None:
        await self._reader.close()
