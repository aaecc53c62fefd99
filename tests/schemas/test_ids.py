"""Placeholders that senders send in place of an id."""

import pytest

from runtime.settings import TrackerSettings
from schemas.values.ids import AbsentIds


@pytest.mark.parametrize(
    "text",
    ["", " ", "\u200b", "undefined", "UNDEFINED", " Null ", '"null"', "'none'", "NaN", "0", "-", "anonymous", "Guest",
     "unknown", "[object Object]", "{user_id}", "{{user.id}}", "${uid}",
     "%7Buid%7D", "%7b%7buid%7d%7d", "{}", "(null)"],
)  # fmt: skip
def test_placeholders(text: str) -> None:
    assert AbsentIds(TrackerSettings().absent_ids).holds(text)


@pytest.mark.parametrize(
    "text",
    ["u1", "00", "10", "nullable", "guest-7", "a{b}", "{b}a", "unknown soldier", "-1", "%41", "[1]",
     "{3F2504E0-4F89-11D3-9A0C-0305E82C3301}", "No one"],
)  # fmt: skip
def test_ids(text: str) -> None:
    assert not AbsentIds(TrackerSettings().absent_ids).holds(text)


def test_the_list_is_a_setting() -> None:
    assert AbsentIds("nobody, N.N.").holds("NOBODY") and AbsentIds("nobody, N.N.").holds("n.n.")
    assert not AbsentIds("nobody").holds("undefined") and AbsentIds("nobody").holds("{x}")
