"""Log records to rows by table. Pure: the same records and epoch give the same rows, at any time, anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from eventlog.port import Partition, Record
from ingest.enrich import Enricher
from schemas import identity
from schemas.events import Event, Kind, Touch
from schemas.tables import DeadLetter, Source, TouchKey
from schemas.wire import UndecodableRecord, UnknownSchemaVersion, decode

Row = tuple[msgspec.Struct, ...]

TABLE_OF: dict[Kind, str] = {
    Kind.CLICK: "clicks",
    Kind.IMPRESSION: "impressions",
    Kind.CONVERSION: "conversions",
    Kind.ADJUSTMENT: "adjustments",
    Kind.REJECTED: "rejected",
}


@dataclass(slots=True)
class Batch:
    """Rows by table of the offsets [lo, hi] of one partition of one log."""

    partition: Partition
    log_id: str
    lo: int
    hi: int
    rows: dict[str, list[Row]] = field(default_factory=dict)
    newer_version: int | None = None
    """A record of this schema version stopped the batch before it; `hi` is the last one that was read."""


def build_batch(partition: Partition, log_id: str, lo: int, records: Sequence[Record], enricher: Enricher) -> Batch:
    """Decode and enrich. What cannot be decoded becomes a dead letter; an unknown version ends the batch."""
    batch = Batch(partition, log_id, lo, lo - 1)
    for record in records:
        source = Source(log_id, partition.topic, partition.partition, record.offset, lo)
        try:
            kind, event = decode(record.value)
        except UnknownSchemaVersion as newer:
            batch.newer_version = newer.version
            break
        except UndecodableRecord as error:
            batch.rows.setdefault("dead_letters", []).append((DeadLetter(str(error), record.value), source))
        else:
            _add(batch.rows, kind, event, source, enricher)
        batch.hi = record.offset
    return batch


def _add(rows: dict[str, list[Row]], kind: Kind, event: Event, source: Source, enricher: Enricher) -> None:
    if type(event) is not Touch:
        rows.setdefault(TABLE_OF[kind], []).append((event, source))
        return
    visitor = identity.visitor_hash(event.visitor_id)
    enrichment = enricher.enrich(event, visitor)
    rows.setdefault(TABLE_OF[kind], []).append((event, enrichment, source))
    joins = identity.of_visitor(event.visitor_id)
    user = identity.of_user(event.user_id)
    told = (int(kind), event.touch_id, event.offer_id, event.partner_id, enrichment.is_bot, joins, user)
    keys = identity.of_touch(kind, event)
    rows.setdefault("touches", []).extend([(TouchKey(key, event.ts, *told), source) for key in keys])
