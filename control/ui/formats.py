"""Texts for numbers: counts, money, shares, changes. Money is integer minor units and a currency."""

from dataclasses import dataclass
from typing import Literal

from schemas.values.currencies import DECIMALS

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CNY": "CN¥", "INR": "₹", "BRL": "R$"}
NARROW_SPACE = "\u202f"
MINUS = "\u2212"

Direction = Literal["up", "down", "flat"]
Tone = Literal["good", "bad", "flat"]


def count_text(number: int) -> str:
    """Write a whole number with separators of thousands."""
    return f"{number:,}".replace("-", MINUS)


def money_text(minor: int, currency: str) -> str:
    """Write an amount with its symbol, or with the currency's code where no short symbol is common."""
    digits = DECIMALS[currency]
    whole, part = divmod(abs(minor), 10**digits)
    amount = f"{whole:,}" + (f".{part:0{digits}d}" if digits else "")
    sign = MINUS if minor < 0 else ""
    symbol = SYMBOLS.get(currency)
    return f"{sign}{symbol}{amount}" if symbol else f"{sign}{currency} {amount}"


def brief_money_text(minor: int, currency: str) -> str:
    """Write an amount for a tile: from a thousand on without decimals, which no one reads there."""
    unit = 10 ** DECIMALS[currency]
    if abs(minor) < 1_000 * unit:
        return money_text(minor, currency)
    text = money_text((abs(minor) + unit // 2) // unit * unit, currency).partition(".")[0]
    return MINUS + text if minor < 0 else text


def short_text(number: float) -> str:
    """Write a number in at most five characters, as on the axis of a chart: 1.2k, 35M."""
    for limit, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= limit * 0.9995:
            scaled = number / limit
            digits = 1 if abs(scaled) < 99.95 else 0
            return f"{scaled:.{digits}f}".removesuffix(".0").replace("-", MINUS) + letter
    return f"{number:.2f}".rstrip("0").rstrip(".").replace("-", MINUS)


def short_money(minor: float, currency: str) -> str:
    """Write an amount for the axis of a chart."""
    symbol = SYMBOLS.get(currency, f"{currency} ")
    return f"{MINUS if minor < 0 else ''}{symbol}{short_text(abs(minor) / 10 ** DECIMALS[currency])}"


def percent_text(share: float, digits: int = 1) -> str:
    """Write a share of one as a percentage."""
    return f"{100 * share:.{digits}f}{NARROW_SPACE}%".replace("-", MINUS)


@dataclass(frozen=True, slots=True)
class Change:
    """Difference between a figure and the one of the period before."""

    text: str
    direction: Direction
    tone: Tone


def change(now: float, before: float, *, lower_is_better: bool = False) -> Change:
    """Compare two figures. Without a figure before there is nothing to compare with."""
    if not before:
        return Change("new" if now else "", "flat", "flat")
    share = (now - before) / abs(before)
    text = percent_text(abs(share)) if abs(share) < 10 else f"×{now / before:,.0f}"
    if abs(share) < 0.0005:
        return Change(percent_text(0), "flat", "flat")
    rose = share > 0
    return Change(text, "up" if rose else "down", "good" if rose != lower_is_better else "bad")
