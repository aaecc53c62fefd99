"""The robot list knows previews and libraries, spares people's agents, and reads a bounded part of an agent."""

from pathlib import Path
from typing import cast

import pytest
from ua_parser.core import Matchers
from ua_parser.regex import Resolver
from ua_parser_builtins.matchers import MATCHERS

from ingest import user_agent
from ingest.bots import NAMED_BYTES_MAX, PARSED_BYTES_MAX, RULES, SYSTEM_BYTES_MAX
from ingest.user_agent import _capturing, _is_classified, _matchers, _uncounted, read_agent, read_agents
from tracker.request.hit import _hints

AGENTS = Path(__file__).parent.parent / "data" / "agents"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


def listed(name: str) -> list[str]:
    """Return the user agents of a file; lines that start with # are headings."""
    lines = (AGENTS / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_robots_are_told_from_people() -> None:
    robots, people = listed("robots.txt"), listed("people.txt")
    assert len(set(robots)) >= 200 and len(set(people)) >= 200
    assert [agent for agent in people if read_agent(agent).is_crawler] == []
    missed = [agent for agent in robots if not read_agent(agent).is_crawler]
    assert len(missed) <= len(robots) * 0.03, missed


def test_names_are_those_of_the_whole_patterns() -> None:
    """Groups that no name is made of are not captured, which changes no match."""
    browsers, systems, devices = MATCHERS
    browsers = [matcher for matcher in browsers if not matcher.regex.startswith("^.{")]
    devices = [matcher for matcher in devices if _is_classified(matcher.family, matcher.regex)]
    whole, ours = Resolver(cast(Matchers, (browsers, systems, devices))), _matchers()
    for agent in listed("robots.txt") + listed("people.txt"):
        for theirs, mine in ((whole.ua, ours.browser), (whole.os, ours.system), (whole.de, ours.device)):
            expected, found = theirs.extract(agent), mine.extract(agent)
            assert (found and found.family) == (expected and expected.family), agent
        windows, read = whole.os.extract(agent), ours.system.extract(agent)
        if windows and read and windows.family == "Windows":
            assert read.major == windows.major, agent


@pytest.mark.parametrize(
    ("pattern", "template", "expected"),
    [
        (r"(a)(b)", "", r"(?:a)(?:b)"),
        (r"(a)(b(c))", "$1", r"(a)(?:b(?:c))"),
        (r"\\(a)[()\]](?i:x)", "$2", r"\\(a)[()\]](?i:x)"),
        (r"[](](a)[^](]", "", r"[](](?:a)[^](]"),
        (r"\(a\)(?:b)(c)", "", r"\(a\)(?:b)(?:c)"),
    ],
)
def test_groups_that_no_name_is_made_of(pattern: str, template: str, expected: str) -> None:
    assert _capturing(pattern, template) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"\b\w{0,30}icon\w{1,30}", r"\b\w*icon\w+"),
        (r"(?:[a-zA-Z]{1,30}-|)Googlebot-[A-z]{1,99}", r"(?:[a-zA-Z]+-|)Googlebot-[A-z]+"),
        (r"[^/]{0,30}.{0,30}[0-9]{1,30}\w{1,10}\w{2,30}", r"[^/]{0,30}.{0,30}[0-9]{1,30}\w{1,10}\w{2,30}"),
    ],
)
def test_names_have_any_number_of_letters(pattern: str, expected: str) -> None:
    assert _uncounted(pattern) == expected


def test_the_pattern_of_robots_names_has_no_limited_prefix() -> None:
    """Limits before a name cost 200 µs an agent; the test of whole patterns shows that names are the same."""
    changed = [matcher.regex for matcher in MATCHERS[0] if _uncounted(matcher.regex) != matcher.regex]
    assert any("favicon" in pattern and "Googlebot" in pattern for pattern in changed)
    assert _matchers().browser.extract(f"x{'y' * 40}favicon").family == f"x{'y' * 40}favicon"  # type: ignore[union-attr]


def test_agents_that_are_read_together_are_read_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    agents = ["", *listed("robots.txt"), "", *listed("people.txt")]
    one_by_one = [read_agent(agent) for agent in agents]
    for group in (7, 10_000):
        monkeypatch.setattr(user_agent, "GROUP_AGENTS_MAX", group)
        assert read_agents(agents) == one_by_one


def test_people_have_a_device() -> None:
    devices = [read_agent(agent).device for agent in listed("people.txt")]
    assert set(devices) == {"desktop", "mobile", "tablet", "other"}
    assert devices.count("other") <= len(devices) * 0.15


@pytest.mark.parametrize(
    "user_agent",
    [
        f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Chrome/120.0 Safari/537.36 Bluesky Cardyb/1.1",
        "Misskey/2024.3.1", "Signal-Android", "undici", "node", "SafeLinks", "newbot/1.0",
        "Mozilla/5.0 (compatible; Unheard; +https://unheard.example/about)",
    ],
)  # fmt: skip
def test_robots_that_the_package_lacks(user_agent: str) -> None:
    assert read_agent(user_agent).is_crawler


@pytest.mark.parametrize(
    "model", ["CUBOT_X18", "Cubot/X18", "Robot 2", "Spider X5", "SOPHOS A1", "Splash 5", "Talkbot"]
)
def test_phones_whose_model_sounds_like_a_robot(model: str) -> None:
    agent = read_agent(f"Mozilla/5.0 (Linux; Android 10; {model}) {WEBKIT} Chrome/90.0 Mobile Safari/537.36")
    assert not agent.is_crawler and agent.device == "mobile"


def test_only_the_first_bytes_are_read() -> None:
    padding = "\u00e9" * (PARSED_BYTES_MAX // 2)
    assert not read_agent(padding + " Googlebot/2.1").is_crawler
    assert read_agent("Googlebot/2.1 " + padding).is_crawler
    assert f"bytes-{PARSED_BYTES_MAX}-{NAMED_BYTES_MAX}-{SYSTEM_BYTES_MAX}" in RULES


def test_system_and_device_are_read_from_the_start_and_the_browser_from_more() -> None:
    start = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101"
    late = read_agent(start.ljust(SYSTEM_BYTES_MAX) + " (iPad; U)")
    assert (late.os, late.device) == ("Linux", "desktop")
    assert read_agent(start + " (iPad; U)").device == "tablet"
    assert read_agent(start.ljust(SYSTEM_BYTES_MAX) + " Firefox/120.0").browser == "Firefox"
    assert read_agent("x" * NAMED_BYTES_MAX + " Firefox/120.0").browser == ""


def test_a_phone_whose_model_has_a_long_name_is_no_tablet() -> None:
    model = "moto g stylus 5G (2022) Build/S3SVS32.45-14-1-1; wv"
    agent = f"Mozilla/5.0 (Linux; Android 12; {model}) {WEBKIT} Version/4.0 Chrome/103.0.5060.129 Mobile Safari/537.36"
    assert agent.index("Mobile Safari") > SYSTEM_BYTES_MAX
    assert read_agent(agent).device == "mobile"


def test_no_pattern_searches_the_whole_text_for_any_robots_name() -> None:
    browser = _matchers().browser
    assert browser.extract("x " * 100 + "anybot/1.0") is None  # costs 400 µs with such patterns
    assert browser.extract("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0") is not None


@pytest.mark.parametrize("header", [b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"])
@pytest.mark.parametrize("value", [b"prefetch", b"Preview", b"prefetch;prerender", b"a, PRERENDER"])
def test_headers_of_fetches_ahead(header: bytes, value: bytes) -> None:
    assert _hints("GET", {header: value}) == _hints("GET", {b"purpose": b"prefetch"}) != 0
    assert _hints("GET", {header: b"navigate"}) == 0
