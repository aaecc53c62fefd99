"""Readings of well-known user agents, and touches that count as a robot's."""

import pytest

from ingest.bots import BotReason
from ingest.enrich import Enricher
from ingest.geo import NoGeo
from ingest.user_agent import read_agent, read_agents
from schemas.events import Hint
from tests.schemas.samples import touch

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
PEOPLE = [
    (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/126.0.0.0 Safari/537.36", "desktop", "Windows",
     "Chrome"),
    (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0", "desktop",
     "Windows", "Edge"),
    (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {SAFARI} Version/17.5 Safari/605.1.15", "desktop", "Mac OS X",
     "Safari"),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "desktop", "Linux", "Firefox"),
    (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/126.0.0.0 Safari/537.36", "desktop", "Chrome OS",
     "Chrome"),
    (f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {SAFARI} Version/17.5 Mobile/15E148 Safari/604.1",
     "mobile", "iOS", "Mobile Safari"),
    (f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {WEBKIT} Chrome/126.0.0.0 Mobile Safari/537.36", "mobile", "Android",
     "Chrome Mobile"),
    (f"Mozilla/5.0 (Linux; Android 13; SM-S911B) {WEBKIT} SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
     "mobile", "Android", "Samsung Internet"),
    (f"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) {SAFARI} Version/16.6 Mobile/15E148 Safari/604.1", "tablet",
     "iOS", "Mobile Safari"),
    (f"Mozilla/5.0 (Linux; Android 12; SM-T870) {WEBKIT} Chrome/126.0.0.0 Safari/537.36", "tablet", "Android",
     "Chrome"),
]  # fmt: skip
ROBOTS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) {WEBKIT} Chrome/126.0.0.0 Mobile Safari/537.36 "
    "(compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    f"Mozilla/5.0 {WEBKIT}; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0 Safari/537.36",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/126.0.0.0 Safari/537.36",
    "curl/8.5.0", "python-requests/2.32.3", "Go-http-client/2.0", "Wget/1.21.4", "GPTBot/1.2",
]  # fmt: skip


@pytest.mark.parametrize(("user_agent", "device", "system", "browser"), PEOPLE)
def test_people(user_agent: str, device: str, system: str, browser: str) -> None:
    assert read_agent(user_agent) == (device, system, browser, False)


@pytest.mark.parametrize("user_agent", ROBOTS)
def test_robots(user_agent: str) -> None:
    agent = read_agent(user_agent)
    assert agent.is_crawler and agent.device == "bot"


@pytest.mark.parametrize("user_agent", ["", "x", "Mozilla/5.0", "\0", "é" * 500, "(" * 2_000, "a|b[c*"])
def test_nonsense_is_no_robot_and_no_error(user_agent: str) -> None:
    agent = read_agent(user_agent)
    assert not agent.is_crawler and agent.device in ("", "other")


CHROME, ROBOT = PEOPLE[0][0], ROBOTS[0]


@pytest.mark.parametrize(
    ("fields", "is_bot", "reasons"),
    [
        ({"user_agent": CHROME}, 0, BotReason(0)),
        ({"user_agent": ROBOT}, 1, BotReason.CRAWLER),
        ({"user_agent": CHROME, "hints": Hint.HEAD}, 1, BotReason.HEAD),
        ({"user_agent": CHROME, "hints": Hint.PREFETCH}, 1, BotReason.PREFETCH),
        ({"user_agent": ROBOT, "hints": 3}, 1, BotReason.CRAWLER | BotReason.HEAD | BotReason.PREFETCH),
        ({"user_agent": ""}, 0, BotReason.UA_MISSING),
        ({"user_agent": "", "hints": Hint.HEAD}, 1, BotReason.UA_MISSING | BotReason.HEAD),
        ({"user_agent": "", "redirect_type": "api"}, 0, BotReason(0)),  # a sender need not know it
        ({"user_agent": CHROME, "hints": 4}, 0, BotReason(0)),  # a hint of tomorrow
    ],
)
def test_reasons(fields: dict[str, object], is_bot: int, reasons: BotReason) -> None:
    found = Enricher(NoGeo(), 10).enrich(touch(1, **fields), 5)
    assert (found.is_bot, found.bot_reasons, found.visitor_hash) == (is_bot, reasons, 5)


def test_memory_of_readings_is_bounded() -> None:
    """The oldest goes first, and forgetting changes no answer."""
    small, large = Enricher(NoGeo(), 2), Enricher(NoGeo(), 100)
    agents = [row[0] for row in PEOPLE] + ROBOTS
    for user_agent in agents + agents[::-1]:
        hit = touch(1, user_agent=user_agent)
        assert small.enrich(hit, 0) == large.enrich(hit, 0)
    assert len(small._agents) == 2
    assert small._read(agents) == large._read(agents) == read_agents(agents)
    assert list(small._agents) == agents[-2:]


class OnePlace:
    epoch = "test-7"

    def place(self, ip: str) -> tuple[str, str, str]:
        return ("DE", "Bavaria", "Munich") if ip == "192.0.2.1" else ("", "", "")


def test_places_and_the_epoch_are_kept() -> None:
    enricher = Enricher(OnePlace(), 10)
    found = enricher.enrich(touch(1, ip="192.0.2.1"), 0)
    assert (found.country, found.region, found.city) == ("DE", "Bavaria", "Munich")
    assert enricher.enrich(touch(1, ip="192.0.2.9"), 0).country == ""
    assert "geo-test-7" in enricher.epoch and found._epoch == enricher.epoch
