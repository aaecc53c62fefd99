"""`clew problems`: conversions that could not be handled, with the fix. A problem never delays other conversions."""

from collections.abc import Sequence
from typing import Any

from schemas.ddl import DATABASE
from schemas.reasons import Problem
from warehouse.port import Warehouse, rows_of

PROBLEMS_MAX = 10_000
EXAMPLES_MAX = 100
_ORPHAN_AGE_S = 3_600
"""An adjustment may arrive before its conversion. After an hour it is listed as a problem."""

_PROBLEMS = f"""SELECT conversion_id AS id, entry.1 AS code, entry.2 AS detail, event_ts AS at FROM (
        SELECT conversion_id, argMax(problems, revision) AS current, any(event_ts) AS event_ts
        FROM {DATABASE}.revisions GROUP BY conversion_id
    ) ARRAY JOIN CAST(current, 'Array(Tuple(String, String))') AS entry
    UNION ALL
    SELECT conversion_id AS id, '{Problem.ADJUSTMENT_ORPHAN.value}' AS code,
        concat(toString(count()), ' adjustment(s), the first is a ', argMin(kind, ts),
            ', for a conversion that has not arrived') AS detail,
        min(ts) AS at
    FROM {DATABASE}.adjustments
    WHERE conversion_id NOT IN (SELECT conversion_id FROM {DATABASE}.conversions)
    GROUP BY conversion_id HAVING at < now64(6) - {_ORPHAN_AGE_S}"""
_OF_PARTNERS = f"""id IN (
        SELECT conversion_id FROM {DATABASE}.credits WHERE has({{partners:Array(UInt32)}}, partner_id))"""
_TS = "formatDateTime(at, '%FT%H:%i:%S.%fZ', 'UTC')"


def list_problems(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Return current problems, newest first, at most PROBLEMS_MAX: conversion_id, code, detail, ts (RFC 3339).

    These are the problems of each conversion's current revision, and adjustments whose conversion has not arrived
    within an hour. Raises WarehouseError.
    """
    return rows_of(
        warehouse.query(
            f"""SELECT lower(hex(id)) AS conversion_id, code, detail, {_TS} AS ts
            FROM ({_PROBLEMS}) ORDER BY at DESC, conversion_id, code LIMIT {PROBLEMS_MAX}"""
        )
    )


def problems_by_code(warehouse: Warehouse, examples_max: int, partners: Sequence[int] | None) -> list[dict[str, Any]]:
    """Count current problems of each code, with the newest as examples, the most frequent first.

    `partners`: only problems of conversions that are credited to one of them. Raises WarehouseError.
    """
    where, parameters = ("1", {}) if partners is None else (_OF_PARTNERS, {"partners": list(partners)})
    rows = rows_of(
        warehouse.query(
            f"""SELECT code, toInt64(count()) AS number,
                groupArray({int(examples_max)})((id_text, detail, ts)) AS newest
            FROM (
                SELECT code, lower(hex(id)) AS id_text, detail, {_TS} AS ts
                FROM ({_PROBLEMS}) WHERE {where} ORDER BY at DESC, id_text
            ) GROUP BY code ORDER BY number DESC, code""",
            parameters,
        )
    )
    return [
        {"code": row["code"], "count": row["number"], "examples": [_example(one) for one in row["newest"]]}
        for row in rows
    ]


def _example(one: Any) -> dict[str, Any]:
    values = one.values() if isinstance(one, dict) else one
    return dict(zip(("conversion_id", "detail", "ts"), values, strict=True))
