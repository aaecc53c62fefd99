"""Sums over rows of a report, in minor units of the program's currency. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from control.ui.charts.scale import COUNT, SHARE, Unit, money_unit
from control.ui.formats import brief_money_text, count_text, money_text, percent_text
from schemas.values.currencies import DECIMALS

Row = Mapping[str, Any]
MONEY = frozenset({"revenue", "payout", "profit"})


@dataclass(frozen=True, slots=True)
class Measure:
    """Figure that tiles and charts show."""

    key: str
    label: str
    icon: str


MEASURES = {
    measure.key: measure
    for measure in (
        Measure("clicks", "Clicks", "click"),
        Measure("conversions", "Conversions", "shopping-cart"),
        Measure("revenue", "Revenue", "coin"),
        Measure("payout", "Commission", "receipt"),
        Measure("profit", "Margin", "chart-bar"),
    )
}

REPORT_MEASURES = {
    **MEASURES,
    **{
        measure.key: measure
        for measure in (
            Measure("impressions", "Impressions", "eye"),
            Measure("unique_clicks", "Unique clicks", "users"),
            Measure("approved", "Approved", "check"),
            Measure("cr", "CR", "percentage"),
            Measure("epc", "EPC", "coin"),
        )
    },
}
"""Figures that a report can draw and compare. Rates are of one row; they do not add up."""
RATES = frozenset({"cr", "approval_rate"})


def value_of(row: Row, measure: str) -> float:
    """Return a figure of a row: a count, or an amount in minor units."""
    value = row[measure]
    if value is None:
        return 0
    if measure in MONEY:
        return minor_of(value, row["currency"])
    return float(value)


def minor_of(amount: str, currency: str) -> int:
    """Convert an amount of the engine, which may be negative, to minor units."""
    return int(Decimal(amount).scaleb(DECIMALS[currency]))


def sum_of(rows: Iterable[Row], measure: str, currency: str, where: Callable[[Row], bool] = bool) -> float:
    """Add a figure up over the rows in one currency."""
    return sum(value_of(row, measure) for row in rows if row["currency"] == currency and where(row))


def by_key(rows: Iterable[Row], key: str, measure: str, currency: str) -> dict[Any, float]:
    """Add a figure up for each value of a column."""
    sums: dict[Any, float] = {}
    for row in rows:
        if row["currency"] == currency:
            sums[row[key]] = sums.get(row[key], 0) + value_of(row, measure)
    return sums


def number_text(value: float) -> str:
    """Write a count that may be a fraction: conversions are split among partners."""
    return count_text(int(value)) if float(value).is_integer() else f"{value:,.2f}"


def figure_of(row: Row, measure: str) -> str:
    """Write a figure of a row; empty where the row has none."""
    return "" if row[measure] is None else figure_text(value_of(row, measure), measure, row["currency"])


def figure_text(value: float, measure: str, currency: str, *, brief: bool = False) -> str:
    """Write a figure."""
    if measure in RATES:
        return percent_text(value, 2)
    if measure == "epc":
        return f"{value:.4f}"
    if measure not in MONEY:
        return number_text(value)
    return (brief_money_text if brief else money_text)(round(value), currency)


def unit_of(measure: str, currency: str) -> Unit:
    """Return the unit of a figure for charts."""
    if measure in RATES:
        return SHARE
    if measure == "epc":
        return Unit(lambda value: f"{value:.4f}", lambda value: f"{value:g}")
    return money_unit(currency) if measure in MONEY else COUNT
