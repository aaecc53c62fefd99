"""The log: bytes in order, per topic and partition. Two ends: Producer (edges) and Consumer (ingest, attribution).

Invariants that every adapter keeps and tests/contracts/eventlog.py checks: an answered append is durable;
offsets of a partition are 0, 1, 2, … without gaps; a log has an identity, and positions are kept by identity.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from schemas.dedup.rules import Decision, GetState

DedupRule = Callable[[GetState, bytes], Decision]


class Partition(NamedTuple):
    """One sequence of records."""

    topic: str
    partition: int


class AppendId(NamedTuple):
    """Identifies one append. Every retry carries the same id, so readers can drop duplicates."""

    origin: bytes
    """16 bytes, random per producer process."""

    sequence: int
    """Counts up by one per origin and partition, from 0."""

    spilled: bool = False
    """The sender was answered before the record reached the log."""


class Record(NamedTuple):
    offset: int
    value: bytes
    append_id: AppendId | None = None


class Appended(NamedTuple):
    partition: Partition
    offset: int
    """-1 when the record waits in a local log: durable, but without an offset yet."""


class AppendResult(NamedTuple):
    """A decision, and where its record stands if it has one."""

    decision: Decision
    appended: Appended | None
    final: bool = True
    """False when the record waits in a local log: the verdict may still become duplicate, conflict or rejected."""


@dataclass(frozen=True, slots=True)
class Position:
    """Committed position of a group in a partition: everything before `offset`; `intent` is "" outside a batch."""

    offset: int
    intent: str = ""


class LogUnavailable(Exception):
    """The append could not be made durable; whether it was stored is unknown. Retry after `retry_after_s`."""

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class LogFull(LogUnavailable):
    """The log has reached its bound in bytes, or its disk is full."""


class Fenced(Exception):
    """Another consumer owns the partition now; discard pending work and stop."""


class Producer(Protocol):
    """Write side of the log, used by edges. Call its methods from one event loop only."""

    async def append(self, topic: str, key: bytes, values: Sequence[bytes]) -> Sequence[Appended]:
        """Append records without dedup keys; return when all are durable. Raises LogUnavailable."""
        ...

    async def decide(
        self, topic: str, values: Sequence[bytes], *, keys: Sequence[bytes], dry_run: bool = False
    ) -> Sequence[AppendResult]:
        """Decide each record in order and append what the decisions say, claims and records in one transaction.

        `keys` are the partition keys of the records. With `dry_run` nothing is written. Raises LogUnavailable.
        """
        ...

    async def unhealthy_reason(self) -> str | None:
        """Return None if it can append, otherwise one sentence that says why not."""
        ...

    def degraded_reason(self) -> str | None:
        """Return None, or one sentence about degraded operation ("Kafka is unavailable; 17 records wait ...")."""
        ...

    async def close(self) -> None:
        """Flush pending records, then release resources. Idempotent."""
        ...


class StoredClaims(Protocol):
    """Deduplication state that the warehouse keeps of a partition; an index of keys can start from it."""

    def position(self, partition: Partition, log_id: str) -> int:
        """Return the offset up to which, exclusive, this log is stored; 0 if nothing is."""
        ...

    def states(self, partition: Partition, log_id: str, offset: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, state) as of an offset."""
        ...

    def origins(self, partition: Partition, log_id: str, offset: int) -> Iterator[tuple[bytes, int, int]]:
        """Yield (origin, first, last): ranges of sequences seen before an offset."""
        ...


class Consumer(Protocol):
    """Read side of the log, used by ingest and attribution: one group and the partitions that it owns."""

    deduplicated: bool
    """True if producers deduplicated the records (embedded); otherwise consumers do, in log order."""

    async def partitions(self) -> Sequence[Partition]:
        """List the existing partitions that this consumer owns, sorted."""
        ...

    async def log_id(self, partition: Partition) -> str:
        """Identity of the log behind the partition (32 hex digits); a new one means a recreated log."""
        ...

    async def begin(self, partition: Partition) -> int:
        """Return the first offset that is still retained."""
        ...

    async def end(self, partition: Partition) -> int:
        """Return the offset of the next record."""
        ...

    async def read(self, partition: Partition, offset: int, rows_max: int, bytes_max: int) -> Sequence[Record]:
        """Read records from `offset`; at least one if any exists, whatever its size."""
        ...

    def growth_mark(self) -> object | None:
        """Return a value that another one equals only if nothing was appended in between; None if that costs a read."""
        ...

    async def committed(self, partition: Partition) -> Position | None:
        """Return the committed position of this group for this log identity; None without one."""
        ...

    async def commit(self, partition: Partition, position: Position) -> None:
        """Make the position durable. Raises Fenced when the partition is no longer this consumer's."""
        ...

    async def trim(self) -> int:
        """Drop records that every group has committed and that are past retention; returns how many."""
        ...

    async def close(self) -> None: ...
