"""Convert amounts of a file to the plain decimals that /v1/events takes. Pure."""

from typing import Any

from integrations.files.mapping.templates import Template
from integrations.files.source import JsonNumber
from program.toml.tables import BadValue
from schemas.values.currencies import DECIMALS
from schemas.values.decimal_text import (
    BadNumber,
    NumberFormat,
    currencies_of,
    plain_decimal,
    split_currency_sign,
)

_PLAIN = NumberFormat(".", "")
_CHANGE = "correct decimal or thousands in [source] of the mapping, or the amount"
_FIX = 'set decimal in [source] of the mapping to "." or ","'


def set_amount(body: dict[str, Any], template: Template, values: dict[str, str], form: NumberFormat) -> None:
    """Replace the amount of an event by a plain decimal, and set its currency if only the amount names it.

    Raises BadValue for a text that is not an amount or has two possible values.
    """
    text: str = body["amount"]
    if not template.columns or isinstance(template.fill(values), JsonNumber):
        form = _PLAIN
    sign, number = split_currency_sign(text)
    if number[:1] in ("-", "\u2212") or number[-1:] == "-" or (number[:1] == "(" and number[-1:] == ")"):
        raise BadValue(f"amount {text[:40]!r} is negative; amounts are positive, also those of refunds")
    try:
        plain = plain_decimal(number, form)
    except BadNumber as error:
        fix = "" if form is _PLAIN else _CHANGE if form.is_set else _FIX
        raise BadValue(f"amount {error}; {fix}" if fix else f"amount {error}") from None
    if sign:
        _check_currency(body, sign, text)
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
        _check_group(body, plain, number, form)
    body["amount"] = plain


def _check_currency(body: dict[str, Any], sign: str, text: str) -> None:
    codes = currencies_of(sign)
    currency = str(body.get("currency", "")).upper()
    if currency and currency not in codes:
        raise BadValue(f"amount {text[:40]!r} is not in {currency}, the currency of the event")
    if not currency and len(codes) > 1:
        raise BadValue(f"amount {text[:40]!r}: {sign} is the sign of several currencies; set currency in the [[event]]")
    if not currency:
        body["currency"] = next(iter(codes))


def _check_group(body: dict[str, Any], plain: str, number: str, form: NumberFormat) -> None:
    """Refuse 1.234 in a currency of two decimals, where the point is more likely a thousands sign.

    Raises BadValue.
    """
    whole, _, fraction = plain.partition(".")
    decimals = DECIMALS.get(str(body.get("currency", "")).upper(), 2)
    if not form.is_set and len(fraction) == 3 > decimals and 1 <= len(whole) <= 3 and whole != "0":
        raise BadValue(f"amount {number!r} can be {plain} or {whole}{fraction}; {_FIX}")
