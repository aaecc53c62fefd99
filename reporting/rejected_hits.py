"""Rejected hits by reason: counts by day, the fields concerned, and examples."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from reporting.report import in_range
from schemas.ddl import DATABASE
from warehouse.port import Warehouse, rows_of

_FIELDS_NAMED = 3


class RejectedFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Rejected hits to count."""

    from_us: int | None = None
    to_us: int | None = None
    kind: str = ""
    offer: int = 0
    partner: int = 0
    partners: Sequence[int] | None = None
    """Partners whose hits may be seen; None means all, hits without a partner included."""


def rejected_reasons(warehouse: Warehouse, wanted: RejectedFilter, timezone: str) -> list[dict[str, Any]]:
    """Count rejected hits of each reason, the most frequent first. Raises WarehouseError.

    Each has hits, by_day (ISO date to count), kinds, fields (the most frequent ones), partners and last (RFC 3339).
    """
    where, parameters = _where(wanted)
    rows = rows_of(
        warehouse.query(
            f"""SELECT toString(reason) AS reason, toInt64(count()) AS hits,
                sumMap([toString(toDate(ts, {{zone:String}}))], [toUInt64(1)]) AS days,
                arraySort(groupUniqArray(toString(kind))) AS kinds,
                topKIf({_FIELDS_NAMED})(toString(field), field != '') AS fields,
                toInt64(uniqIf(partner_id, partner_id != 0)) AS partners,
                formatDateTime(max(ts), '%FT%H:%i:%S.%fZ', 'UTC') AS last
            FROM {DATABASE}.rejected WHERE {where} GROUP BY reason ORDER BY hits DESC, reason""",
            {**parameters, "zone": timezone},
        )
    )
    return [{**_without_days(row), "by_day": _by_day(row["days"])} for row in rows]


def _without_days(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "days"}


def _by_day(days: Any) -> dict[str, int]:
    """Read the tuple of keys and values that sumMap gives."""
    keys, counts = days.values() if isinstance(days, dict) else days
    return dict(zip(keys, counts, strict=True))


def rejected_examples(
    warehouse: Warehouse, wanted: RejectedFilter, reason: str, rows_max: int, *, personal: bool
) -> list[dict[str, Any]]:
    """Return the newest rejected hits of a reason. Without `personal`, the parameters that were sent are left out.

    Raises WarehouseError.
    """
    where, parameters = _where(wanted)
    fields = "fields" if personal else "CAST(map(), 'Map(String, String)')"
    rows = rows_of(
        warehouse.query(
            f"""SELECT formatDateTime(ts, '%FT%H:%i:%S.%fZ', 'UTC') AS at, toString(kind) AS kind,
                toString(field) AS field, detail, toInt64(offer_id) AS offer_id, toInt64(partner_id) AS partner_id,
                toString(link) AS link, toString(method) AS method, path, {fields} AS sent
            FROM {DATABASE}.rejected WHERE {where} AND reason = {{reason:String}}
            ORDER BY ts DESC, _partition, _offset LIMIT {{rows:UInt32}}""",
            {**parameters, "reason": reason, "rows": rows_max},
        )
    )
    return [{"ts": row.pop("at"), **row, "sent": dict(row["sent"] or ())} for row in rows]


def examples_for_partner(examples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rejected hits as their partner may read them: without what was sent, and no detail of postbacks."""
    return [
        {**one, "sent": {}, "detail": one["detail"] if one["kind"] in ("click", "impression") else ""}
        for one in examples
    ]  # fmt: skip


def _where(wanted: RejectedFilter) -> tuple[str, dict[str, Any]]:
    within, parameters = in_range("ts", wanted.from_us, wanted.to_us)
    terms = [within]
    for name, column in (("offer", "offer_id"), ("partner", "partner_id")):
        if number := getattr(wanted, name):
            terms.append(f"{column} = {{{name}:UInt32}}")
            parameters[name] = number
    if wanted.kind:
        terms.append("kind = {kind:String}")
        parameters["kind"] = wanted.kind
    if wanted.partners is not None:
        terms.append("has({partners:Array(UInt32)}, partner_id)")
        parameters["partners"] = list(wanted.partners)
    return " AND ".join(terms), parameters
