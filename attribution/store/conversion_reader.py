"""Read conversions and their adjustments."""

from collections.abc import Collection

from attribution.store.as_of import NOW, AsOf, Parameters
from attribution.store.id_sets import Spans, digest_sets, in_spans
from attribution.store.shards import ALL, Shards
from attribution.store.tuples import tuples_of
from schemas.ddl import DATABASE
from schemas.events import Adjustment, Conversion
from warehouse.port import Warehouse

_CONVERSION = (
    "conversion_id", "offer_id", "goal", "txn_id", "coupon", "coupon_partner_id", "coupon_reason",
    "match_kind", "click_id", "impression_id", "click_ref",
    "impression_ref", "user_id", "visitor_id", "amount_minor", "currency", "status",
)  # fmt: skip
_ADJUSTMENT = ("adjustment_id", "conversion_id", "kind", "status", "amount_e4", "currency", "status_revision")


class ConversionReader:
    """Conversions and adjustments of one warehouse, by log range or by id."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def select(self, where: str, parameters: Parameters) -> list[Conversion]:
        """Return the conversions for a SQL condition, which may end in ORDER BY and LIMIT."""
        table = self._warehouse.query(
            f"SELECT {', '.join(_CONVERSION)}, toUnixTimestamp64Micro(event_ts) AS at "
            f"FROM {DATABASE}.conversions WHERE {where}",
            parameters,
        )
        return [
            Conversion(ts=at, event_ts=at, **dict(zip(_CONVERSION, row, strict=True))) for *row, at in tuples_of(table)
        ]

    def conversions_in(self, spans: Spans, shards: Shards = ALL) -> list[Conversion]:
        """Return conversions of these shards whose records lie in the spans, each id once, by offset."""
        if not spans:
            return []
        where, parameters = in_spans(spans)
        where += f" AND {shards.sql('conversion_id')}"
        return self.select(f"{where} ORDER BY _log, _partition, _offset LIMIT 1 BY conversion_id", parameters)

    def conversions_of(self, ids: Collection[bytes]) -> list[Conversion]:
        """Return conversions by id."""
        return [
            event
            for chunk, parameters in digest_sets(ids)
            for event in self.select(f"conversion_id IN ({chunk}) LIMIT 1 BY conversion_id", parameters)
        ]

    def adjusted_in(self, spans: Spans, shards: Shards = ALL) -> set[bytes]:
        """Return ids of conversions of these shards whose adjustments lie in the spans."""
        if not spans:
            return set()
        where, parameters = in_spans(spans)
        where += f" AND {shards.sql('conversion_id')}"
        sql = f"SELECT DISTINCT conversion_id FROM {DATABASE}.adjustments WHERE {where}"
        return set(self._warehouse.query(sql, parameters).column(0).to_pylist())

    def adjustments_of(self, ids: Collection[bytes], as_of: AsOf = NOW) -> dict[bytes, tuple[Adjustment, ...]]:
        """Return the adjustments of conversions, each once, by conversion."""
        by_conversion: dict[bytes, dict[bytes, Adjustment]] = {}
        for chunk, parameters in digest_sets(ids):
            table = self._warehouse.query(
                f"SELECT {', '.join(_ADJUSTMENT)} FROM {DATABASE}.adjustments "
                f"WHERE conversion_id IN ({chunk}) AND {as_of.received}",
                {**parameters, **as_of.parameters},
            )
            for row in tuples_of(table):
                adjustment = Adjustment(ts=0, event_ts=0, **dict(zip(_ADJUSTMENT, row, strict=True)))
                by_conversion.setdefault(adjustment.conversion_id, {})[adjustment.adjustment_id] = adjustment
        return {conversion: tuple(by_id.values()) for conversion, by_id in by_conversion.items()}
