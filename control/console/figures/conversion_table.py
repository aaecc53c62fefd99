"""Table of conversions, and its export."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse

from control.console.figures.sums import minor_of
from control.engine.names import Names
from control.tables.write import Value
from control.ui.formats import money_text, percent_text
from control.ui.states import state_text, state_tone
from control.ui.table import Cell, Column, Row, Table
from schemas.values.timestamps import rfc3339

Conversion = Mapping[str, Any]
STATUSES = {"approved": "Approved", "pending": "Pending", "hold": "On hold", "declined": "Declined"}
_TONES = {"approved": "good", "pending": "warn", "hold": "warn", "declined": "bad"}
_EPOCH = datetime.fromtimestamp(0, ZoneInfo("UTC"))
EXPORT_HEAD = (
    "Conversion", "Time", "Order number", "Offer number", "Offer", "Goal", "Status", "Amount", "Refunded", "Currency",
    "Click id", "Coupon", "Partners", "Commissions",
)  # fmt: skip


def time_of(conversion: Conversion) -> datetime:
    """Return the time of a conversion, in UTC."""
    return _EPOCH + timedelta(microseconds=conversion["at_us"])


def status_cell(status: str) -> Cell:
    """Return the badge of a conversion's status."""
    return Cell(STATUSES.get(status, state_text(status)), badge=_TONES.get(status, state_tone(status)))  # type: ignore[arg-type]


def money(amount: str, currency: str) -> str:
    """Write an amount of the engine."""
    return money_text(minor_of(amount, currency), currency)


COLUMNS = {
    "order": "Order",
    "time": "Time",
    "offer": "Offer",
    "goal": "Goal",
    "partner": "Partner",
    "amount": "Amount",
    "refunded": "Refunded",
    "commission": "Commission",
    "status": "Status",
    "coupon": "Coupon",
    "click": "Click id",
    "id": "Conversion id",
}
SHOWN = ("order", "time", "offer", "partner", "amount", "commission", "status")
_NUMERIC = frozenset({"amount", "refunded", "commission"})


def conversion_table(rows: Sequence[Conversion], names: Names, timezone: str, columns: Sequence[str] = SHOWN) -> Table:
    """Make the table of a page of conversions."""
    heads = [Column(COLUMNS[key], numeric=key in _NUMERIC) for key in columns]
    zone = ZoneInfo(timezone)
    return Table("Conversions", heads, [Row([_cell(key, row, names, zone) for key in columns]) for row in rows])


def _cell(key: str, row: Conversion, names: Names, zone: ZoneInfo) -> Cell | str:
    address = reverse("console_conversion", args=[row["conversion_id"]])
    match key:
        case "order":
            return Cell(row["txn_id"] or row["conversion_id"][:12], href=address, note=_note(row))
        case "time":
            when = time_of(row).astimezone(zone)
            return f"{when.day} {when:%b %Y, %H:%M}".replace(" ", "\xa0")
        case "offer":
            return names.offer(row["offer_id"])
        case "partner":
            return _partners(row, names)
        case "amount" | "refunded":
            return money(row[key], row["currency"])
        case "commission":
            return _commissions(row)
        case "status":
            return status_cell(row["status"])
        case "click":
            return Cell(row["click_id"], code=bool(row["click_id"]))
        case "id":
            return Cell(row["conversion_id"], href=address, code=True)
    return str(row[key])


def _note(row: Conversion) -> str:
    refunded = minor_of(row["refunded"], row["currency"])
    parts = [f"refunded {money_text(refunded, row['currency'])}"] if refunded else []
    return ", ".join([*parts, *([f"coupon {row['coupon']}"] if row["coupon"] else [])])


def _partners(row: Conversion, names: Names) -> str:
    shares = row["shares"]
    if len(shares) == 1:
        return names.partner(shares[0]["partner_id"])
    return ", ".join(f"{names.partner(share['partner_id'])} {percent_text(share['weight'], 0)}" for share in shares)


def _commissions(row: Conversion) -> str:
    sums: dict[str, int] = {}
    for paid in row["commissions"]:
        sums[paid["currency"]] = sums.get(paid["currency"], 0) + minor_of(paid["amount"], paid["currency"])
    return " + ".join(money_text(minor, currency) for currency, minor in sums.items())


def export_rows(rows: Sequence[Conversion], names: Names) -> Iterator[list[Value]]:
    """Yield the rows of an export, with plain numbers."""
    for row in rows:
        yield [
            row["conversion_id"], rfc3339(row["at_us"]), row["txn_id"], row["offer_id"], names.offer(row["offer_id"]),
            row["goal"], row["status"], row.get("amount", ""), row.get("refunded", ""), row["currency"],
            row["click_id"], row.get("coupon", ""), _partners(row, names), _commissions(row),
        ]  # fmt: skip
