"""Amounts: exact parsing and formatting, rounding half away from zero, and no guesses."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.values.currencies import DECIMALS, DECIMALS_MAX
from schemas.values.money import (
    AMOUNT_E4_MAX,
    AMOUNT_MINOR_MAX,
    BadAmount,
    e4_of_minor,
    format_minor,
    minor_of_e4,
    parse_e4,
    parse_minor,
    percent_of_minor,
)

currencies = st.sampled_from(sorted(DECIMALS))


def limit(currency: str) -> int:
    return min(AMOUNT_MINOR_MAX, AMOUNT_E4_MAX // int(10 ** (DECIMALS_MAX - DECIMALS[currency])))


@given(st.data(), currencies)
def test_parse_reads_what_format_wrote(data: st.DataObject, currency: str) -> None:
    minor = data.draw(st.integers(0, limit(currency)))
    text = format_minor(minor, currency)
    assert parse_minor(text, currency) == minor
    assert Decimal(text) == Decimal(minor).scaleb(-DECIMALS[currency])
    assert format_minor(-minor, currency) == (f"-{text}" if minor else text)
    assert parse_e4(text) == e4_of_minor(minor, currency)
    assert minor_of_e4(e4_of_minor(minor, currency), currency) == minor


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (750, "USD", "7.50"), (-750, "USD", "-7.50"), (5, "USD", "0.05"), (0, "USD", "0.00"), (-1, "USD", "-0.01"),
        (750, "JPY", "750"), (0, "JPY", "0"), (1234, "KWD", "1.234"), (7, "KWD", "0.007"), (12345, "CLF", "1.2345"),
    ],
)  # fmt: skip
def test_format(minor: int, currency: str, text: str) -> None:
    assert format_minor(minor, currency) == text


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("7.5", "USD", 750),
        ("7", "USD", 700),
        ("007.50", "USD", 750),
        ("7", "JPY", 7),
        ("7.5", "KWD", 7500),
        ("49.9900", "USD", 4999),
        ("1000.00", "JPY", 1000),
        (".50", "USD", 50),
        ("50.", "USD", 5000),
        ("7.0", "JPY", 7),
    ],
)
def test_parse(text: str, currency: str, minor: int) -> None:
    assert parse_minor(text, currency) == minor


@pytest.mark.parametrize(
    "text",
    ["", " ", "-1", "+1", "1e3", "NaN", "nan", "Infinity", "1,5", "1.000,00", "1 000", "1_000", ".", "0x10",
     "١", "７", "1.5.0", "1\n", "\n1", "1\0", "--1", "1" * 17, "0." + "0" * 17, "$5"],
)  # fmt: skip
def test_texts_that_are_not_amounts_are_refused(text: str) -> None:
    with pytest.raises(BadAmount, match="not an amount"):
        parse_minor(text, "USD")
    with pytest.raises(BadAmount, match="not an amount"):
        parse_e4(text)


@pytest.mark.parametrize(
    ("text", "currency"), [("7.505", "USD"), ("7.5", "JPY"), ("1.2345", "KWD"), ("1.23456", "CLF")]
)
def test_too_many_decimals(text: str, currency: str) -> None:
    """Zeros too: the sender thinks of another currency."""
    with pytest.raises(BadAmount, match=f"decimals, {currency} has {DECIMALS[currency]}"):
        parse_minor(text, currency)


@given(st.data(), currencies)
def test_amounts_have_a_limit_that_every_column_holds(data: st.DataObject, currency: str) -> None:
    highest = limit(currency)
    assert parse_minor(format_minor(highest, currency), currency) == highest
    assert e4_of_minor(highest, currency) < 2**63
    above = highest + data.draw(st.integers(1, 10**9))
    with pytest.raises(BadAmount, match=r"limit|not an amount"):
        parse_minor(format_minor(above, currency), currency)


def test_e4_has_the_same_limit() -> None:
    assert parse_e4("10000000000000") == AMOUNT_E4_MAX
    with pytest.raises(BadAmount, match="limit"):
        parse_e4("10000000000000.0001")
    with pytest.raises(BadAmount, match="decimals"):
        parse_e4("1.00001")


@pytest.mark.parametrize("currency", ["usd", "US", "", "XXX", "BTC", "USD "])
def test_unknown_currencies(currency: str) -> None:
    with pytest.raises(BadAmount, match="ISO 4217"):
        parse_minor("1", currency)


@given(st.integers(0, AMOUNT_E4_MAX), currencies)
def test_e4_is_minor_units_or_nothing(e4: int, currency: str) -> None:
    minor = minor_of_e4(e4, currency)
    exact = Fraction(e4, 10**DECIMALS_MAX) * 10 ** DECIMALS[currency]
    assert minor == (int(exact) if exact.denominator == 1 else None)


@given(st.integers(-AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX), st.integers(0, 1_000 * 10**6))
def test_percent_rounds_half_away_from_zero(minor: int, percent_e6: int) -> None:
    exact = Decimal(minor) * percent_e6 / 10**8
    assert percent_of_minor(minor, percent_e6) == int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    assert percent_of_minor(-minor, percent_e6) == -percent_of_minor(minor, percent_e6)


@pytest.mark.parametrize(
    ("minor", "percent_e6", "expected"),
    [(1, 50_000_000, 1), (-1, 50_000_000, -1), (3, 50_000_000, 2), (1, 49_999_999, 0), (750, 8_500_000, 64),
     (100, 500_000, 1), (100, 499_999, 0), (0, 8_500_000, 0), (10**15, 100_000_000, 10**15)],
)  # fmt: skip
def test_percent(minor: int, percent_e6: int, expected: int) -> None:
    assert percent_of_minor(minor, percent_e6) == expected


def test_decimals_of_well_known_currencies() -> None:
    known = {"USD": 2, "EUR": 2, "JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3, "CLF": 4, "HUF": 2, "ISK": 0, "TND": 3}
    assert {code: DECIMALS[code] for code in known} == known
    assert max(DECIMALS.values()) == DECIMALS_MAX
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in DECIMALS)
