"""Appends to Kafka in batches of our own: one in flight per partition while the next one collects."""

from collections.abc import Sequence
from typing import NamedTuple

from eventlog.address import KafkaLog
from eventlog.port import Mark, Partition
from runtime.clock import Clock
from runtime.settings import KafkaSettings


class Entry(NamedTuple):
    """One record to append, and which append it is."""

    key: bytes
    value: bytes
    mark: Mark


class KafkaAppender:
    """Appends of one process. All methods are called from one event loop only."""

    def __init__(self, address: KafkaLog, settings: KafkaSettings, clock: Clock) -> None:
        self._address, self._settings, self._clock = address, settings, clock

    async def start(self) -> None:
        """Learn the topics' partitions. Raises LogUnavailable when Kafka does not answer; may be called again."""
        raise NotImplementedError

    def count(self, topic: str) -> int:
        """Partitions of a topic, without the prefix of the address; 0 before `start` has succeeded once."""
        raise NotImplementedError

    async def append(self, partition: Partition, entries: Sequence[Entry]) -> Sequence[int]:
        """Offsets of the entries, in order, once every in-sync replica has them.

        The entries of one call stand in order; calls on one partition stand in the order of their calls. A caller
        that gives up (cancels) leaves nothing behind: entries not sent yet are dropped, those in flight may or may
        not get in, so it keeps the mark and sends them again. Raises LogUnavailable when the outcome is unknown, or
        at once when `kafka.pending_bytes_max` already wait.
        """
        raise NotImplementedError

    async def healthy(self) -> str:
        """ "" when the last answer of Kafka was a good one, else one sentence why not."""
        raise NotImplementedError

    async def close(self) -> None:
        """Send what waits, for at most `kafka.request_timeout_ms`, then let go. Idempotent."""
        raise NotImplementedError
