"""Counters of a spill: records and bytes by partition, as committed and as about to be."""

from collections.abc import Mapping

from eventlog.kafka.spill_file import Backlog
from eventlog.port import Partition
from runtime import metrics


class SpillBacklog:
    """Counts what a spill holds and exports it as metrics of its slot."""

    def __init__(self, slot: str) -> None:
        self._slot = slot
        self._committed: dict[Partition, Backlog] = {}
        self._pending: dict[Partition, int] = {}

    @property
    def records(self) -> int:
        """Committed records."""
        return sum(backlog.records for backlog in self._committed.values())

    @property
    def size_bytes(self) -> int:
        """Bytes of the committed records."""
        return sum(backlog.size for backlog in self._committed.values())

    def partitions(self) -> list[Partition]:
        """Return the partitions that have committed records, sorted."""
        return sorted(partition for partition, backlog in self._committed.items() if backlog.records)

    def of(self, partition: Partition) -> int:
        """Return the number of a partition's records, including those about to be committed."""
        committed = self._committed.get(partition)
        return self._pending.get(partition, 0) + (committed.records if committed else 0)

    def expect(self, partition: Partition, rows: int) -> None:
        """Count rows that wait for their commit; a negative number when it is done."""
        self._pending[partition] = self._pending.get(partition, 0) + rows

    def add(self, changes: Mapping[Partition, Backlog], sign: int = 1) -> None:
        """Add committed records, or remove them with `sign` -1."""
        for partition, change in changes.items():
            backlog = self._committed.setdefault(partition, Backlog())
            backlog.records += sign * change.records
            backlog.size += sign * change.size
        self._export()

    def reset(self, recount: Mapping[Partition, Backlog] | None) -> None:
        """Take over a recount of the reopened file: a commit that failed may have been stored."""
        if recount is not None:
            self._committed = dict(recount)
            self._export()

    def _export(self) -> None:
        metrics.gauge("clew_spill_records", self.records, slot=self._slot)
        metrics.gauge("clew_spill_bytes", self.size_bytes, slot=self._slot)
