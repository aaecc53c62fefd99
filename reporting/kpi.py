"""`report kpi`: traffic, conversions and earnings of partners (docs/contract.md, section 7). Pure except for queries.

Clicks, impressions and conversions count by their own time; status, refunds and commissions are the current ones. A
conversion counts for the partners that the paying model credits, so it may be split into fractions. Credits contain
the status and a flag for the paying model, and reversals have the opposite sign, so one scan of each table is enough.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from program.entries import UNATTRIBUTED
from program.labels import Labels
from program.program import Program
from reporting.dimensions import DIMENSION, checked_dimensions, checked_filters
from reporting.kpi_query import GROUPS_MAX, TOO_MANY_ROWS, Group, KpiQuery
from reporting.only import EVERYTHING, Only
from reporting.report import (
    CONVERSION_E12,
    Report,
    ReportColumn,
    Row,
    Value,
    conversion_count,
    sort_key,
)
from runtime.user_error import ReportError
from schemas.events import STATUS_ORDER
from schemas.values.currencies import DECIMALS
from schemas.values.money import format_minor
from warehouse.port import Warehouse

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
_PLAIN = tuple(one.column for name, one in DIMENSION.items() if name not in ("partner", "offer"))
"""Columns of dimensions that have no name next to a number."""


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
    filters: Mapping[str, Sequence[str]] | None = None,
) -> Report:
    """Compute KPIs by any of DIMENSIONS, over [from, to) µs; `filters` holds the values to keep by dimension.

    Raises ReportError, WarehouseError.
    """
    dimensions = checked_dimensions(by)
    groups: dict[Group, _Sums] = {}
    query = KpiQuery(
        warehouse, program.terms.timezone, dimensions, from_us, to_us, only, checked_filters(filters or {})
    )
    for group, (impressions,) in query.touches("impressions", ("count()",)):
        groups.setdefault(group, _Sums()).impressions = impressions
    counted = ("count()", "uniqExactIf(visitor_hash, is_bot = 0 AND visitor_hash != 0)", "countIf(is_bot != 0)")
    for group, (clicks, unique, bots) in query.touches("clicks", counted):
        sums = groups.setdefault(group, _Sums())
        sums.clicks, sums.unique_clicks, sums.bot_clicks = clicks, unique, bots
    # Int128, because 10^7 conversions of 10^12 each exceed 64 bits.
    credited = (_signed("weight_e12"), _signed("value_minor"))
    for group, (status, currency, weight, value) in query.credits(credited, ("status", "currency")):
        _add_credits(groups, group, status, currency, int(weight), int(value))
    for group, (currency, amount) in query.commissions():
        if int(amount):
            groups.setdefault(group, _Sums()).payout[currency] = int(amount)
    if len(groups) > GROUPS_MAX:
        raise ReportError(TOO_MANY_ROWS)
    rows = [row for group, sums in groups.items() for row in _rows(program, dimensions, group, sums)]
    rows.sort(key=lambda row: _order(row, dimensions, program.terms.currency))
    plain = [column for column in _PLAIN if column.name in dimensions]
    columns = (*plain, *_NAMES, *_MEASURES)
    return Report("kpi", columns, tuple(rows))


def _signed(column: str) -> str:
    return f"toString(sum(toInt128(sign) * {column}))"


def _add_credits(groups: dict[Group, _Sums], group: Group, status: str, currency: str, weight: int, value: int) -> None:
    if not weight and not value:
        return  # all credits of this group were reversed
    sums = groups.setdefault(group, _Sums())
    sums.conversions[status] = sums.conversions.get(status, 0) + weight
    if status != "declined":
        sums.revenue[currency] = sums.revenue.get(currency, 0) + value


def _rows(program: Program, dimensions: Sequence[str], group: Group, sums: _Sums) -> list[Row]:
    """Return the group's row in the program's currency, and one with money only per other currency."""
    own = program.terms.currency
    others = {c for money in (sums.revenue, sums.payout) for c, amount in money.items() if amount} - {own}
    named = _named(program.labels, dict(zip(dimensions, group, strict=True)))
    first: Row = {**named, **_counts(sums), **_money(sums, own), **_rates(sums, own)}
    return [first, *({**first, **_NOTHING, **_money(sums, currency)} for currency in sorted(others))]


def _named(labels: Labels, group: Mapping[str, Value]) -> Row:
    row: Row = {column.name: group[column.name] for column in _PLAIN if column.name in group}
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
