"""`clew repair`, ingest: compare the tables with the log, as far back as it is kept, and repair differences.

Each record is read again and decided as before, from the states as of its offset. Missing rows are inserted and copies
deleted. Only copies and rows without a record are ever deleted, and every insert checks for its rows first,
so a repair may be interrupted anywhere. It stays before the committed positions, so ingest may run concurrently.
"""

import asyncio
import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from eventlog.port import Consumer, Record
from ingest.batch import Batch, Decoded, DedupResult, RowsAt, add_rows, build_batch
from ingest.dedup import append_id_of
from ingest.dedup_state import DedupState
from ingest.dedup_store import Claims
from ingest.enrich import Enricher
from ingest.loop import read_span
from ingest.resume import EVENT_TABLES
from ingest.writer import BatchWriter, row_keys
from operations.findings import Repair
from operations.repair.ingest_rows import RowsOf
from runtime.clock import SystemClock
from runtime.settings import IngestSettings
from schemas.dedup.sequences import Repeats
from schemas.tables import Origin
from warehouse.port import Warehouse

BESIDE = ("touches", "claims")
"""Tables with several rows of one record."""

GROUP = "repair"
_EVERYTHING = 2**63
_RESTORE = "restore the table from a backup"


class IngestRepair:
    """One repair of what ingest wrote. `settings` bounds what is in hand at a time; `stop` ends endless retries."""

    def __init__(
        self, consumer: Consumer, warehouse: Warehouse, enricher: Enricher, settings: IngestSettings,
        stop: threading.Event,
    ) -> None:  # fmt: skip
        """The consumer is of group `ingest`: a member or an observer. Nothing is committed."""
        self._consumer, self._warehouse, self._enricher, self._settings = consumer, warehouse, enricher, settings
        self._store = BatchWriter(warehouse, GROUP, settings.retry_backoff_max_ms, stop, SystemClock())
        self._claims = Claims(warehouse)
        self._dedup_state = DedupState(self._claims, self._store)
        self._mended: Counter[str] = Counter()
        self._left: dict[str, list[str]] = defaultdict(list)

    async def run(self) -> list[Repair]:
        """Repair every partition; return the repairs by kind. Raises LogUnavailable, WarehouseError, Stopped."""
        for partition in await self._consumer.partitions():
            position = await self._consumer.committed(partition)
            if position is not None and position.offset:
                rows = RowsOf(self._warehouse, partition, await self._consumer.log_id(partition))
                await self._partition(rows, position.offset)
        done = [Repair.of(kind, self._mended[kind], self._left[kind]) for kind in {*self._mended, *self._left}]
        return sorted((one for one in done if one.mended or one.left), key=lambda one: one.name)

    async def _partition(self, rows: RowsOf, end: int) -> None:
        await asyncio.to_thread(self._drop_copies, rows, end)
        starts = await asyncio.to_thread(rows.batches, end)
        begin = whole_from(await self._consumer.begin(rows.partition), end, starts)
        covered = Repeats(await asyncio.to_thread(self._covered, rows))
        for lo, hi in spans(begin, end, starts, self._settings.batch_rows_max):
            records = await read_span(self._consumer, rows.partition, lo, hi, self._settings.batch_bytes_max)
            if not await asyncio.to_thread(self._span, rows, lo, hi, records, covered):
                break
        gone = await asyncio.to_thread(rows.missing_before, begin)
        if gone:
            why = f"{rows}: {gone} before offset {begin}, from where on the log keeps whole batches; {_RESTORE}"
            self._left["records missing"].append(why)

    def _covered(self, rows: RowsOf) -> list[tuple[bytes, int, int]]:
        return list(self._claims.origins(rows.partition, rows.log_id, _EVERYTHING))

    def _drop_copies(self, rows: RowsOf, end: int) -> None:
        """Delete all but one of equal rows, also where the log is no longer kept."""
        for table in (*EVENT_TABLES, *BESIDE, "origins"):
            deleted, differing = rows.drop_copies(table, end)
            self._mended[f"rows of {table} doubled"] += deleted
            self._left[f"rows of {table} doubled"] += [f"{rows}, {at}: its rows differ; {_RESTORE}" for at in differing]

    def _span(self, rows: RowsOf, lo: int, hi: int, records: Sequence[Record], covered: Repeats) -> bool:
        """Repair the records of one batch or a part of one; return False if the next records cannot be read."""

        def deduplicate(decoded: Decoded, read: Sequence[Record]) -> DedupResult:
            return self._dedup_state.deduplicate(rows.partition, rows.log_id, lo, decoded, read)

        deduplicated = self._consumer.deduplicated
        batch = build_batch(
            rows.partition, rows.log_id, lo, records, self._enricher, None if deduplicated else deduplicate
        )
        at_home = self._events(rows, batch)
        for table in BESIDE:
            self._beside(rows, batch, table, at_home)
        if not deduplicated:
            self._origins(batch, records, covered)
        if batch.hi < hi:
            why = "a newer Clew wrote it; upgrade this one" if batch.newer_version else f"the log lost it; {_RESTORE}"
            self._left["records missing"].append(f"{rows}, offset {batch.hi + 1}: {why}")
        return batch.hi == hi

    def _events(self, rows: RowsOf, batch: Batch) -> set[int]:
        """Each record in one table; the offsets of those that are in the one that they belong to, afterwards."""
        wanted = {
            offset: table for table in EVENT_TABLES if table in batch.tables for offset in _offsets(batch.tables[table])
        }
        found = rows.tables_of(batch.lo, batch.hi)
        missing = wanted.keys() - found.keys()
        self._insert(batch, dict.fromkeys(EVENT_TABLES, missing), "records missing", len(missing))
        for table in EVENT_TABLES:
            astray = [at for at, there in found.items() if {table, wanted.get(at)} <= there and table != wanted.get(at)]
            rows.delete(table, astray)
            self._mended["records in two tables"] += len(astray)
            for at in astray:
                found[at].discard(table)
        torn = [
            f"{rows}, offset {at}: {', '.join(sorted(in_))}; {_RESTORE}" for at, in_ in found.items() if len(in_) > 1
        ]
        self._left["records in two tables"] += torn
        return missing | {at for at, there in found.items() if there == {wanted.get(at)}}

    def _beside(self, rows: RowsOf, batch: Batch, table: str, at_home: set[int]) -> None:
        """Restore a record's other rows. Records that an older Clew decided differently stay as they are."""
        wanted = set(row_keys(table, batch.tables[table])) if table in batch.tables else set()
        stored = rows.places(table, batch.lo, batch.hi)
        missing = {place for place in wanted - stored if place[0] in at_home}
        self._insert(batch, {table: {at for at, _ in missing}}, f"rows of {table} missing", len(missing))
        orphans = {place for place in stored - wanted if place[0] in at_home}
        rows.delete_places(table, orphans)
        self._mended[f"rows of {table} of no record"] += len(orphans)

    def _origins(self, batch: Batch, records: Sequence[Record], covered: Repeats) -> None:
        """Insert ranges for appends that no range covers."""
        fresh, offsets = Repeats(), dict[tuple[bytes, int], int]()
        for record in records:
            append_id = append_id_of(record)
            if record.offset <= batch.hi and covered.add(append_id.origin, append_id.sequence):
                fresh.add(append_id.origin, append_id.sequence)
                offsets[append_id.origin, append_id.sequence] = record.offset
        found = RowsAt()
        for origin, first, last in fresh:
            found.add(Origin(origin, first, last), offsets[origin, first])
        part = Batch(batch.partition, batch.log_id, batch.lo, batch.hi)
        add_rows(part, "origins", Origin, found)
        self._store.finish(part)
        self._mended["ranges of appends missing"] += len(found.events)

    def _insert(self, batch: Batch, offsets: Mapping[str, Collection[int]], kind: str, count: int) -> None:
        """Insert the rows of these offsets by table, as far as they are not there."""
        if not count:
            return
        part = Batch(batch.partition, batch.log_id, batch.lo, batch.hi)
        for table in offsets.keys() & batch.tables.keys():
            rows = batch.tables[table]
            chosen = rows.filter(pc.is_in(rows["_offset"], pa.array(sorted(offsets[table]), pa.uint64())))
            if chosen.num_rows:
                part.tables[table] = chosen
        self._store.finish(part)
        self._mended[kind] += count


def whole_from(begin: int, end: int, starts: Sequence[int]) -> int:
    """From where on records can be decided again: a batch of which the log lost a part cannot."""
    if not any(start < begin for start in starts):
        return min(begin, end)
    return min((start for start in starts if start >= begin), default=end)


def spans(begin: int, end: int, starts: Sequence[int], rows_max: int) -> list[tuple[int, int]]:
    """[begin, end) along the batches that began at `starts`, each span at most `rows_max` long; ends inclusive."""
    edges = sorted({begin, *(start for start in starts if begin < start < end), end})
    return [(at, min(at + rows_max, until) - 1) for lo, until in pairwise(edges) for at in range(lo, until, rows_max)]


def _offsets(rows: pa.Table) -> list[int]:
    found: list[int] = rows["_offset"].to_pylist()
    return found
