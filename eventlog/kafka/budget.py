"""Time limit for one append to Kafka."""

from collections.abc import Sequence

from eventlog.kafka.append_batch import Entry

_BYTES_PER_S_MIN = 4 * 1024**2
"""Kafka is too slow if it takes fewer bytes per second from one caller."""


class AppendBudget:
    """Longest wait for Kafka before records are spilled."""

    def __init__(self, timeout_ms: int) -> None:
        self.base_s = timeout_ms / 1_000
        self.too_slow = f"it did not answer within {timeout_ms} ms"

    def seconds_of(self, entries: Sequence[Entry]) -> float:
        """Return the limit in seconds; a large batch may take longer although nothing is wrong."""
        return self.base_s + sum(len(entry.value) for entry in entries) / _BYTES_PER_S_MIN
