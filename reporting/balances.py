"""Balances of partners: net commissions by what may happen to them, and when the next of the held ones are free."""

from collections.abc import Sequence
from typing import Any

from reporting.only import Only
from schemas.ddl import DATABASE
from schemas.values.money import format_minor
from schemas.values.timestamps import rfc3339
from warehouse.port import Warehouse, rows_of

Json = dict[str, Any]


def list_balances(
    warehouse: Warehouse, partners: Sequence[int] | None, now_us: int, limit: int, offset: int = 0
) -> list[Json]:
    """Return a row for each partner and currency, by partner and currency. Raises WarehouseError.

    Pending waits for the sale to be confirmed, held for the end of its hold, and payable is what may be paid out.
    A commission whose reversals bring it to zero counts nowhere.
    """
    only = Only.of(partners, None)
    rows = rows_of(
        warehouse.query(
            f"""SELECT partner_id, currency,
            toInt64(sumIf(minor, status = 'pending')) AS pending_minor,
            toInt64(sumIf(minor, held)) AS held_minor,
            toInt64(sumIf(minor, status != 'pending' AND NOT held)) AS payable_minor,
            minIf(until_us, held AND status != 'hold') AS next_us
            FROM (
                SELECT *, status = 'hold' OR (status != 'pending' AND until_us > {{now:Int64}}) AS held
                FROM (
                    SELECT conversion_id, partner_id, currency, toInt64(sum(amount_minor)) AS minor,
                    argMax(conversion_status, (revision, amount_minor)) AS status,
                    toUnixTimestamp64Micro(argMax(hold_until, (revision, amount_minor))) AS until_us
                    FROM {DATABASE}.commissions WHERE {only.where}
                    GROUP BY conversion_id, partner_id, currency HAVING minor != 0
                )
            ) GROUP BY partner_id, currency ORDER BY partner_id, currency
            LIMIT {{limit:UInt32}} OFFSET {{offset:UInt64}}""",
            {**only.parameters, "now": now_us, "limit": limit, "offset": offset},
        )
    )
    return [_row(row) for row in rows]


def _row(row: Json) -> Json:
    currency = row["currency"]
    return {
        "partner_id": row["partner_id"],
        "currency": currency,
        **{name: format_minor(row[f"{name}_minor"], currency) for name in ("pending", "held", "payable")},
        "next_payable": rfc3339(row["next_us"]) if row["next_us"] else None,
    }
