"""Repeats and verdicts for ingest: what `sift` needs of the time before a batch, out of memory or the warehouse."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from eventlog.port import Partition, Record
from ingest.batch import Decoded, Sifted
from ingest.dedup import sift
from ingest.dedup_store import Claims
from ingest.writer import Store
from schemas.dedup.sequences import Repeats


@dataclass(frozen=True, slots=True)
class _Seen:
    """The appends of one partition before an offset: whoever wrote them, they follow from the log alone."""

    log_id: str
    offset: int
    repeats: Repeats


class Sieve:
    """Of one ingest. Methods may be called from one thread at a time."""

    def __init__(self, claims: Claims, store: Store) -> None:
        self._claims, self._store = claims, store
        self._seen: dict[Partition, _Seen] = {}

    def forget(self, partition: Partition) -> None:
        """Drop what is remembered of a partition that is another's now."""
        self._seen.pop(partition, None)

    def sift(self, partition: Partition, log_id: str, lo: int, decoded: Decoded, records: Sequence[Record]) -> Sifted:
        """`ingest.sift.sift` of the batch that begins at `lo`. Raises Stopped."""
        seen = self._seen.pop(partition, None)
        if seen is None or (seen.log_id, seen.offset) != (log_id, lo):
            repeats = self._store.retry(lambda: Repeats(self._claims.origins(partition, log_id, lo)), "origins")
        else:
            repeats = seen.repeats

        def states_before(keys: Collection[bytes]) -> dict[bytes, bytes]:
            return self._store.retry(lambda: self._claims.states_of(partition, log_id, lo, keys), "claims")

        sifted = sift(decoded, records, repeats, states_before)
        self._seen[partition] = _Seen(log_id, decoded.hi + 1, repeats)
        return sifted
