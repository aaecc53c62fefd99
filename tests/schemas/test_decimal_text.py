"""Numbers as spreadsheets write them: each form under each setting, and no guess where a text has two values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.values.decimal_text import (
    BadNumber,
    NumberFormat,
    currencies_of,
    plain_decimal,
    split_currency_sign,
)

PLAIN = NumberFormat()
"""Nothing is set, in a comma-separated file or NDJSON."""
EITHER = NumberFormat(point_by_default=False)
"""Nothing is set, in a file separated by semicolons, tabs or pipes."""


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        (NumberFormat(","), "1.234,56", "1234.56"),
        (NumberFormat(","), "12,34", "12.34"),
        (NumberFormat(","), "1.234", "1234"),
        (NumberFormat(","), "1,234", "1.234"),
        (NumberFormat(","), "1 234 567,8", "1234567.8"),
        (NumberFormat(","), "1\u00a0234,56", "1234.56"),
        (NumberFormat(","), "1\u202f234,56", "1234.56"),
        (NumberFormat(","), "\u00a012,5\u00a0", "12.5"),
        (NumberFormat("."), "1,234.56", "1234.56"),
        (NumberFormat("."), "1,234", "1234"),
        (NumberFormat("."), "1'234.56", "1234.56"),
        (NumberFormat("."), "1\u2019234.56", "1234.56"),
        (NumberFormat("."), "12,34,567.80", "1234567.80"),
        (NumberFormat(",", "."), "1.234.567", "1234567"),
        (NumberFormat("", " "), "1 234,5", "1234.5"),
        (NumberFormat("", "."), "1.234", "1234"),
        (NumberFormat("", ","), "1,234", "1234"),
        (NumberFormat("", ""), "1,234", "1.234"),
        (PLAIN, "7.500", "7.500"),
        (PLAIN, "1,234.56", "1234.56"),
        (PLAIN, "1,234,567", "1234567"),
        (PLAIN, "1 234.5", "1234.5"),
        (PLAIN, "1234", "1234"),
        (PLAIN, ".5", "0.5"),
        (EITHER, "12,34", "12.34"),
        (EITHER, "12.34", "12.34"),
        (EITHER, "1.234,56", "1234.56"),
        (EITHER, "1,234.56", "1234.56"),
        (EITHER, "1.234.567", "1234567"),
        (EITHER, "0,500", "0.500"),
        (EITHER, "1234,567", "1234.567"),
    ],
)
def test_one_value(form: NumberFormat, text: str, value: str) -> None:
    assert plain_decimal(text, form) == value


@pytest.mark.parametrize(
    ("form", "text"), [(PLAIN, "1,234"), (EITHER, "1,234"), (EITHER, "1.234"), (EITHER, "7.500"), (EITHER, "999,000")]
)
def test_two_values_are_an_error_that_names_both(form: NumberFormat, text: str) -> None:
    digits = text.replace(",", "").replace(".", "")
    with pytest.raises(BadNumber, match=f"can be {text[:-4]}.{text[-3:]} or {digits}"):
        plain_decimal(text, form)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (PLAIN, "12,34"), (PLAIN, "1.234,56"), (PLAIN, "1.234.567"), (PLAIN, ""), (PLAIN, " "), (PLAIN, "1e5"),
        (PLAIN, "-1"), (PLAIN, "+1"), (PLAIN, "1_000"), (PLAIN, "NaN"), (PLAIN, "."), (PLAIN, ","), (PLAIN, "\u0663"),
        (EITHER, "1.2.3"), (EITHER, "12.34.567"), (EITHER, "1,2.3"), (EITHER, "1.234 567"), (EITHER, "1 23"),
        (NumberFormat(","), "12.34"), (NumberFormat(","), "1,234.56"), (NumberFormat("."), "12,34"),
        (NumberFormat(",", "."), "1 234,5"), (NumberFormat(",", ""), "1.234,5"), (NumberFormat("."), "9" * 65),
    ],
)  # fmt: skip
def test_other_texts_are_not_numbers(form: NumberFormat, text: str) -> None:
    with pytest.raises(BadNumber):
        plain_decimal(text, form)


@given(
    cents=st.integers(0, 10**12),
    signs=st.sampled_from(
        [(".", ","), (".", " "), (".", "'"), (",", "."), (",", " "), (",", "'"), (".", ""), (",", "")]
    ),
)
def test_every_written_amount_is_read_as_it_was_meant(cents: int, signs: tuple[str, str]) -> None:
    decimal, thousands = signs
    whole = f"{cents // 100:,}".replace(",", thousands)
    text = f"{whole}{decimal}{cents % 100:02}"
    expected = f"{cents // 100}.{cents % 100:02}"
    assert plain_decimal(text, NumberFormat(decimal, thousands)) == expected
    assert plain_decimal(text, NumberFormat(decimal)) == expected
    assert plain_decimal(text, EITHER) == expected, "two decimals leave one value"


@pytest.mark.parametrize(
    ("text", "sign", "number"),
    [
        ("€ 1.234,50", "€", "1.234,50"),
        ("12,34\u00a0€", "€", "12,34"),
        ("US$12", "US$", "12"),
        ("$12", "$", "12"),
        ("12.50 eur", "EUR", "12.50"),
        ("CHF 1'200", "CHF", "1'200"),
        ("99 Kč", "Kč", "99"),
        ("kr. 5", "kr.", "5"),
        ("-5 €", "€", "-5"),
        ("12.50", "", "12.50"),
        ("12 XYZ", "", "12 XYZ"),
        ("5 %", "", "5 %"),
    ],
)
def test_a_currency_sign_is_split_off(text: str, sign: str, number: str) -> None:
    assert split_currency_sign(text) == (sign, number)


def test_signs_of_one_currency_and_of_several() -> None:
    assert currencies_of("€") == {"EUR"}
    assert currencies_of("PLN") == {"PLN"}
    assert {"USD", "CAD", "AUD"} < currencies_of("$")
    assert currencies_of("kr") == {"SEK", "NOK", "DKK", "ISK"}
