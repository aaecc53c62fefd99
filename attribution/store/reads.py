"""Reads of a pass: conversions, adjustments, touches and current revisions. SQL in, values out.

Sets of ids are sent as one base64 text and split by the engine. 20,000 ids take 0.4 MB; a list of literals would
exceed the size of a query that a server accepts.
"""

import base64
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from attribution.core.credits import CreditLine
from attribution.core.journeys import Hashes, TouchRows
from attribution.core.revisions import CurrentRevision
from attribution.store.cursor import split_partition_key
from attribution.store.shards import ALL, Shards
from schemas.ddl import DATABASE
from schemas.events import Adjustment, Conversion
from schemas.fields import NO_DIGEST
from schemas.tables import Commission
from warehouse.port import Warehouse, scalar_of

Spans = Mapping[str, tuple[int, int]]
Parameters = dict[str, Any]

TOUCHES_PER_IDENTITY_MAX = 10_000
"""An identity with more touches in the time range of a pass is not one person: `null`, `0`, a test account."""

TS_MAX = 10_413_791_999_999_999
"""Latest timestamp of the engine, µs."""

_IDS_MAX = 20_000
_TOKEN_SLACK_US = 86_400_000_000
"""A token contains the time of its touch; only rows within a day of it are read."""

_CONVERSION = (
    "conversion_id", "offer_id", "goal", "txn_id", "coupon", "coupon_partner_id", "coupon_reason",
    "match_kind", "click_id", "impression_id", "click_ref",
    "impression_ref", "user_id", "visitor_id", "amount_minor", "currency", "status",
)  # fmt: skip
_ADJUSTMENT = ("adjustment_id", "conversion_id", "kind", "status", "amount_e4", "currency", "status_revision")
_TOUCH = (
    "identity, toUnixTimestamp64Micro(ts) AS at, kind, touch_id, toInt64(offer_id) AS offer, "
    "toInt64(partner_id) AS partner, is_bot, visitor, user"
)

RECEIVED = "ts <= fromUnixTimestamp64Micro({as_of:Int64}, 'UTC')"
"""SQL condition: a conversion or adjustment had been received as of a time."""

_LATE = "FROM {}.{} WHERE received_ts > fromUnixTimestamp64Micro({{as_of:Int64}}, 'UTC')"
NOT_LATE = (
    f"touch_id NOT IN (SELECT click_id {_LATE.format(DATABASE, 'clicks')} "
    f"UNION ALL SELECT impression_id {_LATE.format(DATABASE, 'impressions')})"
)
"""SQL condition: a touch had been received as of a time."""


class Reads:
    """Queries of attribution on one warehouse. With `as_of_us`, data received later is left out."""

    def __init__(self, warehouse: Warehouse, as_of_us: int | None = None) -> None:
        self._warehouse, self._as_of_us = warehouse, as_of_us

    # ---------------------------------------------------------------------------- new records

    def conversions_in(self, spans: Spans, shards: Shards = ALL) -> list[Conversion]:
        """Return conversions of these shards whose records lie in the spans, each id once, by offset."""
        if not spans:
            return []
        where, parameters = _in_spans(spans)
        where += f" AND {shards.sql('conversion_id')}"
        return self._conversions(f"{where} ORDER BY _log, _partition, _offset LIMIT 1 BY conversion_id", parameters)

    def adjusted_in(self, spans: Spans, shards: Shards = ALL) -> set[bytes]:
        """Return ids of conversions of these shards whose adjustments lie in the spans."""
        if not spans:
            return set()
        where, parameters = _in_spans(spans)
        where += f" AND {shards.sql('conversion_id')}"
        sql = f"SELECT DISTINCT conversion_id FROM {DATABASE}.adjustments WHERE {where}"
        return set(self._warehouse.query(sql, parameters).column(0).to_pylist())

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
        where, parameters = _in_spans(spans)
        touches = f"{DATABASE}.touches WHERE {where}"
        found = self._warehouse.query(
            f"""SELECT DISTINCT j.conversion_id AS id FROM {DATABASE}.joins AS j
            INNER JOIN (SELECT identity, offer_id, min(ts) AS first_ts FROM {touches} GROUP BY identity, offer_id) AS t
            ON t.identity = j.identity
            WHERE j.identity IN (SELECT identity FROM {touches}) AND j.conversion_id > {{after:FixedString(16)}}
            AND {shards.sql("j.conversion_id")}
            AND (j.named = 1 OR (t.offer_id = j.offer_id AND t.first_ts <= j.event_ts))
            ORDER BY id LIMIT {{rows:UInt64}}""",
            {**parameters, "after": after, "rows": rows_max},
        )
        return list(found.column(0).to_pylist())

    # ------------------------------------------------------------------------ stored records

    def conversions_of(self, ids: Collection[bytes]) -> list[Conversion]:
        """Return conversions by id."""
        return [
            event
            for chunk, parameters in digests(ids)
            for event in self._conversions(f"conversion_id IN ({chunk}) LIMIT 1 BY conversion_id", parameters)
        ]

    def _conversions(self, where: str, parameters: Parameters) -> list[Conversion]:
        table = self._warehouse.query(
            f"SELECT {', '.join(_CONVERSION)}, toUnixTimestamp64Micro(event_ts) AS at "
            f"FROM {DATABASE}.conversions WHERE {where}",
            parameters,
        )
        return [Conversion(ts=at, event_ts=at, **dict(zip(_CONVERSION, row, strict=True))) for *row, at in _rows(table)]

    def adjustments_of(self, ids: Collection[bytes]) -> dict[bytes, tuple[Adjustment, ...]]:
        """Return the adjustments of conversions, each once, by conversion."""
        found: dict[bytes, dict[bytes, Adjustment]] = {}
        known, as_of = ("", Parameters()) if self._as_of_us is None else (f" AND {RECEIVED}", self._as_of())
        for chunk, parameters in digests(ids):
            table = self._warehouse.query(
                f"SELECT {', '.join(_ADJUSTMENT)} FROM {DATABASE}.adjustments WHERE conversion_id IN ({chunk}){known}",
                {**parameters, **as_of},
            )
            for row in _rows(table):
                adjustment = Adjustment(ts=0, event_ts=0, **dict(zip(_ADJUSTMENT, row, strict=True)))
                found.setdefault(adjustment.conversion_id, {})[adjustment.adjustment_id] = adjustment
        return {conversion: tuple(by_id.values()) for conversion, by_id in found.items()}

    def touches_of(
        self, identities: Hashes, from_us: int | None = None, to_us: int | None = None
    ) -> tuple[TouchRows, dict[int, int]]:
        """Return touches with these identities in [from, to], and the oversized identities, whose rows are left out."""
        parts, oversized = [TouchRows.from_rows([])], dict[int, int]()
        bounds, parameters = "", Parameters()
        if from_us is not None:
            bounds += " AND ts >= fromUnixTimestamp64Micro({from:Int64}, 'UTC')"
            parameters["from"] = max(0, from_us)
        if to_us is not None:
            bounds += " AND ts <= fromUnixTimestamp64Micro({to:Int64}, 'UTC')"
            parameters["to"] = min(to_us, TS_MAX)
        if self._as_of_us is not None:
            bounds += f" AND {NOT_LATE}"
            parameters |= self._as_of()
        for start in range(0, len(identities), _IDS_MAX):
            chunk = np.ascontiguousarray(identities[start : start + _IDS_MAX], "<u8")
            table = self._warehouse.query(
                f"SELECT {_TOUCH} FROM {DATABASE}.touches WHERE identity IN ({_HASHES}){bounds} "
                f"LIMIT {TOUCHES_PER_IDENTITY_MAX + 1} BY identity",
                {**parameters, **_packed(chunk.tobytes(), 8)},
            )
            rows, more_oversized = _without_oversized(_touch_rows(table))
            parts.append(rows)
            oversized |= more_oversized
        return TouchRows(*(np.concatenate(c) for c in zip(*(p.columns() for p in parts), strict=True))), oversized

    def touches_of_tokens(self, identities: Hashes, token_ts_us: Sequence[int]) -> TouchRows:
        """Return touches with these tokens' identities. The tokens' times limit the range that is read."""
        if not len(identities):
            return TouchRows.from_rows([])
        lo, hi = min(token_ts_us) - _TOKEN_SLACK_US, max(token_ts_us) + _TOKEN_SLACK_US
        return self.touches_of(identities, lo, hi)[0]

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
            "ts >= fromUnixTimestamp64Micro({from:Int64}, 'UTC') AND ts <= fromUnixTimestamp64Micro({to:Int64}, 'UTC') "
            f"AND is_bot = 0 AND identity = multiIf(visitor != 0, visitor, user != 0, user, identity) AND {NOT_LATE}"
        )
        return where, {"from": max(0, from_us), "to": min(to_us, TS_MAX), **self._as_of()}

    def _as_of(self) -> Parameters:
        return {"as_of": min(self._as_of_us or 0, TS_MAX)}

    # ------------------------------------------------------------------------ current revisions

    def current_revisions(self, ids: Collection[bytes]) -> dict[bytes, CurrentRevision]:
        """Return the current state of the conversions that have a revision."""
        revisions: dict[bytes, dict[str, Any]] = {}
        for chunk, parameters in digests(ids):
            table = self._warehouse.query(
                "SELECT conversion_id, revision, program_hash, paying_model, status, value_minor, problems "
                f"FROM {DATABASE}.revisions WHERE conversion_id IN ({chunk}) "
                "ORDER BY conversion_id, revision DESC LIMIT 1 BY conversion_id",
                parameters,
            )
            revisions |= {row["conversion_id"]: row for row in table.to_pylist()}
        if not revisions:
            return {}
        credits, commissions = self._credits_of(revisions), self._commissions_of(revisions)
        return {
            key: CurrentRevision(
                row["revision"], row["program_hash"], row["paying_model"], row["status"], row["value_minor"],
                dict(row["problems"]), tuple(sorted(credits.get(key, ()))), tuple(commissions.get(key, ())),
            )
            for key, row in revisions.items()
        }  # fmt: skip

    def _credits_of(self, revisions: Mapping[bytes, Mapping[str, Any]]) -> dict[bytes, list[CreditLine]]:
        found: dict[bytes, list[CreditLine]] = {}
        for chunk, parameters in digests(revisions):
            table = self._warehouse.query(
                "SELECT conversion_id, revision, model, touch_id, partner_id, weight_e12, value_minor, reason "
                f"FROM {DATABASE}.credits WHERE run_id = 'live' AND sign = 1 AND conversion_id IN ({chunk})",
                parameters,
            )
            for key, revision, *line in _rows(table):
                if revision == revisions[key]["revision"]:
                    found.setdefault(key, []).append(CreditLine(*line))
        return found

    def _commissions_of(self, revisions: Mapping[bytes, Mapping[str, Any]]) -> dict[bytes, list[Commission]]:
        found: dict[bytes, list[Commission]] = {}
        names = [n for n in Commission.__struct_fields__ if n not in ("event_ts", "hold_until")]
        for chunk, parameters in digests(revisions):
            table = self._warehouse.query(
                f"SELECT {', '.join(names)}, toUnixTimestamp64Micro(event_ts) AS at, "
                f"toUnixTimestamp64Micro(hold_until) AS held FROM {DATABASE}.commissions "
                f"WHERE conversion_id IN ({chunk}) ORDER BY conversion_id, commission_id",
                parameters,
            )
            for *row, at, held in _rows(table):
                line = Commission(event_ts=at, hold_until=held, **dict(zip(names, row, strict=True)))
                if line.reverses == NO_DIGEST and line.revision == revisions[line.conversion_id]["revision"]:
                    found.setdefault(line.conversion_id, []).append(line)
        return found

    def joins_of(self, identities: Iterable[int], ids: Collection[bytes]) -> set[tuple[int, bytes]]:
        """Return (identity, conversion) of the stored joins."""
        wanted = np.unique(np.fromiter(identities, np.uint64))
        found: set[tuple[int, bytes]] = set()
        for start in range(0, len(wanted), _IDS_MAX):
            chunk = np.ascontiguousarray(wanted[start : start + _IDS_MAX], "<u8")
            sql = f"SELECT identity, conversion_id FROM {DATABASE}.joins WHERE identity IN ({_HASHES})"
            found.update(row for row in _rows(self._warehouse.query(sql, _packed(chunk.tobytes(), 8))) if row[1] in ids)
        return found


# ----------------------------------------------------------------------------------------------- sets and spans

_HASHES = (
    "SELECT reinterpretAsUInt64(substring(base64URLDecode({ids:String}), number * 8 + 1, 8)) FROM numbers({n:UInt64})"
)
_DIGESTS = (
    "SELECT toFixedString(substring(base64URLDecode({ids:String}), number * 16 + 1, 16), 16) FROM numbers({n:UInt64})"
)


def _packed(data: bytes, width: int) -> Parameters:
    return {"ids": base64.urlsafe_b64encode(data).rstrip(b"=").decode(), "n": len(data) // width}


def digests(ids: Iterable[bytes]) -> Iterator[tuple[str, Parameters]]:
    """Yield SQL for a set of 16-byte ids with its parameters, in chunks."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), _IDS_MAX):
        yield _DIGESTS, _packed(b"".join(ordered[start : start + _IDS_MAX]), 16)


def _in_spans(spans: Spans) -> tuple[str, Parameters]:
    """Return the SQL condition for log records in [lo, hi) of each partition, with its parameters."""
    terms, parameters = [], Parameters()
    for number, (name, (lo, hi)) in enumerate(sorted(spans.items())):
        log_id, partition = split_partition_key(name)
        parameters |= {f"log{number}": log_id, f"part{number}": partition, f"lo{number}": lo, f"hi{number}": hi}
        terms.append(
            f"(_log = {{log{number}:String}} AND _partition = {{part{number}:UInt32}} "
            f"AND _offset >= {{lo{number}:UInt64}} AND _offset < {{hi{number}:UInt64}})"
        )
    return f"({' OR '.join(terms)})", parameters


# ----------------------------------------------------------------------------------------------- answers


def _rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    """Return rows as tuples. Converting by column is many times faster than by row."""
    return zip(*(column.to_pylist() for column in table.columns), strict=True)


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
    more_oversized = identities[counts > TOUCHES_PER_IDENTITY_MAX]
    if not more_oversized.size:
        return rows, {}
    return rows.take(~np.isin(rows.identity, more_oversized)), dict.fromkeys(
        more_oversized.tolist(), TOUCHES_PER_IDENTITY_MAX
    )
