"""Identities that join touches to conversions, and values that never join."""

import pytest
from hypothesis import given

from schemas import identity
from schemas.events import Kind
from tests.schemas.samples import conversion, touch, touch_id
from tests.schemas.strategies import texts

CASES = [
    (Kind.CLICK, {"ref": "a1"}, "click_ref", {"click_ref": "a1"}),
    (Kind.IMPRESSION, {"ref": "a1"}, "impression_ref", {"impression_ref": "a1"}),
    (Kind.CLICK, {"visitor_id": "v1"}, "visitor_id", {"visitor_id": "v1"}),
    (Kind.IMPRESSION, {"user_id": "u1"}, "user_id", {"user_id": "u1"}),
    (Kind.CLICK, {}, "click_id", {"click_id": touch_id(1)}),
    (Kind.IMPRESSION, {}, "impression_id", {"impression_id": touch_id(1)}),
]


@pytest.mark.parametrize(("kind", "of_touch", "match_kind", "of_conversion"), CASES)
def test_a_conversion_finds_its_touch(
    kind: Kind, of_touch: dict[str, str], match_kind: str, of_conversion: dict[str, str]
) -> None:
    sale = conversion("t", match_kind=match_kind, **of_conversion)
    assert identity.of_conversion(sale) in identity.of_touch(kind, touch(1, **of_touch))


def test_kinds_of_identities_never_meet() -> None:
    """The same text as visitor, user, click line and impression line gives four identities."""
    same = "x" * 27
    found = [
        identity.of_token(same.encode()),
        identity.of_ref(Kind.CLICK, same),
        identity.of_ref(Kind.IMPRESSION, same),
        identity.of_visitor(same),
        identity.of_user(same),
    ]
    assert len(set(found)) == 5


@pytest.mark.parametrize(
    ("fields", "count"),
    [({}, 1), ({"ref": "a"}, 2), ({"visitor_id": "~h"}, 1), ({"visitor_id": "v", "user_id": "u", "ref": "a"}, 4)],
)
def test_a_touch_has_each_identity_once(fields: dict[str, str], count: int) -> None:
    found = identity.of_touch(Kind.CLICK, touch(1, **fields))
    assert len(found) == len(set(found)) == count and all(found)


def test_a_daily_hash_counts_uniques_but_joins_nothing() -> None:
    assert identity.of_visitor("~abc") == 0
    assert identity.of_conversion(conversion("t", match_kind="visitor_id", visitor_id="~abc")) == 0
    assert identity.visitor_hash("~abc") != identity.visitor_hash("~abd") != 0


@given(texts)
def test_identities_are_64_bits_and_only_empty_text_gives_0(text: str) -> None:
    found = [identity.of_user(text), identity.of_visitor(text), identity.visitor_hash(text)]
    assert all(0 <= value < 2**64 for value in found)
    assert (identity.of_user(text) == 0) == (text == "") == (identity.visitor_hash(text) == 0)


def test_identities_never_change() -> None:
    """Identities are stored: with another hash, new conversions would not find old touches."""
    assert identity.of_user("u1") == 13_573_776_689_834_982_596
    assert identity.of_visitor("v1") == identity.visitor_hash("v1") == 8_206_595_996_411_190_262
    assert identity.of_token(touch_id(1)) == 12_551_000_863_690_117_081
    assert identity.of_ref(Kind.CLICK, "a1") == 14_971_951_521_244_675_873
    assert identity.of_ref(Kind.IMPRESSION, "a1") == 1_528_043_094_835_535_928
