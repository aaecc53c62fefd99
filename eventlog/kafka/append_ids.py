"""Append ids of one process."""

import itertools

from eventlog.port import AppendId, Partition


class AppendIds:
    """Issues append ids: sequences count up by one per partition. `next` may be called from any thread."""

    def __init__(self, origin: bytes) -> None:
        self.origin = origin
        self._counts: dict[Partition, itertools.count[int]] = {}

    def next(self, partition: Partition, *, spilled: bool = False) -> AppendId:
        """Return the next append id of a partition."""
        return AppendId(self.origin, next(self._counts.setdefault(partition, itertools.count())), spilled)
