"""Log and ingest for tests: events get offsets, and are stored when the test calls `store`."""

import secrets
from collections.abc import Sequence

from eventlog.port import Partition, Position, Record
from schemas import identity
from schemas.columns import to_arrow
from schemas.events import CONVERSIONS, HITS, Adjustment, Conversion, Kind
from schemas.tables import Enrichment, Source, TouchKey
from tests.attribution.random_cases import identities_of
from tests.reference.attribution import Seen
from warehouse.port import Warehouse

Stored = Seen | Conversion | Adjustment


class FakeIngest:
    """Consumer of ingest's group, as attribution sees it; `append` stands for the edge and `store` for ingest."""

    deduplicated = True

    def __init__(self, warehouse: Warehouse, partitions: int = 1) -> None:
        self._warehouse = warehouse
        self.records: dict[Partition, list[Stored]] = {
            Partition(topic, number): [] for topic in (HITS, CONVERSIONS) for number in range(partitions)
        }
        self.positions: dict[Partition, int] = dict.fromkeys(self.records, 0)
        self.ids = {partition: secrets.token_hex(16) for partition in self.records}

    def append(self, event: Stored, number: int = 0) -> None:
        self.records[Partition(HITS if isinstance(event, Seen) else CONVERSIONS, number)].append(event)

    def store(self, topics: Sequence[str] = (HITS, CONVERSIONS)) -> None:
        """Store the appended events and commit."""
        for partition, records in self.records.items():
            if partition.topic in topics:
                self._store(partition, list(enumerate(records))[self.positions[partition] :])
                self.positions[partition] = len(records)

    def _store(self, partition: Partition, records: list[tuple[int, Stored]]) -> None:
        tables: dict[str, list[tuple[object, ...]]] = {}
        for offset, event in records:
            source = Source(self.ids[partition], partition.topic, partition.partition, offset, offset)
            for table, row in rows_of(event, source):
                tables.setdefault(table, []).append(row)
        for table, rows in tables.items():
            self._warehouse.insert(table, to_arrow(table, rows), secrets.token_hex(8))  # type: ignore[arg-type]

    # ------------------------------------------------------------------------------------------------ the port

    async def partitions(self) -> Sequence[Partition]:
        return sorted(self.records)

    async def log_id(self, partition: Partition) -> str:
        return self.ids[partition]

    async def begin(self, partition: Partition) -> int:
        return 0

    async def end(self, partition: Partition) -> int:
        return len(self.records[partition])

    async def committed(self, partition: Partition) -> Position | None:
        return Position(self.positions[partition]) if self.positions[partition] else None

    async def read(self, partition: Partition, offset: int, rows_max: int, bytes_max: int) -> Sequence[Record]:
        raise NotImplementedError("attribution reads the warehouse")

    async def commit(self, partition: Partition, position: Position) -> None:
        raise NotImplementedError("attribution never commits for ingest")

    async def trim(self) -> int:
        return 0

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


def rows_of(event: Stored, source: Source) -> list[tuple[str, tuple[object, ...]]]:
    """Return the rows that ingest derives from one event."""
    if isinstance(event, Conversion):
        return [("conversions", (event, source))]
    if isinstance(event, Adjustment):
        return [("adjustments", (event, source))]
    touch = event.touch
    visitor, user = identity.of_visitor(touch.visitor_id), identity.of_user(touch.user_id)
    keys = [
        TouchKey(key, touch.ts, int(event.kind), touch.touch_id, touch.offer_id, touch.partner_id, int(event.is_bot),
                 visitor, user)
        for key in identities_of(event)
    ]  # fmt: skip
    enrichment = Enrichment(
        is_bot=int(event.is_bot), bot_reasons=int(event.is_bot), visitor_hash=identity.visitor_hash(touch.visitor_id)
    )
    table = "clicks" if event.kind is Kind.CLICK else "impressions"
    return [(table, (touch, enrichment, source)), *(("touches", (key, source)) for key in keys)]
