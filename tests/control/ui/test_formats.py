"""Texts for numbers."""

import pytest

from control.ui.formats import Change, brief_money_text, change, count_text, money_text, short_text


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (0, "USD", "$0.00"),
        (5, "EUR", "€0.05"),
        (-123_456_789, "USD", "−$1,234,567.89"),
        (1_000, "JPY", "¥1,000"),
        (1_000, "CHF", "CHF 10.00"),
    ],
)
def test_money(minor: int, currency: str, text: str) -> None:
    assert money_text(minor, currency) == text


@pytest.mark.parametrize(
    ("minor", "text"),
    [(99_999, "$999.99"), (100_000, "$1,000"), (385_977_050, "$3,859,771"), (-385_977_049, "−$3,859,770")],
)
def test_brief_money(minor: int, text: str) -> None:
    assert brief_money_text(minor, "USD") == text


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (-1_234, "−1,234"), (1_000_000, "1,000,000")])
def test_counts(number: int, text: str) -> None:
    assert count_text(number) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (0.5, "0.5"), (999, "999"), (1_000, "1k"), (99_960, "100k"), (2.5e9, "2.5B")]
)
def test_short(number: float, text: str) -> None:
    assert short_text(number) == text


@pytest.mark.parametrize(
    ("now", "before", "lower_is_better", "expected"),
    [
        (110, 100, False, Change("10.0\u202f%", "up", "good")),
        (90, 100, False, Change("10.0\u202f%", "down", "bad")),
        (110, 100, True, Change("10.0\u202f%", "up", "bad")),
        (90, 100, True, Change("10.0\u202f%", "down", "good")),
        (100, 100, False, Change("0.0\u202f%", "flat", "flat")),
        (5, 0, False, Change("new", "flat", "flat")),
        (0, 0, False, Change("", "flat", "flat")),
        (5_000, 100, False, Change("×50", "up", "good")),
        (-50, -100, False, Change("50.0\u202f%", "up", "good")),
    ],
)
def test_changes(now: float, before: float, lower_is_better: bool, expected: Change) -> None:
    assert change(now, before, lower_is_better=lower_is_better) == expected
