"""State of deduplication before a batch, from memory or from the warehouse."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from eventlog.port import Partition, Record
from ingest.batch import Decoded, DedupResult
from ingest.dedup import deduplicate
from ingest.dedup_store import Claims
from ingest.writer import BatchWriter
from schemas.dedup.sequences import Repeats


@dataclass(frozen=True, slots=True)
class _Seen:
    """The appends of one partition before an offset. They depend on the log alone."""

    log_id: str
    offset: int
    repeats: Repeats


class DedupState:
    """Deduplicates the batches of one ingest. Not thread-safe."""

    def __init__(self, claims: Claims, store: BatchWriter) -> None:
        self._claims, self._store = claims, store
        self._seen: dict[Partition, _Seen] = {}

    def forget(self, partition: Partition) -> None:
        """Drop the state of a partition that another process owns now."""
        self._seen.pop(partition, None)

    def deduplicate(
        self, partition: Partition, log_id: str, lo: int, decoded: Decoded, records: Sequence[Record]
    ) -> DedupResult:
        """Deduplicate the batch that begins at `lo`. Raises Stopped."""
        seen = self._seen.pop(partition, None)
        if seen is None or (seen.log_id, seen.offset) != (log_id, lo):
            repeats = self._store.retry(lambda: Repeats(self._claims.origins(partition, log_id, lo)), "origins")
        else:
            repeats = seen.repeats

        def states_before(keys: Collection[bytes]) -> dict[bytes, bytes]:
            return self._store.retry(lambda: self._claims.states_of(partition, log_id, lo, keys), "claims")

        result = deduplicate(decoded, records, repeats, states_before)
        self._seen[partition] = _Seen(log_id, decoded.hi + 1, repeats)
        return result
