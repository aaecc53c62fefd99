"""`clew problems`: conversions that could not be handled, with the fix. A problem never delays other conversions."""

from typing import Any

from schemas.ddl import DATABASE
from schemas.reasons import Problem
from warehouse.port import Warehouse

PROBLEMS_MAX = 10_000
_ORPHAN_AGE_S = 3_600
"""An adjustment may arrive before its conversion. After an hour it is listed as a problem."""


def list_problems(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Return current problems, newest first, at most PROBLEMS_MAX: conversion_id, code, detail, ts (RFC 3339).

    These are the problems of each conversion's current revision, and adjustments whose conversion has not arrived
    within an hour. Raises WarehouseError.
    """
    table = warehouse.query(
        f"""SELECT lower(hex(id)) AS conversion_id, code, detail,
            formatDateTime(at, '%FT%H:%i:%S.%fZ', 'UTC') AS ts
        FROM (
            SELECT conversion_id AS id, entry.1 AS code, entry.2 AS detail, event_ts AS at FROM (
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
            GROUP BY conversion_id HAVING at < now64(6) - {_ORPHAN_AGE_S}
        )
        ORDER BY at DESC, conversion_id, code LIMIT {PROBLEMS_MAX}"""
    )
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
