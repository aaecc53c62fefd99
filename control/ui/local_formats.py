"""Texts for numbers in the language of the page. English is as control/ui/formats.py writes it; digits are Latin."""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from django.utils.translation import get_language

from control.ui import formats
from schemas.values.currencies import DECIMALS

_ENGLISH = "en"


def count_text(number: int) -> str:
    """Write a whole number with separators of thousands."""
    language = get_language() or _ENGLISH
    if language == _ENGLISH:
        return formats.count_text(number)
    from babel.numbers import format_decimal  # English pages need no Babel

    return format_decimal(number, locale=language)


def money_text(minor: int, currency: str) -> str:
    """Write an amount with its symbol, or with the currency's code where no short symbol is common."""
    language = get_language() or _ENGLISH
    if language == _ENGLISH:
        return formats.money_text(minor, currency)
    from babel.numbers import format_currency

    digits = DECIMALS[currency]
    amount, pattern = Decimal(minor).scaleb(-digits), _with_digits(language, digits, "currency")
    return format_currency(amount, currency, pattern, language, currency_digits=False)


def brief_money_text(minor: int, currency: str) -> str:
    """Write an amount for a tile: from a thousand on without decimals, which no one reads there."""
    language = get_language() or _ENGLISH
    if language == _ENGLISH:
        return formats.brief_money_text(minor, currency)
    unit = 10 ** DECIMALS[currency]
    if abs(minor) < 1_000 * unit:
        return money_text(minor, currency)
    from babel.numbers import format_currency

    whole = (abs(minor) + unit // 2) // unit * (-1 if minor < 0 else 1)
    return format_currency(whole, currency, _with_digits(language, 0, "currency"), language, currency_digits=False)


def percent_text(share: float, digits: int = 1) -> str:
    """Write a share of one as a percentage."""
    language = get_language() or _ENGLISH
    if language == _ENGLISH:
        return formats.percent_text(share, digits)
    from babel.numbers import format_percent

    return format_percent(share, _with_digits(language, digits, "percent"), language)


@lru_cache(maxsize=64)
def _with_digits(language: str, digits: int, kind: Literal["currency", "percent"]) -> str:
    """Return the pattern of a language with a number of decimals, which does not depend on the currency's usual one."""
    from babel import Locale

    locale = Locale.parse(language)
    found = locale.currency_formats["standard"] if kind == "currency" else locale.percent_formats[None]
    return re.sub(r"0(\.0+)?(?!.*0)", f"0.{'0' * digits}" if digits else "0", found.pattern)
