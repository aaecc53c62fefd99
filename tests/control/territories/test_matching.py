"""Matching of territories against a plain twin, which looks at every point of a small world."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.territories.matching import Claim, Point, Rules, overlaps, owners_of, read_rules
from control.territories.postal import PostalRange, plain_code, read_range

DIGITS = "0129AZ"
CODES = ["".join(word) for length in (1, 2, 3) for word in product(DIGITS, repeat=length)]
"""All codes of up to three of these characters."""
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
codes = st.sampled_from(CODES)


@st.composite
def ranges(draw: st.DrawFn) -> PostalRange:
    low = draw(codes)
    if draw(st.booleans()):
        return PostalRange(low)
    high = draw(codes.filter(lambda code: len(code) == len(low)))
    return PostalRange(*sorted((low, high)))


def _holds(part: PostalRange, code: str) -> bool:
    """Decide by the text of a range, as its description says."""
    text = str(part)
    if text.endswith("*"):
        return code[: len(text) - 1] == text[:-1]
    low, _, high = text.partition("-")
    return len(code) == len(low) and sorted((low, code, high or low))[1] == code


@given(ranges(), ranges())
def test_the_common_code_of_two_ranges_is_there_if_and_only_if_one_exists(one: PostalRange, two: PostalRange) -> None:
    found, shared = one.common(two), [code for code in CODES if _holds(one, code) and _holds(two, code)]
    assert bool(found) == bool(shared) and found == two.common(one)
    assert not found or (_holds(one, found) and _holds(two, found))


VALUES = {"countries": ["DE", "AT"], "segments": ["smb", "big"], "accounts": ["Acme"]}
WORLD = [
    Point(country=country, segment=segment, company=company, postal=code)
    for country, segment, company, code in product(
        ["", "de", "AT", "FR"], ["", "SMB", "Big "], ["", "ACME"], ["", "0", "1 2", "9A-Z", "0-12"]
    )
]  # fmt: skip
some_rules = st.fixed_dictionaries(
    {}, optional={name: st.lists(st.sampled_from(values), max_size=2) for name, values in VALUES.items()}
    | {"postal": st.lists(ranges().map(str), max_size=3)},
)  # fmt: skip


def _matches(rules: dict[str, list[str]], point: Point) -> bool:
    """Say by the lists as they were written whether a point matches."""
    looked_at = {"countries": point.country, "segments": point.segment, "accounts": point.company}
    for name, value in looked_at.items():
        if rules.get(name) and value.strip().lower() not in [text.lower() for text in rules[name]]:
            return False
    ranges_of = [read_range(text) for text in rules.get("postal", [])]
    return not ranges_of or any(_holds(part, plain_code(point.postal)) for part in ranges_of)


@given(some_rules)
def test_a_point_matches_as_the_lists_say(rules: dict[str, list[str]]) -> None:
    read = read_rules(rules)
    assert [read.match(point) for point in WORLD] == [_matches(rules, point) for point in WORLD]


@given(some_rules, some_rules)
def test_a_common_point_matches_both_and_is_found_if_there_is_one(
    one: dict[str, list[str]], two: dict[str, list[str]]
) -> None:
    first, second = read_rules(one), read_rules(two)
    found = first.common(second)
    if found is None:
        assert not any(_matches(one, point) and _matches(two, point) for point in WORLD)
    else:
        assert _matches(one, found) and _matches(two, found) and first.match(found) and second.match(found)


moments = st.none() | st.integers(-2, 2).map(lambda days: NOW + days * DAY)


@given(st.lists(st.tuples(some_rules, st.integers(1, 2), st.booleans(), moments, moments), max_size=4))
def test_owners_and_conflicts_agree_with_a_walk_over_points_and_days(
    drawn: list[tuple[dict[str, list[str]], int, bool, datetime | None, datetime | None]],
) -> None:
    claims = [
        Claim(str(number), f"T{number}", rank, Rules() if last else read_rules(rules), starts, ends, last)
        for number, (rules, rank, last, starts, ends) in enumerate(drawn)
    ]
    pairs = {(one.first.id, one.second.id): one for one in overlaps(claims)}
    for days, point in product(range(-3, 4), WORLD):
        now = NOW + days * DAY
        found = owners_of(claims, point, now)
        assert [claim.order for claim in found] == sorted(claim.order for claim in found)
        for first, second in product(found, found):
            if first.order < second.order and first.order[:2] == second.order[:2]:
                assert (first.id, second.id) in pairs
    for one in pairs.values():
        shared = owners_of(claims, one.point, one.since or NOW - 3 * DAY)
        assert {one.first.id, one.second.id} <= {claim.id for claim in shared}


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"postal": ["1-22"]}, "different lengths"),
        ({"postal": ["22-11"]}, "before it starts"),
        ({"postal": ["*"]}, "not a range of postal codes"),
        ({"postal": ["1.5"]}, "not a range of postal codes"),
        ({"cities": ["Rome"]}, "unknown rule cities"),
        ({"countries": "DE"}, "no list"),
        ({"countries": [""]}, "not a text"),
        ([], "a map of lists"),
    ],
)
def test_rules_that_cannot_be_read_say_why(rules: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_rules(rules)


def test_codes_are_compared_without_spaces_hyphens_and_case() -> None:
    london = read_rules({"postal": ["sw1*"], "countries": ["gb"]})
    assert london.match(Point(country="GB", postal="SW1A 1AA")) and not london.match(Point(country="GB", postal="E1"))
    assert read_rules({"postal": ["00950-01100"]}).match(Point(postal="00-999"))
