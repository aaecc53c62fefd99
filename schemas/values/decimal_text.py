"""Numbers as spreadsheets write them: decimal comma, thousands signs, currency signs. Pure.

Nothing is guessed: a text with two possible values is an error until a format says which one is meant.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from schemas.values.currencies import DECIMALS

DECIMAL_SIGNS = (".", ",")
THOUSANDS_SIGNS = (".", ",", " ", "'")
NUMBER_CHARS_MAX = 64
_SAME_SIGNS = str.maketrans(
    {"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2007": " ", "\t": " ", "\u2019": "'", "\u02bc": "'"}
)
"""Other forms of the space and the apostrophe: no-break, narrow no-break, thin, figure space; typographic quotes."""
_CODE_BEFORE = re.compile(r"([A-Za-z]{3}) ?(?=[\d.,])")
_CODE_AFTER = re.compile(r"(?<=[\d.,]) ?([A-Za-z]{3})$")
_CODES_BY_SIGN = {
    "$": "ARS AUD BBD BMD BND BSD BZD CAD CLP COP CVE DOP FJD GYD HKD JMD KYD LRD MXN NAD NIO NZD SBD SGD SRD TTD TWD "
    "USD UYU XCD XCG",
    "US$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD NIO", "CA$": "CAD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD",
    "NT$": "TWD", "R$": "BRL", "MX$": "MXN",
    "€": "EUR", "£": "EGP FKP GBP GIP LBP SDG SHP SSP SYP", "¥": "CNY JPY", "CN¥": "CNY", "JP¥": "JPY", "円": "JPY",
    "元": "CNY TWD", "₹": "INR", "₽": "RUB", "₺": "TRY", "₩": "KPW KRW", "₪": "ILS", "₫": "VND", "₴": "UAH", "₦": "NGN",
    "₱": "PHP", "฿": "THB", "₸": "KZT", "zł": "PLN", "Kč": "CZK", "Ft": "HUF", "лв": "BGN", "лв.": "BGN",
    "kr": "DKK ISK NOK SEK", "kr.": "DKK ISK NOK SEK", "lei": "MDL RON", "Fr.": "CHF", "SFr.": "CHF",
}  # fmt: skip
_SIGNS = {sign: frozenset(codes.split()) for sign, codes in _CODES_BY_SIGN.items()}
_LONGEST_FIRST = sorted(_SIGNS, key=len, reverse=True)


class BadNumber(ValueError):
    """Error for a text that is not a number of the format, or that has two possible values."""


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """Signs that a file uses in numbers. An empty `decimal` and a `thousands` of None are not set."""

    decimal: str = ""
    thousands: str | None = None
    """One of THOUSANDS_SIGNS; empty if the file uses none."""
    point_by_default: bool = True
    """True if the point is the decimal sign while neither sign is set."""

    @property
    def is_set(self) -> bool:
        return bool(self.decimal) or self.thousands is not None


def thousands_sign(text: str) -> str:
    """Read a thousands sign out of a setting; "none" and "space" are words for it. Raises BadNumber."""
    sign = {"space": " ", "none": ""}.get(text, text).translate(_SAME_SIGNS)
    if sign and sign not in THOUSANDS_SIGNS:
        raise BadNumber("must be one of . , ' space or none")
    return sign


def plain_decimal(text: str, form: NumberFormat) -> str:
    """Return a number as digits with a decimal point, such as 1234.56 for "1.234,56". Raises BadNumber.

    Groups have three digits; in the Indian form, 12,34,567, all but the last have two. A sign or an exponent is an
    error.
    """
    number = text.translate(_SAME_SIGNS).strip()
    if len(number) > NUMBER_CHARS_MAX or not number:
        raise BadNumber(f"{text[:40]!r} is not an amount")
    if number.isascii() and number.isdigit():
        return number
    if not form.is_set and form.point_by_default:
        values = _values(number, NumberFormat("."))
        if "." not in number and len(everything := _values(number, NumberFormat())) > 1:
            values = everything
    else:
        values = _values(number, form)
    if len(values) > 1:
        raise BadNumber(f"{text[:40]!r} can be {' or '.join(sorted(values))}")
    if not values:
        raise BadNumber(f"{text[:40]!r} is not an amount {_describe(form)}")
    return values.pop()


def _values(number: str, form: NumberFormat) -> set[str]:
    """Every value that a text can have."""
    values = set()
    for decimal in [form.decimal] if form.decimal else DECIMAL_SIGNS:
        for thousands in THOUSANDS_SIGNS if form.thousands is None else (form.thousands,):
            if thousands == decimal:
                continue
            match = _pattern(decimal, thousands).fullmatch(number)
            if match is not None:
                whole, fraction = match.group(1) or "0", match.group(2) or ""
                digits = whole.replace(thousands, "") if thousands else whole
                values.add(f"{digits}.{fraction}" if fraction else digits)
    return values


@lru_cache
def _pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    point = re.escape(decimal)
    whole = r"[0-9]+"
    if thousands:
        sign = re.escape(thousands)
        whole += rf"|[1-9][0-9]{{0,2}}(?:{sign}[0-9]{{3}})+"
    if thousands == ",":  # the Indian form, 12,34,567
        whole += r"|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}"
    return re.compile(rf"(?!{point}$)({whole})?(?:{point}([0-9]*))?")


def _describe(form: NumberFormat) -> str:
    if not form.is_set:
        return "with a decimal point" if form.point_by_default else "with a decimal point or comma"
    parts = [f"decimal sign {form.decimal!r}"] if form.decimal else []
    if form.thousands is not None:
        parts.append(f"thousands sign {form.thousands!r}" if form.thousands else "no thousands sign")
    return f"with {' and '.join(parts)}"


def split_currency_sign(text: str) -> tuple[str, str]:
    """Split "€ 12.50" or "12.50 EUR" into currency sign and number; the sign is empty if there is none."""
    number = text.translate(_SAME_SIGNS).strip()
    if not number or (number[0] in "0123456789.," and number[-1] in "0123456789.,"):
        return "", number
    for pattern in (_CODE_BEFORE, _CODE_AFTER):
        match = pattern.match(number) if pattern is _CODE_BEFORE else pattern.search(number)
        if match is not None and match.group(1).upper() in DECIMALS:
            return match.group(1).upper(), (number[: match.start()] + number[match.end() :]).strip()
    for sign in _LONGEST_FIRST:
        if number.startswith(sign):
            return sign, number[len(sign) :].strip()
        if number.endswith(sign):
            return sign, number[: -len(sign)].strip()
    return "", number


def currencies_of(sign: str) -> frozenset[str]:
    """Return the ISO 4217 codes that a currency sign can stand for."""
    return _SIGNS.get(sign, frozenset({sign}))
