"""Names of device, system and browser in a user agent, and whether a robot sent it.

The names come from ua-parser and the device classes from user-agents. A robot is an agent that matches
crawler-user-agents' patterns or Clew's own (ingest/robots.py). ua-parser's Rust engine matches all of them. It
looks for literals first, so the length of an agent bounds its cost; at most `PARSED_BYTES_MAX` bytes are read.
"""

import functools
from enum import IntFlag
from importlib.metadata import version
from typing import NamedTuple

from crawleruseragents import CRAWLER_USER_AGENTS_DATA
from ua_parser import Domain, load_builtins
from ua_parser.regex import Resolver
from ua_parser_rs import UserAgentExtractor
from user_agents.parsers import UserAgent, parse_browser, parse_device, parse_operating_system

from ingest import robots


class BotReason(IntFlag):
    """Bits of `bot_reasons`. All but UA_MISSING make a touch a bot's."""

    CRAWLER = 1
    HEAD = 2
    PREFETCH = 4
    UA_MISSING = 8


BOT_REASONS: dict[BotReason, str] = {
    BotReason.CRAWLER: "The user agent is a known crawler's, monitor's or library's.",
    BotReason.HEAD: "A HEAD request: link checkers, not people.",
    BotReason.PREFETCH: "Fetched ahead by a browser; the person has not clicked.",
    BotReason.UA_MISSING: "No user agent. Suspicious, but not enough by itself.",
}
"""What each bit means; docs/reference/reasons.md is made from here."""

BOT_BITS = BotReason.CRAWLER | BotReason.HEAD | BotReason.PREFETCH

PARSED_BYTES_MAX = 512
"""Bytes of a user agent that are parsed; part of the enrichment epoch, because results depend on it."""

RULES = (
    f"crawlers-{version('crawler-user-agents')}+robots-{robots.DATE}+ua-{version('ua-parser-builtins')}"
    f"+classes-{version('user-agents')}+bytes-{PARSED_BYTES_MAX}"
)
"""Names the lists and rules; part of the enrichment epoch."""


class Agent(NamedTuple):
    device: str
    os: str
    browser: str
    is_crawler: bool


_PHONE_MAKERS = ("CUBOT", "Cubot", "cubot")
"""Makers of phones whose name ends like a robot's."""


@functools.cache
def _parser() -> Resolver:
    return Resolver(load_builtins())


@functools.cache
def _robots() -> UserAgentExtractor:
    """Compile all patterns of robots into one matcher."""
    listed = [entry["pattern"] for entry in CRAWLER_USER_AGENTS_DATA]
    return UserAgentExtractor([(pattern, None, None, None, None, None) for pattern in (*listed, *robots.PATTERNS)])


def read_agent(user_agent: str) -> Agent:
    """Read one User-Agent header. Names that it does not give are empty."""
    if not user_agent:
        return Agent("", "", "", False)
    text = _bounded(user_agent)
    parsed = _parser()(text, Domain.ALL)
    system = parsed.os.family if parsed.os else ""
    browser = parsed.user_agent.family if parsed.user_agent else ""
    if _is_robot(text):
        return Agent("bot", system, browser, True)
    details = UserAgent.__new__(UserAgent)  # its constructor would parse the text again, with a cache of its own
    details.ua_string = text
    details.os = parse_operating_system(system, *_version(parsed.os))
    details.browser = parse_browser(browser, *_version(parsed.user_agent))
    details.device = parse_device(parsed.device.family if parsed.device else "", None, None)
    return Agent(_device(details), system, browser, False)


def _bounded(user_agent: str) -> str:
    """Cut at `PARSED_BYTES_MAX` bytes of UTF-8, between characters."""
    if len(user_agent) * 4 <= PARSED_BYTES_MAX:
        return user_agent
    return user_agent.encode("utf-8", "replace")[:PARSED_BYTES_MAX].decode("utf-8", "ignore")


def _is_robot(text: str) -> bool:
    for maker in _PHONE_MAKERS:
        text = text.replace(maker, "")
    return _robots().extract(text) is not None


def _version(named: object) -> tuple[str | None, str | None, str | None]:
    return getattr(named, "major", None), getattr(named, "minor", None), getattr(named, "patch", None)


def _device(details: UserAgent) -> str:
    if details.is_tablet:
        return "tablet"
    if details.is_mobile:
        return "mobile"
    return "desktop" if details.is_pc else "other"
