"""Read the joins of credited conversions: the identities by which a later touch may change them."""

from collections.abc import Collection, Iterable

import numpy as np

from attribution.store.id_sets import Spans, hash_sets, in_spans
from attribution.store.shards import ALL, Shards
from attribution.store.tuples import tuples_of
from schemas.ddl import DATABASE
from warehouse.port import Warehouse


class JoinReader:
    """Joins of one warehouse."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def has_joins(self) -> bool:
        """Return True if a late touch could change any credited conversion."""
        return bool(self._warehouse.query(f"SELECT 1 FROM {DATABASE}.joins LIMIT 1").num_rows)

    def late_in(self, spans: Spans, after: bytes, rows_max: int, shards: Shards = ALL) -> list[bytes]:
        """Return conversions of these shards that touches in the spans may change: `rows_max` after `after`, by id.

        A touch may change a conversion if they share an identity, the touch belongs to the same offer, and it is
        not later. A touch that the conversion names may always change it.
        """
        if not spans:
            return []
        where, parameters = in_spans(spans)
        touches = f"{DATABASE}.touches WHERE {where}"
        ids = self._warehouse.query(
            f"""SELECT DISTINCT j.conversion_id AS id FROM {DATABASE}.joins AS j
            INNER JOIN (SELECT identity, offer_id, min(ts) AS first_ts FROM {touches} GROUP BY identity, offer_id) AS t
            ON t.identity = j.identity
            WHERE j.identity IN (SELECT identity FROM {touches}) AND j.conversion_id > {{after:FixedString(16)}}
            AND {shards.sql("j.conversion_id")}
            AND (j.named = 1 OR (t.offer_id = j.offer_id AND t.first_ts <= j.event_ts))
            ORDER BY id LIMIT {{rows:UInt64}}""",
            {**parameters, "after": after, "rows": rows_max},
        )
        return list(ids.column(0).to_pylist())

    def joins_of(self, identities: Iterable[int], ids: Collection[bytes]) -> set[tuple[int, bytes]]:
        """Return (identity, conversion) of the stored joins."""
        joins: set[tuple[int, bytes]] = set()
        for chunk, parameters in hash_sets(np.unique(np.fromiter(identities, np.uint64))):
            sql = f"SELECT identity, conversion_id FROM {DATABASE}.joins WHERE identity IN ({chunk})"
            joins.update(row for row in tuples_of(self._warehouse.query(sql, parameters)) if row[1] in ids)
        return joins
