"""Log records to columns by table. Pure: the same records and epoch give the same rows, at any time, anywhere.

Rows are never built one by one: a click is decoded, read once, and becomes a place in arrays, which is what makes
the way from the log to the warehouse quick.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
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
    """Rows by table of the offsets [lo, hi] of one partition of one log; a table without rows is not there."""

    partition: Partition
    log_id: str
    lo: int
    hi: int
    tables: dict[str, pa.Table] = field(default_factory=dict)
    newer_version: int | None = None
    """A record of this schema version stopped the batch before it; `hi` is the last one that was read."""


@dataclass(slots=True)
class Found:
    """Values of one table, or of one kind, and the offsets that they came from."""

    events: list[Any] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)

    def add(self, event: object, offset: int) -> None:
        self.events.append(event)
        self.offsets.append(offset)


@dataclass(slots=True)
class Decoded:
    """Records of a batch by what they are."""

    hi: int
    """The last offset that was read."""

    by_kind: dict[Kind, Found] = field(default_factory=lambda: {kind: Found() for kind in STRUCT_OF})
    dead: Found = field(default_factory=Found)
    newer_version: int | None = None


@dataclass(slots=True)
class Sifted:
    """What reading made of the records of a log that nobody ruled over before (ingest/dedup.py)."""

    claims: Found = field(default_factory=Found)
    skipped: Found = field(default_factory=Found)
    origins: Found = field(default_factory=Found)


Sift = Callable[[Decoded, Sequence[Record]], Sifted]
"""Takes out of the decoded records what becomes no row, and says why."""


def build_batch(
    partition: Partition, log_id: str, lo: int, records: Sequence[Record], enricher: Enricher, sift: Sift | None = None
) -> Batch:
    """Decode and enrich. What cannot be decoded becomes a dead letter; an unknown version ends the batch.

    `sift` rules over the records of a log whose producers did not.
    """
    decoded = _decode(records, lo)
    sifted = None if sift is None else sift(decoded, records)
    batch = Batch(partition, log_id, lo, decoded.hi, newer_version=decoded.newer_version)
    touches = []
    for kind, found in decoded.by_kind.items():
        if found.events:
            touches += _add(batch, kind, found, decoded.dead, enricher)
    if touches:
        batch.tables["touches"] = pa.concat_tables(touches)
    add_rows(batch, "dead_letters", DeadLetter, decoded.dead)
    if sifted is not None:
        add_rows(batch, "claims", Claim, sifted.claims)
        add_rows(batch, "skipped", Skip, sifted.skipped)
        add_rows(batch, "origins", Origin, sifted.origins)
    return batch


def _decode(records: Sequence[Record], lo: int) -> Decoded:
    decoded = Decoded(lo - 1)
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
            by_kind[kind].add(event, offset)
        decoded.hi = offset
    return decoded


def add_rows(batch: Batch, table: str, struct: type[msgspec.Struct], found: Found) -> None:
    """Add the rows of a table that has no other columns than the Struct's and their source."""
    if found.events:
        batch.tables[table] = _table(table, arrays_of(table, struct, found.events), batch, found.offsets)


def _add(batch: Batch, kind: Kind, found: Found, dead: Found, enricher: Enricher) -> list[pa.Table]:
    """Add the table of one kind; the rows of `touches` that it makes. A value that no column holds is a dead letter."""
    try:
        rows, touches = _rows(batch, kind, found, enricher)
    except ValueError:
        fitting = Found()
        for event, offset in zip(found.events, found.offsets, strict=True):
            try:
                _rows(batch, kind, Found([event], [offset]), enricher)
            except ValueError as error:
                dead.add(DeadLetter(str(error), encode(kind, event)), offset)
            else:
                fitting.add(event, offset)
        return _add(batch, kind, fitting, dead, enricher) if fitting.events else []
    batch.tables[TABLE_OF[kind]] = rows
    return touches


def _rows(batch: Batch, kind: Kind, found: Found, enricher: Enricher) -> tuple[pa.Table, list[pa.Table]]:
    table = TABLE_OF[kind]
    arrays = arrays_of(table, STRUCT_OF[kind], found.events)
    if STRUCT_OF[kind] is not Touch:
        return _table(table, arrays, batch, found.offsets), []
    visitors = [identity.visitor_hash(touch.visitor_id) for touch in found.events]
    rows = _table(table, arrays + enricher.columns(found.events, visitors), batch, found.offsets)
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
        own, ref, join, user = parts
        if ref or user:
            present: tuple[int, ...] = tuple(key for key in parts if key)
        else:  # nearly all: a click of a link, by a visitor or by nobody
            present = (own, join) if join else (own,)
        count = len(present)
        keys += present
        places += (place,) * count
        joins += (join,) * count
        users += (user,) * count
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
