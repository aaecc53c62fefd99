"""`report kpi`: traffic, conversions and earnings of partners (docs/contract.md, section 7). Pure except for queries.

Clicks, impressions and conversions count by their own time; status, refunds and commissions are the current ones. A
conversion counts for the partners that the paying model credits, so it may be split into fractions. Credits contain
the status and a flag for the paying model, and reversals have the opposite sign, so one scan of each table is enough.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from program.entries import UNATTRIBUTED
from program.labels import Labels
from program.program import Program
from reporting.only import EVERYTHING, Only
from reporting.report import (
    CONVERSION_E12,
    Report,
    ReportColumn,
    Row,
    Value,
    checked,
    conversion_count,
    in_range,
    sort_key,
)
from schemas.ddl import DATABASE
from schemas.events import STATUS_ORDER
from schemas.values.currencies import DECIMALS
from schemas.values.money import format_minor
from warehouse.port import Warehouse

DIMENSIONS = ("partner", "offer", "day", "month", "hour", "total")

_Group = tuple[Value, ...]

_MEASURES = (
    ReportColumn("impressions", "count", "impressions by their time"),
    ReportColumn("clicks", "count", "clicks by their time, bot_clicks included"),
    ReportColumn("unique_clicks", "count", "distinct visitors per group and range, bots left out"),
    ReportColumn("bot_clicks", "count", "clicks with any bot reason"),
    ReportColumn("conversions", "count", "approved + pending + hold + declined, by the paying model's credits"),
    ReportColumn("approved", "count", "conversions whose status is approved now"),
    ReportColumn("pending", "count", "conversions whose status is pending now"),
    ReportColumn("hold", "count", "conversions whose status is hold now"),
    ReportColumn("declined", "count", "conversions whose status is declined now"),
    ReportColumn("revenue", "currency", "amounts - refunds, declined left out"),
    ReportColumn("payout", "currency", "net commissions, pending and held included"),
    ReportColumn("profit", "currency", "revenue - payout"),
    ReportColumn("currency", "ISO 4217", "currency of revenue, payout and profit"),
    ReportColumn("cr", "ratio", "(conversions - declined) / (clicks - bot_clicks)"),
    ReportColumn("epc", "currency per click", "payout / (clicks - bot_clicks)"),
    ReportColumn("approval_rate", "ratio", "approved / conversions"),
)
_NAMES = (
    ReportColumn("partner_id", "number", "partner, 0 is unattributed; empty when not grouped by partner"),
    ReportColumn("partner", "text", "name of the partner in the program"),
    ReportColumn("offer_id", "number", "offer; empty when not grouped by offer"),
    ReportColumn("offer", "text", "name of the offer in the program"),
)
DAY = ReportColumn("day", "date", "day in the program's zone")
_TIMES = {
    "month": ReportColumn("month", "text", "month in the program's zone"),
    "day": DAY,
    "hour": ReportColumn("hour", "text", "hour in the program's zone"),
}


_NOTHING: Row = {column.name: None for column in _MEASURES if column.unit in ("count", "ratio", "currency per click")}
"""Values of counts and rates in the row of a currency other than the program's, which only has money."""


@dataclass(slots=True)
class _Sums:
    """Sums of one group: money in minor units by currency, conversions in 1e-12 by status."""

    impressions: int = 0
    clicks: int = 0
    unique_clicks: int = 0
    bot_clicks: int = 0
    conversions: dict[str, int] = field(default_factory=dict)
    revenue: dict[str, int] = field(default_factory=dict)
    payout: dict[str, int] = field(default_factory=dict)


def kpi_report(
    warehouse: Warehouse,
    program: Program,
    by: Sequence[str],
    from_us: int | None = None,
    to_us: int | None = None,
    only: Only = EVERYTHING,
) -> Report:
    """Compute KPIs by partner, offer and time, in any combination, over [from, to) µs.

    Raises ReportError, WarehouseError.
    """
    dimensions = checked(by, DIMENSIONS)
    groups: dict[_Group, _Sums] = {}
    query = _Query(warehouse, program.terms.timezone, dimensions, from_us, to_us, only)
    for group, (impressions,) in query.rows("impressions", "ts", ("count()",)):
        groups.setdefault(group, _Sums()).impressions = impressions
    counted = ("count()", "uniqExactIf(visitor_hash, is_bot = 0 AND visitor_hash != 0)", "countIf(is_bot != 0)")
    for group, (clicks, unique, bots) in query.rows("clicks", "ts", counted):
        sums = groups.setdefault(group, _Sums())
        sums.clicks, sums.unique_clicks, sums.bot_clicks = clicks, unique, bots
    # Int128, because 10^7 conversions of 10^12 each exceed 64 bits.
    credited = ("status", "currency", _signed("weight_e12"), _signed("value_minor"))
    for group, (status, currency, weight, value) in query.rows(
        "credits", "event_ts", credited, "run_id = 'live' AND paying = 1", ("status", "currency")
    ):
        _add_credits(groups, group, status, currency, int(weight), int(value))
    owed = ("currency", "toString(sum(toInt128(amount_minor)))")
    for group, (currency, amount) in query.rows("commissions", "event_ts", owed, "1", ("currency",)):
        if int(amount):
            groups.setdefault(group, _Sums()).payout[currency] = int(amount)
    rows = [row for group, sums in groups.items() for row in _rows(program, dimensions, group, sums)]
    rows.sort(key=lambda row: _order(row, dimensions, program.terms.currency))
    times = [column for name, column in _TIMES.items() if name in dimensions]
    columns = (*times, *_NAMES, *_MEASURES)
    return Report("kpi", columns, tuple(rows))


def _signed(column: str) -> str:
    return f"toString(sum(toInt128(sign) * {column}))"


def _add_credits(
    groups: dict[_Group, _Sums], group: _Group, status: str, currency: str, weight: int, value: int
) -> None:
    if not weight and not value:
        return  # all credits of this group were reversed
    sums = groups.setdefault(group, _Sums())
    sums.conversions[status] = sums.conversions.get(status, 0) + weight
    if status != "declined":
        sums.revenue[currency] = sums.revenue.get(currency, 0) + value


@dataclass(frozen=True, slots=True)
class _Query:
    """Query for sums of one table by the dimensions, over the range."""

    warehouse: Warehouse
    timezone: str
    dimensions: tuple[str, ...]
    from_us: int | None
    to_us: int | None
    only: Only

    def rows(
        self, table: str, ts: str, selected: Sequence[str], where: str = "1", also_by: Sequence[str] = ()
    ) -> list[tuple[_Group, tuple[Any, ...]]]:
        within, parameters = in_range(ts, self.from_us, self.to_us)
        of = {
            "partner": "toInt64(partner_id)",
            "offer": "toInt64(offer_id)",
            "day": f"toString(toDate({ts}, {{zone:String}}))",
            "month": f"formatDateTime({ts}, '%Y-%m', {{zone:String}})",
            "total": "1",
            "hour": f"formatDateTime({ts}, '%F %H:00', {{zone:String}})",
        }
        keys = [f"{of[name]} AS {name}" for name in self.dimensions]
        sums: pa.Table = self.warehouse.query(
            f"SELECT {', '.join([*keys, *selected])} FROM {DATABASE}.{table} "
            f"WHERE ({within}) AND ({self.only.where}) AND ({where}) "
            f"GROUP BY {', '.join([*self.dimensions, *also_by])}",
            {**parameters, **self.only.parameters, "zone": self.timezone},
        )
        count = len(self.dimensions)
        columns = [column.to_pylist() for column in sums.columns]
        return [(row[:count], row[count:]) for row in zip(*columns, strict=True)]


def _rows(program: Program, dimensions: Sequence[str], group: _Group, sums: _Sums) -> list[Row]:
    """Return the group's row in the program's currency, and one with money only per other currency."""
    own = program.terms.currency
    others = {c for money in (sums.revenue, sums.payout) for c, amount in money.items() if amount} - {own}
    named = _named(program.labels, dict(zip(dimensions, group, strict=True)))
    first: Row = {**named, **_counts(sums), **_money(sums, own), **_rates(sums, own)}
    return [first, *({**first, **_NOTHING, **_money(sums, currency)} for currency in sorted(others))]


def _named(labels: Labels, group: Mapping[str, Value]) -> Row:
    row: Row = {name: group[name] for name in _TIMES if name in group}
    partner, offer = group.get("partner"), group.get("offer")
    row |= {"partner_id": partner, "partner": None, "offer_id": offer, "offer": None}
    if isinstance(partner, int):
        row["partner"] = "unattributed" if partner == UNATTRIBUTED else labels.partners.get(partner, "")
    if isinstance(offer, int):
        row["offer"] = labels.offers.get(offer, "")
    return row


def _counts(sums: _Sums) -> Row:
    by_status = {status: sums.conversions.get(status, 0) for status in STATUS_ORDER}
    return {
        "impressions": sums.impressions,
        "clicks": sums.clicks,
        "unique_clicks": sums.unique_clicks,
        "bot_clicks": sums.bot_clicks,
        "conversions": conversion_count(sum(by_status.values())),
        **{status: conversion_count(by_status[status]) for status in ("approved", "pending", "hold", "declined")},
    }


def _money(sums: _Sums, currency: str) -> Row:
    revenue, payout = sums.revenue.get(currency, 0), sums.payout.get(currency, 0)
    return {
        "revenue": format_minor(revenue, currency),
        "payout": format_minor(payout, currency),
        "profit": format_minor(revenue - payout, currency),
        "currency": currency,
    }


def _rates(sums: _Sums, currency: str) -> Row:
    people = sums.clicks - sums.bot_clicks
    total = sum(sums.conversions.values())
    counted = total - sums.conversions.get("declined", 0)
    return {
        "cr": _rate(counted, people * CONVERSION_E12),
        "epc": _rate(sums.payout.get(currency, 0), people * 10 ** DECIMALS[currency]),
        "approval_rate": _rate(sums.conversions.get("approved", 0), total),
    }


def _rate(dividend: int, divisor: int) -> float | None:
    """Return a ratio to 6 decimals, rounded half up in exact integers, or None for a divisor of 0."""
    return (2 * dividend * 10**6 + divisor) // (2 * divisor) / 10**6 if divisor else None


def _order(row: Row, dimensions: Sequence[str], currency: str) -> tuple[object, ...]:
    columns = {"partner": "partner_id", "offer": "offer_id"}
    keys = sort_key(row, [columns.get(name, name) for name in dimensions if name != "total"])
    return (*keys, row["currency"] != currency, row["currency"])
