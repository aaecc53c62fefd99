"""The filter never stops a user agent that matches a robot's pattern, and no result depends on it."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest import user_agent
from ingest.robot_filter import RobotFilter, widened
from ingest.user_agent import _matchers, _robot_filter, _robot_patterns, read_agents
from tests.ingest.test_agent_bounds import listed

ODD = "\u00e9\u0663\uff11\u017f\u212a\u00a0\u200d\u0301\U0001f600?\n\r\v\0 -/x1"
"""Letters, digits, spaces and marks of other scripts, two letters that `(?i)` knows, controls, and ASCII."""


def _insert(parts: tuple[str, list[tuple[int, str]]]) -> str:
    text, insertions = parts
    for at, odd in insertions:
        at %= len(text) + 1
        text = text[:at] + odd + text[at:]
    return text


MATCHING = st.sampled_from(_robot_patterns()).flatmap(lambda pattern: st.from_regex(re.compile(pattern)))
"""Texts that match one of the robots' patterns by the rules of Python, with anything around the match."""
NEAR = st.tuples(MATCHING, st.lists(st.tuples(st.integers(0, 600), st.sampled_from(ODD)), max_size=3)).map(_insert)
PIECES = st.lists(st.sampled_from([*listed("robots.txt"), *listed("people.txt"), *ODD]), max_size=6).flatmap(
    lambda texts: st.integers(0, 200).map(lambda cut: "".join(text[cut % (len(text) + 1) :] for text in texts))
)


@settings(max_examples=200)
@given(st.one_of(MATCHING, NEAR, PIECES))
@example("Mastodon/\uff11")
@example("http\u017f/1")
@example("Signal\u00a0")
@example("AdsBot-Google\u00e9")
@example("compatible; a.bot\n")
def test_no_agent_that_matches_is_stopped(text: str) -> None:
    matches = _matchers().robot.extract(text) is not None
    [may_match] = _robot_filter().may_match([text])
    assert may_match or not matches


@settings(max_examples=30)
@given(st.lists(st.one_of(NEAR, PIECES, st.text(max_size=50)), max_size=10))
def test_agents_are_read_the_same_with_and_without_the_filter(texts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(user_agent, "FILTER_AGENTS_MIN", 10_000)
        expected = read_agents(texts)
        patch.setattr(user_agent, "FILTER_AGENTS_MIN", 0)
        assert read_agents(texts) == expected


def test_known_agents_are_read_the_same_and_people_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    robots, people = listed("robots.txt"), listed("people.txt")
    monkeypatch.setattr(user_agent, "FILTER_AGENTS_MIN", 10_000)
    expected = read_agents(robots + people)
    monkeypatch.setattr(user_agent, "FILTER_AGENTS_MIN", 0)
    assert read_agents(robots + people) == expected
    matches = _matchers().robot.extract
    let_through = _robot_filter().may_match(people)
    assert sum(let_through) <= sum(matches(agent) is not None for agent in people) + len(people) * 0.02


def test_patterns_have_only_forms_that_the_filter_keeps() -> None:
    """Else a character outside ASCII, which the filter reads as `?`, could hide a match from it."""
    for pattern in _robot_patterns():
        bare = re.sub(r"\[\^?\]?(?:\\.|[^\]\\])*\]", "", pattern)
        assert pattern.isascii()
        assert not re.search(r"\[\^[^\]]*\?", pattern), f"a class that excludes `?`: {pattern}"
        assert not re.search(r"(?<![a-z)])\\b|\\B", bare), f"a word boundary that does not follow a letter: {pattern}"
        assert not re.search(r"\\[a-zA-Z]", re.sub(r"\\[db]", "", bare)), f"another escape: {pattern}"
        assert not re.search(r"\(\?[a-zA-Z]+\)", bare), f"flags for a whole pattern: {pattern}"
        for letters in re.findall(r"\(\?[^:]*i[^:]*:((?:[^()]|\([^()]*\))*)\)", bare):
            assert not re.search("[ks]", letters, re.IGNORECASE), f"letters with forms outside ASCII: {pattern}"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"^[Bb]ot/v?\d", r"^[?Bb]ot/v?[\d?]"),
        (r"[\s\S]*[^-][ _-]\[a\]", r"[?\s\S]*[^-][? _-]\[a\]"),
        (r"[A-Za-z0-9_.\-]{0,40}x\{0,3}", r"[?A-Za-z0-9_.\-]*x\{0,3}"),
    ],
)
def test_widened_patterns(pattern: str, expected: str) -> None:
    assert widened(pattern) == expected


def test_threads_share_one_filter() -> None:
    few = RobotFilter(["bot/[0-9]", "^curl"])
    texts = ["a bot/1", "curl/8", "a curl", "b\u00e9t/1", ""] * 2_000
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(few.may_match, [texts] * 8))
    assert found == [[True, True, False, False, False] * 2_000] * 8
