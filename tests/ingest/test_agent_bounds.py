"""The robot list knows previews and libraries, spares people's agents, and reads a bounded part of an agent."""

import pytest

from ingest.bots import PARSED_BYTES_MAX, RULES, read_agent
from tracker.request.hit import _hints

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


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
    assert f"bytes-{PARSED_BYTES_MAX}" in RULES


@pytest.mark.parametrize("header", [b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"])
@pytest.mark.parametrize("value", [b"prefetch", b"Preview", b"prefetch;prerender", b"a, PRERENDER"])
def test_headers_of_fetches_ahead(header: bytes, value: bytes) -> None:
    assert _hints("GET", {header: value}) == _hints("GET", {b"purpose": b"prefetch"}) != 0
    assert _hints("GET", {header: b"navigate"}) == 0
