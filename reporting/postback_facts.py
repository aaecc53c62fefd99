"""Facts about what a postback names: its click, and the conversion that its key has already."""

from typing import Any

from schemas.ddl import ANALYST, DATABASE
from schemas.values.click_id import facts_of
from warehouse.port import Warehouse, rows_of


def click_facts(warehouse: Warehouse, token: bytes) -> dict[str, Any] | None:
    """Return link and is_bot of a click; None if it is not stored. Raises WarehouseError.

    The id itself has offer, partner and time, by which the table is sorted.
    """
    facts = facts_of(token)
    found = rows_of(
        warehouse.query(
            f"""SELECT toString(link) AS link, toInt64(is_bot) AS is_bot FROM {DATABASE}.clicks
            WHERE offer_id = {{offer:UInt32}} AND partner_id = {{partner:UInt32}}
                AND ts >= fromUnixTimestamp64Milli({{ms:Int64}}, 'UTC')
                AND ts < fromUnixTimestamp64Milli({{ms:Int64}} + 1, 'UTC')
                AND lower(hex(click_id)) = {{token:String}} LIMIT 1""",
            {"offer": facts.offer_id, "partner": facts.partner_id, "ms": facts.ts_ms, "token": token.hex()},
        )
    )
    return found[0] if found else None


def stored_conversion(warehouse: Warehouse, conversion_id: bytes) -> dict[str, Any] | None:
    """Return time, status, amount and currency of a conversion; None if it is not stored. Raises WarehouseError."""
    found = rows_of(
        warehouse.query(
            f"""SELECT formatDateTime(ts, '%FT%H:%i:%S.%fZ', 'UTC') AS at, toString(status) AS status,
                toString(amount) AS amount, toString(currency) AS currency, toString(refunded) AS refunded
            FROM {ANALYST}.conversions WHERE conversion_id = {{id:String}} LIMIT 1""",
            {"id": conversion_id.hex()},
        )
    )
    return {"ts": found[0].pop("at"), **found[0]} if found else None
