"""First contact of an edge with Kafka, and the partition that a key belongs to."""

import asyncio
import zlib

from eventlog.kafka.partition_counts import PartitionCounts, PartitionsChanged
from eventlog.kafka.spill_drain import Appender
from eventlog.port import LogUnavailable, Partition
from runtime import metrics
from runtime.logs import Throttled, logger
from schemas.events import CONVERSIONS, TOPICS

_log = Throttled(logger("eventlog"))
NOT_REACHED = "Kafka has not been reached yet"


class KafkaConnection:
    """Connects once, then knows the partition counts; until then it uses those of the last start."""

    def __init__(self, appender: Appender, counts: PartitionCounts, probe_interval_ms: int, slot: str) -> None:
        self._appender, self._counts = appender, counts
        self._pause_s, self._slot = probe_interval_ms / 1_000, slot
        self.connected = False
        self.trouble = ""
        """Reason why this process must not append at all; "" if it may."""

    async def connect(self) -> None:
        """Retry until Kafka answers."""
        while not self.connected:
            try:
                await self._appender.start()
                self._keep_counts()
                self.connected = True
            except Exception as error:  # noqa: BLE001 - whatever it is, records are spilled and it is retried
                if isinstance(error, PartitionsChanged):
                    self.trouble = str(error)
                _log.error("kafka_not_reached", error=str(error) or type(error).__name__)
                metrics.gauge("clew_kafka_away", 1, slot=self._slot)
                await asyncio.sleep(self._pause_s)
        self.trouble = ""
        metrics.gauge("clew_kafka_away", 0, slot=self._slot)

    def partition(self, topic: str, key: bytes, *, claims: bool = False) -> Partition:
        """Return the partition of a key. Raises LogUnavailable if only a known count can tell."""
        count = self._appender.count(topic) or self._counts.of(topic)
        if not count and (claims or topic == CONVERSIONS):  # in a wrong partition, duplicates would not be found
            raise LogUnavailable(f"{NOT_REACHED}, so it is not known how many partitions it has")
        return Partition(topic, zlib.crc32(key) % count if count else 0)

    def decided_partitions(self) -> list[Partition]:
        """Return the partitions whose decisions the tail follows."""
        return [Partition(CONVERSIONS, number) for number in range(self._appender.count(CONVERSIONS))]

    def _keep_counts(self) -> None:
        try:
            self._counts.keep({topic: self._appender.count(topic) for topic in TOPICS})
        except OSError as error:  # only a start without Kafka needs the file
            _log.error("partitions_not_kept", error=str(error))
