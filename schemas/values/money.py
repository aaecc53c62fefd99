"""Money: an integer of minor units and a currency, parsed from and written as text; never a float."""

import re

from schemas.values.currencies import DECIMALS, DECIMALS_MAX

AMOUNT_MINOR_MAX = 10**15
"""Largest amount of one event, in minor units: far above any order, far below an int64."""

AMOUNT_E4_MAX = AMOUNT_MINOR_MAX * 100
"""Limit in 1/10000 units, which bounds amounts in currencies without decimals."""

_AMOUNT = re.compile(r"(\d{1,16})(?:\.(\d{0,16}))?|\.(\d{1,16})")


class BadAmount(ValueError):
    """Error for a text that is not an amount of the currency; the message is a sentence for the sender."""


def parse_minor(text: str, currency: str) -> int:
    """Parse a plain decimal such as "7.50" into minor units. Raises BadAmount.

    Signs, exponents, NaN, group separators and more decimals than the currency has are errors, because a wrong guess
    would cost the sender money.
    """
    decimals = DECIMALS.get(currency)
    if decimals is None:
        raise BadAmount(f"{currency!r} is not an ISO 4217 currency code (for example USD)")
    match = _AMOUNT.fullmatch(text) if text.isascii() else None
    if match is None:
        raise BadAmount(f"{text[:40]!r} is not an amount; send digits with a decimal point, as in 7.50")
    fraction = _fraction(match)
    if len(fraction) > decimals:
        raise BadAmount(f"{text[:40]!r} has {len(fraction)} decimals, {currency} has {decimals}")
    minor = int((match.group(1) or "0") + fraction.ljust(decimals, "0"))
    limit = min(AMOUNT_MINOR_MAX, AMOUNT_E4_MAX // 10 ** (DECIMALS_MAX - decimals))
    if minor > limit:
        raise BadAmount(f"{text[:40]!r} is above the limit of {format_minor(limit, currency)}")
    return minor


def parse_e4(text: str) -> int:
    """Parse a plain decimal into 1/10000 units, for an amount whose currency is not known yet. Raises BadAmount."""
    match = _AMOUNT.fullmatch(text) if text.isascii() else None
    if match is None:
        raise BadAmount(f"{text[:40]!r} is not an amount; send digits with a decimal point, as in 7.50")
    fraction = _fraction(match)
    if len(fraction) > DECIMALS_MAX:
        raise BadAmount(f"{text[:40]!r} has {len(fraction)} decimals, no currency has more than {DECIMALS_MAX}")
    e4 = int((match.group(1) or "0") + fraction.ljust(DECIMALS_MAX, "0"))
    if e4 > AMOUNT_E4_MAX:
        raise BadAmount(f"{text[:40]!r} is above the limit for one amount")
    return e4


def currency_code(text: str) -> str:
    """Return the form in which currency codes are compared: senders write them in lower case too."""
    return text.strip().upper()


def _fraction(match: re.Match[str]) -> str:
    """Return the decimals without the zeros at their end, which say nothing."""
    return (match.group(2) or match.group(3) or "").rstrip("0")


def e4_of_minor(minor: int, currency: str) -> int:
    """Convert minor units to 1/10000 units, exactly."""
    return int(minor * 10 ** (DECIMALS_MAX - DECIMALS[currency]))


def minor_of_e4(e4: int, currency: str) -> int | None:
    """Convert 1/10000 units to minor units; None if the currency has fewer decimals than the amount needs."""
    minor, rest = divmod(e4, 10 ** (DECIMALS_MAX - DECIMALS[currency]))
    return None if rest else minor


def format_minor(minor: int, currency: str) -> str:
    """Write minor units as a plain decimal such as "-7.50"."""
    decimals = DECIMALS[currency]
    sign, digits = ("-" if minor < 0 else ""), str(abs(minor)).rjust(decimals + 1, "0")
    return sign + (f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits)


def percent_of_minor(minor: int, percent_e6: int) -> int:
    """Compute percent × minor, rounded half away from zero (docs/contract.md, section 6).

    `percent_e6` is the percentage × 10^6.
    """
    scaled = abs(minor) * percent_e6
    rounded = (scaled * 2 + 10**8) // (2 * 10**8)
    return rounded if minor >= 0 else -rounded
