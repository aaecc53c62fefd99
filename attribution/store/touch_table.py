"""Read table `touches` by identity and time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from attribution.core.journeys import Hashes, TouchRows
from attribution.store.as_of import NOW, TS_MAX, AsOf, Parameters
from attribution.store.id_sets import hash_sets
from schemas.ddl import DATABASE
from warehouse.port import Warehouse, scalar_of

TOUCHES_PER_IDENTITY_MAX = 10_000
"""An identity with more touches in the time range of a pass is not one person: `null`, `0`, a test account."""

_TOKEN_SLACK_US = 86_400_000_000
"""A token contains the time of its touch; only rows within a day of it are read."""

_TOUCH = (
    "identity, toUnixTimestamp64Micro(ts) AS at, kind, touch_id, toInt64(offer_id) AS offer, "
    "toInt64(partner_id) AS partner, is_bot, visitor, user"
)
_FROM = "ts >= fromUnixTimestamp64Micro({from:Int64}, 'UTC')"
_TO = "ts <= fromUnixTimestamp64Micro({to:Int64}, 'UTC')"


class TouchTable:
    """Touches of one warehouse as of a time."""

    def __init__(self, warehouse: Warehouse, as_of: AsOf = NOW) -> None:
        self._warehouse, self._as_of = warehouse, as_of

    def touches_of(
        self, identities: Hashes, from_us: int | None = None, to_us: int | None = None
    ) -> tuple[TouchRows, dict[int, int]]:
        """Return touches with these identities in [from, to], and the oversized identities, whose rows are left out."""
        parts, oversized = [TouchRows.from_rows([])], dict[int, int]()
        terms, bounds = [self._as_of.touch_received], self._as_of.parameters
        if from_us is not None:
            terms.append(_FROM)
            bounds["from"] = max(0, from_us)
        if to_us is not None:
            terms.append(_TO)
            bounds["to"] = min(to_us, TS_MAX)
        for chunk, parameters in hash_sets(identities):
            table = self._warehouse.query(
                f"SELECT {_TOUCH} FROM {DATABASE}.touches WHERE identity IN ({chunk}) AND {' AND '.join(terms)} "
                f"LIMIT {TOUCHES_PER_IDENTITY_MAX + 1} BY identity",
                {**parameters, **bounds},
            )
            rows, more_oversized = _without_oversized(_touch_rows(table))
            parts.append(rows)
            oversized |= more_oversized
        return TouchRows(*(np.concatenate(c) for c in zip(*(p.columns() for p in parts), strict=True))), oversized

    def touches_between(self, first: int, last: int, from_us: int, to_us: int) -> TouchRows:
        """Return human touches in [from, to], each under one identity, for identities from `first` to `last`.

        The identity is the visitor if present, otherwise the user. A touch with neither appears under its own id
        and under its line id. Oversized identities are left out.
        """
        where, parameters = self._of_people(from_us, to_us)
        table = self._warehouse.query(
            f"SELECT {_TOUCH} FROM {DATABASE}.touches "
            f"WHERE identity >= {{first:UInt64}} AND identity <= {{last:UInt64}} AND {where} "
            f"LIMIT {TOUCHES_PER_IDENTITY_MAX + 1} BY identity",
            {**parameters, "first": first, "last": last},
        )
        return _without_oversized(_touch_rows(table))[0]

    def count_touches(self, from_us: int, to_us: int) -> int:
        """Count the rows that `touches_between` would read over all identities, oversized ones included."""
        where, parameters = self._of_people(from_us, to_us)
        sql = f"SELECT toInt64(count()) FROM {DATABASE}.touches WHERE {where}"
        return int(scalar_of(self._warehouse.query(sql, parameters)))

    def _of_people(self, from_us: int, to_us: int) -> tuple[str, Parameters]:
        where = (
            f"{_FROM} AND {_TO} AND is_bot = 0 "
            "AND identity = multiIf(visitor != 0, visitor, user != 0, user, identity) "
            f"AND {self._as_of.touch_received}"
        )
        return where, {"from": max(0, from_us), "to": min(to_us, TS_MAX), **self._as_of.parameters}


def range_of_tokens(token_ts_us: Sequence[int]) -> tuple[int, int]:
    """Return the time range, µs, that holds the touches of tokens with these times."""
    return min(token_ts_us) - _TOKEN_SLACK_US, max(token_ts_us) + _TOKEN_SLACK_US


def _touch_rows(table: pa.Table) -> TouchRows:
    combined = table.combine_chunks()
    names = ("identity", "at", "kind", "touch_id", "offer", "partner", "is_bot", "visitor", "user")
    columns = [_tokens(combined, n) if n == "touch_id" else combined.column(n).to_numpy() for n in names]
    return TouchRows(*(*columns, np.zeros(table.num_rows, np.uint8)))


def _tokens(table: pa.Table, name: str) -> Any:
    """Convert a FixedString(27) column to numpy S27 (which drops trailing zeros when read as bytes)."""
    if not table.num_rows:
        return np.zeros(0, "S27")
    column = table.column(name).chunk(0)
    return np.frombuffer(column.buffers()[1], "S27", len(column), column.offset * 27)


def _without_oversized(rows: TouchRows) -> tuple[TouchRows, dict[int, int]]:
    identities, counts = np.unique(rows.identity, return_counts=True)
    oversized = identities[counts > TOUCHES_PER_IDENTITY_MAX]
    if not oversized.size:
        return rows, {}
    kept = rows.take(~np.isin(rows.identity, oversized))
    return kept, dict.fromkeys(oversized.tolist(), TOUCHES_PER_IDENTITY_MAX)
