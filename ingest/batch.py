"""Log records to columns by table. Pure: the same records and epoch give the same rows, at any time, anywhere.

Rows are never built one by one: a click is decoded, read once, and becomes a place in arrays, which is what makes
the way from the log to the warehouse quick.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pyarrow as pa

from eventlog.port import Partition, Record
from ingest.enrich import Enricher
from schemas import identity
from schemas.columns import arrays_of, arrow_schema
from schemas.events import STRUCT_OF, Event, Kind, Touch
from schemas.tables import DeadLetter, Enrichment
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
    """Rows by table of the offsets [lo, hi] of one partition of one log; a table without rows is not there."""

    partition: Partition
    log_id: str
    lo: int
    hi: int
    tables: dict[str, pa.Table] = field(default_factory=dict)
    newer_version: int | None = None
    """A record of this schema version stopped the batch before it; `hi` is the last one that was read."""


@dataclass(slots=True)
class _Found:
    """Events of one table and their offsets."""

    events: list[Any] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)

    def add(self, event: object, offset: int) -> None:
        self.events.append(event)
        self.offsets.append(offset)


def build_batch(partition: Partition, log_id: str, lo: int, records: Sequence[Record], enricher: Enricher) -> Batch:
    """Decode and enrich. What cannot be decoded becomes a dead letter; an unknown version ends the batch."""
    batch = Batch(partition, log_id, lo, lo - 1)
    by_kind: dict[Kind, _Found] = {kind: _Found() for kind in STRUCT_OF}
    dead = _Found()
    for offset, value, _ in records:
        try:
            kind, event = decode(value)
        except UnknownSchemaVersion as newer:
            batch.newer_version = newer.version
            break
        except UndecodableRecord as error:
            dead.add(DeadLetter(str(error), value), offset)
        else:
            by_kind[kind].add(event, offset)
        batch.hi = offset
    touches = []
    for kind, found in by_kind.items():
        if found.events:
            touches += _add(batch, kind, found, dead, enricher)
    if touches:
        batch.tables["touches"] = pa.concat_tables(touches)
    if dead.events:
        arrays = arrays_of("dead_letters", DeadLetter, dead.events)
        batch.tables["dead_letters"] = _table("dead_letters", arrays, batch, dead.offsets)
    return batch


def _add(batch: Batch, kind: Kind, found: _Found, dead: _Found, enricher: Enricher) -> list[pa.Table]:
    """Add the table of one kind; the rows of `touches` that it makes. A value that no column holds is a dead letter."""
    try:
        rows, touches = _rows(batch, kind, found, enricher)
    except ValueError:
        fitting = _Found()
        for event, offset in zip(found.events, found.offsets, strict=True):
            try:
                _rows(batch, kind, _Found([event], [offset]), enricher)
            except ValueError as error:
                dead.add(DeadLetter(str(error), encode(kind, event)), offset)
            else:
                fitting.add(event, offset)
        return _add(batch, kind, fitting, dead, enricher) if fitting.events else []
    batch.tables[TABLE_OF[kind]] = rows
    return touches


def _rows(batch: Batch, kind: Kind, found: _Found, enricher: Enricher) -> tuple[pa.Table, list[pa.Table]]:
    table = TABLE_OF[kind]
    arrays = arrays_of(table, STRUCT_OF[kind], found.events)
    if STRUCT_OF[kind] is not Touch:
        return _table(table, arrays, batch, found.offsets), []
    visitors = [identity.visitor_hash(touch.visitor_id) for touch in found.events]
    added: list[Event | msgspec.Struct] = list(map(enricher.enrich, found.events, visitors))
    rows = _table(table, arrays + arrays_of(table, Enrichment, added), batch, found.offsets)
    return rows, [_touches(kind, found.events, visitors, rows)]


def _table(table: str, arrays: list[pa.Array], batch: Batch, offsets: list[int]) -> pa.Table:
    """The arrays and where their rows come from."""
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
    """Each touch once under every identity that it has."""
    keys: list[int] = []
    places: list[int] = []
    joins: list[int] = []
    users: list[int] = []
    for place, (touch, visitor) in enumerate(zip(events, visitors, strict=True)):
        parts = identity.parts_of_touch(kind, touch, visitor)
        _, _, join, user = parts
        for key in parts:
            if key:
                keys.append(key)
                places.append(place)
                joins.append(join)
                users.append(user)
    named = rows.rename_columns(["touch_id", *rows.column_names[1:]])
    taken = named.select(list(_TAKEN)).take(pa.array(places, pa.int64()))
    columns = {
        "identity": pa.array(keys, pa.uint64()),
        "kind": pa.repeat(pa.scalar(int(kind), pa.uint8()), len(keys)),
        "visitor": pa.array(joins, pa.uint64()),
        "user": pa.array(users, pa.uint64()),
        **{name: taken[name] for name in _TAKEN},
    }
    schema = arrow_schema("touches")
    return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)
