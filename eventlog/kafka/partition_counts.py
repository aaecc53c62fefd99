"""Partition counts of Kafka's topics as an edge last saw them, in a file next to its local log."""

import os
import secrets
from pathlib import Path

import msgspec

from schemas.events import CONVERSIONS


class PartitionsChanged(Exception):
    """The topic of conversions has another number of partitions than before, so keys have moved between them."""


class PartitionCounts:
    """Partition counts of the topics, in a file for a start without Kafka."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counts = msgspec.json.decode(path.read_bytes(), type=dict[str, int]) if path.exists() else {}

    def of(self, topic: str) -> int:
        """Return the number of partitions; 0 if it is not known."""
        return self._counts.get(topic, 0)

    def keep(self, counts: dict[str, int]) -> None:
        """Raises PartitionsChanged, OSError."""
        before, now = self.of(CONVERSIONS), counts[CONVERSIONS]
        if before and now != before:
            raise PartitionsChanged(
                f"the topic of conversions has {now} partitions and had {before}, which can never change; "
                "recreate it with as many as it had"
            )
        if counts != self._counts:
            self._counts = counts
            fresh = self._path.with_suffix(f".{secrets.token_hex(4)}")
            with fresh.open("wb") as file:
                file.write(msgspec.json.encode(counts))
                file.flush()
                os.fsync(file.fileno())
            fresh.rename(self._path)
