"""Coupons, re-opening, pass-through and trust in links: the keys of a program file and their mistakes."""

import pytest

from program.entries import Coupon, coupon_key
from program.terms import canonical, from_canonical
from tests.program.test_file import GOOD, read

COUPON = '[[coupon]]\ncode = "BLUE10"\npartner = 7\noffer = 101\n'
MARCH_US, APRIL_US = 1_772_323_200_000_000, 1_775_001_600_000_000


def test_a_coupon_is_found_without_case() -> None:
    program = read(GOOD + COUPON + 'from = "2026-03-01T01:00:00+01:00"\nto = 2026-04-01T00:00:00Z\n').program
    assert program is not None
    coupon = Coupon("BLUE10", 7, 101, MARCH_US, APRIL_US)
    assert program.terms.coupons == {"blue10": (coupon,)}
    assert coupon_key(" Blue10 ") == "blue10"
    assert [coupon.covers(ts) for ts in (MARCH_US - 1, MARCH_US, APRIL_US - 1, APRIL_US)] == [False, True, True, False]
    assert Coupon("x", 7, 101).covers(0) and Coupon("x", 7, 101).covers(2**62)
    assert from_canonical(canonical(program.terms)) == program.terms


def test_one_code_may_be_used_again_later() -> None:
    later = COUPON.replace("BLUE10", "blue10") + 'from = "2026-04-01T00:00:00Z"\n'
    program = read(GOOD + later + COUPON + 'to = "2026-04-01T00:00:00Z"\n').program
    assert program is not None
    assert [coupon.code for coupon in program.terms.coupons["blue10"]] == ["BLUE10", "blue10"]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (COUPON.replace("partner = 7", "partner = 9"), "coupon[0].partner", "there is no partner 9"),
        (COUPON.replace("offer = 101", "offer = 9"), "coupon[0].offer", "there is no offer 9"),
        (COUPON + 'from = "2026-03-01T00:00:00"\n', "coupon[0].from", "a timestamp with an offset"),
        (COUPON + "from = 2026-03-01T00:00:00\n", "coupon[0].from", "a timestamp with an offset"),
        (COUPON + "from = 2026-03-01\n", "coupon[0].from", "must be a text, not a date or time"),
        (COUPON + 'to = "tomorrow"\n', "coupon[0].to", "a timestamp with an offset"),
        (COUPON + 'to = "2026-02-30T00:00:00Z"\n', "coupon[0].to", "a timestamp with an offset"),
        (COUPON + 'from = "2026-03-01T00:00:00Z"\nto = "2026-03-01T01:00:00+01:00"\n', "coupon[0].to", "later than"),
        (COUPON.replace('"BLUE10"', '" "'), "coupon[0].code", "must not be empty"),
        (COUPON.replace("BLUE10", "x" * 129), "coupon[0].code", "at most 128 characters"),
        (COUPON + COUPON.replace("BLUE10", "bLUE10"), "coupon[1].code", "is already defined on line"),
        (COUPON + 'to = "2026-04-01T00:00:01Z"\n' + COUPON + 'from = "2026-04-01T00:00:00Z"\n', "coupon[1].code",
         "overlapping"),
        (COUPON + "percent = 5\n", "coupon[0].percent", "is not a known key"),
    ],
)  # fmt: skip
def test_mistakes_in_a_coupon(text: str, place: str, message: str) -> None:
    mistakes = read(GOOD + text).mistakes
    assert [mistake.place for mistake in mistakes] == [place]
    assert message in mistakes[0].message


def test_keys_of_offers_and_links() -> None:
    program = read(GOOD).program
    assert program is not None
    terms, route = program.terms, program.routes.offers[101]
    assert (terms.offers[101].reopen, route.pass_through, terms.link_user_id) == (True, False, "untrusted")
    changed = GOOD.replace("id = 101\n", "id = 101\nreopen = false\npass_through = true\n", 1)
    changed = changed.replace("[program]\n", '[program]\nlink_user_id = "trusted"\n', 1)
    other = read(changed).program
    assert other is not None and other.hash != program.hash
    terms, route = other.terms, other.routes.offers[101]
    assert (terms.offers[101].reopen, route.pass_through, terms.link_user_id) == (False, True, "trusted")
    assert from_canonical(canonical(other.terms)) == other.terms


def test_mistakes_in_these_keys() -> None:
    text = GOOD.replace("id = 101\n", 'id = 101\nreopen = "no"\npass_through = 1\n', 1)
    text = text.replace("[program]\n", '[program]\nlink_user_id = "yes"\n', 1)
    assert {mistake.place for mistake in read(text).mistakes} == {
        "program.link_user_id", "offer[0].reopen", "offer[0].pass_through"
    }  # fmt: skip
