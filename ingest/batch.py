"""Turn log records into columns by table. Pure: the same records and epoch always give the same rows.

Rows are never built one by one. Each event is decoded once and becomes a position in arrays, which makes ingest fast.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from eventlog.port import Partition, Record
from ingest.enrich import Enricher
from schemas import identity
from schemas.columns import arrays_of, arrow_schema
from schemas.events import STRUCT_OF, Kind, Touch
from schemas.tables import Claim, DeadLetter, Origin, Skip
from schemas.wire import UndecodableRecord, UnknownSchemaVersion, decode, encode

TABLE_OF: dict[Kind, str] = {
    Kind.CLICK: "clicks",
    Kind.IMPRESSION: "impressions",
    Kind.CONVERSION: "conversions",
    Kind.ADJUSTMENT: "adjustments",
    Kind.REJECTED: "rejected",
}


@dataclass(slots=True)
class Batch:
    """Rows by table of the offsets [lo, hi] of one partition of one log. A table without rows is left out."""

    partition: Partition
    log_id: str
    lo: int
    hi: int
    tables: dict[str, pa.Table] = field(default_factory=dict)
    newer_version: int | None = None
    """Schema version of the record that ended the batch; `hi` is the record before it."""


@dataclass(slots=True)
class RowsAt:
    """Values of one table or kind, and the offsets of their records."""

    events: list[Any] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)

    def add(self, event: object, offset: int) -> None:
        self.events.append(event)
        self.offsets.append(offset)


@dataclass(slots=True)
class Decoded:
    """Records of a batch by kind."""

    hi: int
    """Last offset that was read."""

    by_kind: dict[Kind, RowsAt] = field(default_factory=lambda: {kind: RowsAt() for kind in STRUCT_OF})
    dead: RowsAt = field(default_factory=RowsAt)
    newer_version: int | None = None


@dataclass(slots=True)
class DedupResult:
    """Rows that deduplication on read adds to a batch (ingest/dedup.py)."""

    claims: RowsAt = field(default_factory=RowsAt)
    skipped: RowsAt = field(default_factory=RowsAt)
    origins: RowsAt = field(default_factory=RowsAt)


Deduplicate = Callable[[Decoded, Sequence[Record]], DedupResult]
"""Removes from the decoded records those that become no row, and returns the reasons."""


def build_batch(
    partition: Partition,
    log_id: str,
    lo: int,
    records: Sequence[Record],
    enricher: Enricher,
    deduplicate: Deduplicate | None = None,
) -> Batch:
    """Decode and enrich. A record that cannot be decoded becomes a dead letter; an unknown version ends the batch.

    `deduplicate` is given for a log whose producers do not deduplicate.
    """
    decoded = _decode(records, lo)
    result = None if deduplicate is None else deduplicate(decoded, records)
    batch = Batch(partition, log_id, lo, decoded.hi, newer_version=decoded.newer_version)
    touches = []
    for kind, found in decoded.by_kind.items():
        if found.events:
            touches += _add(batch, kind, found, decoded.dead, enricher)
    if touches:
        batch.tables["touches"] = pa.concat_tables(touches)
    add_rows(batch, "dead_letters", DeadLetter, decoded.dead)
    if result is not None:
        add_rows(batch, "claims", Claim, result.claims)
        add_rows(batch, "skipped", Skip, result.skipped)
        add_rows(batch, "origins", Origin, result.origins)
    return batch


def _decode(records: Sequence[Record], lo: int) -> Decoded:
    decoded, hi = Decoded(lo - 1), lo - 1
    by_kind, dead = decoded.by_kind, decoded.dead
    for offset, value, _ in records:
        try:
            kind, event = decode(value)
        except UnknownSchemaVersion as newer:
            decoded.newer_version = newer.version
            break
        except UndecodableRecord as error:
            dead.add(DeadLetter(str(error), value), offset)
        else:
            found = by_kind[kind]
            found.events.append(event)
            found.offsets.append(offset)
        hi = offset
    decoded.hi = hi
    return decoded


def add_rows(batch: Batch, table: str, struct: type[msgspec.Struct], found: RowsAt) -> None:
    """Add the rows of a table whose only columns are those of the Struct and the source."""
    if found.events:
        batch.tables[table] = _table(table, arrays_of(table, struct, found.events), batch, found.offsets)


def _add(batch: Batch, kind: Kind, found: RowsAt, dead: RowsAt, enricher: Enricher) -> list[pa.Table]:
    """Add the table of one kind and return its rows of `touches`. A value that fits no column is a dead letter."""
    try:
        rows, touches = _rows(batch, kind, found, enricher)
    except ValueError:
        fitting = RowsAt()
        for event, offset in zip(found.events, found.offsets, strict=True):
            try:
                _rows(batch, kind, RowsAt([event], [offset]), enricher)
            except ValueError as error:
                dead.add(DeadLetter(str(error), encode(kind, event)), offset)
            else:
                fitting.add(event, offset)
        return _add(batch, kind, fitting, dead, enricher) if fitting.events else []
    batch.tables[TABLE_OF[kind]] = rows
    return touches


def _rows(batch: Batch, kind: Kind, found: RowsAt, enricher: Enricher) -> tuple[pa.Table, list[pa.Table]]:
    table = TABLE_OF[kind]
    arrays = arrays_of(table, STRUCT_OF[kind], found.events)
    if STRUCT_OF[kind] is not Touch:
        return _table(table, arrays, batch, found.offsets), []
    visitors = identity.visitor_hashes([touch.visitor_id for touch in found.events])
    fields = dict(zip(Touch.__struct_fields__, arrays, strict=True))
    rows = _table(table, arrays + enricher.columns(fields, visitors), batch, found.offsets)
    return rows, [_touches(kind, found.events, visitors, rows)]


def _table(table: str, arrays: list[pa.Array], batch: Batch, offsets: list[int]) -> pa.Table:
    """Build a table of the arrays and the source of each row."""
    topic, number = batch.partition
    rows = len(offsets)
    source = [
        pa.repeat(pa.scalar(batch.log_id), rows),
        pa.repeat(pa.scalar(topic), rows),
        pa.repeat(pa.scalar(number, pa.uint32()), rows),
        pa.array(offsets, pa.uint64()),
        pa.repeat(pa.scalar(batch.lo, pa.uint64()), rows),
    ]
    return pa.Table.from_arrays(arrays + source, schema=arrow_schema(table))


_TAKEN = ("ts", "touch_id", "offer_id", "partner_id", "is_bot", "_log", "_source", "_partition", "_offset", "_batch")


def _touches(kind: Kind, events: list[Touch], visitors: list[int], rows: pa.Table) -> pa.Table:
    """Build the rows of `touches`: each touch once for every identity that it has."""
    parts = [np.array(part, np.uint64) for part in identity.parts_of_touches(kind, events, visitors)]
    keys, joins, users = np.stack(parts, axis=1), parts[2], parts[3]
    present = np.nonzero(keys)
    places = present[0]
    named = rows.rename_columns(["touch_id", *rows.column_names[1:]])
    taken = named.select(list(_TAKEN)).take(pa.array(places))
    columns = {
        "identity": pa.array(keys[present]),
        "kind": pa.repeat(pa.scalar(int(kind), pa.uint8()), len(places)),
        "visitor": pa.array(joins[places]),
        "user": pa.array(users[places]),
        **{name: taken[name] for name in _TAKEN},
    }
    schema = arrow_schema("touches")
    return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)
