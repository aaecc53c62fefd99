"""Names of device, system and browser in a user agent, and whether a robot sent it.

The names come from ua-parser and the device classes from user-agents. A robot is an agent that matches
crawler-user-agents' patterns or Clew's own (ingest/robots.py); a robot's system and browser are not read.
ua-parser's Rust engine matches all patterns. It looks for literals first, so the length of an agent bounds its cost.
"""

import functools

from crawleruseragents import CRAWLER_USER_AGENTS_DATA
from ua_parser import load_builtins
from ua_parser.regex import Resolver
from ua_parser_rs import UserAgentExtractor
from user_agents.parsers import (
    MOBILE_DEVICE_FAMILIES,
    TABLET_DEVICE_FAMILIES,
    Browser,
    OperatingSystem,
    UserAgent,
    parse_browser,
    parse_device,
    parse_operating_system,
)

from ingest import robots
from ingest.bots import NAMED_BYTES_MAX, PARSED_BYTES_MAX, SYSTEM_BYTES_MAX, Agent

_DEVICES = frozenset((*MOBILE_DEVICE_FAMILIES, *TABLET_DEVICE_FAMILIES, "Mac"))


@functools.cache
def _parser() -> Resolver:
    """Compile the patterns of ua-parser that a result depends on.

    Of the devices these are the ones that user-agents classifies. Patterns that search the whole text for any
    robot's name are left out: `_robots` has decided already, and they cost hundreds of microseconds on an agent made
    for it.
    """
    browsers, systems, devices = load_builtins()
    return Resolver(
        (
            [matcher for matcher in browsers if not matcher.regex.startswith("^.{")],
            systems,
            [matcher for matcher in devices if _is_classified(getattr(matcher, "family", ""), matcher.regex)],
        )
    )


def _is_classified(family: str, pattern: str) -> bool:
    """Tell whether a device's pattern can give a family that user-agents knows; `$1` is a group of the pattern."""
    return family in _DEVICES or (family == "$1" and any(name in pattern for name in _DEVICES))


@functools.cache
def _robots() -> UserAgentExtractor:
    """Compile all patterns of robots into one matcher."""
    listed = [entry["pattern"] for entry in CRAWLER_USER_AGENTS_DATA]
    return UserAgentExtractor([(pattern, None, None, None, None, None) for pattern in (*listed, *robots.PATTERNS)])


def read_agent(user_agent: str) -> Agent:
    """Read one User-Agent header. Names that it does not give are empty."""
    if not user_agent:
        return Agent("", "", "", False)
    text = _bounded(user_agent, PARSED_BYTES_MAX)
    if _is_robot(text):
        return Agent("bot", "", "", True)
    text = _bounded(text, NAMED_BYTES_MAX)
    start = _bounded(text, SYSTEM_BYTES_MAX)
    parser = _parser()
    browser, system, device = parser.ua.extract(text), parser.os.extract(start), parser.de.extract(start)
    details = UserAgent.__new__(UserAgent)  # its constructor would parse the text again, with a cache of its own
    details.ua_string = start
    details.os = _system(system.family, system.major, system.minor, system.patch) if system else _system()
    details.browser = _browser(browser.family if browser else "")
    details.device = parse_device(device.family if device else "", None, None)
    return Agent(_device(details), details.os.family, details.browser.family, False)


@functools.lru_cache(1_024)
def _system(family: str = "", *version: str | None) -> OperatingSystem:
    return parse_operating_system(family, *version)


@functools.lru_cache(1_024)
def _browser(family: str) -> Browser:
    """Leave the version out: no class of devices depends on it."""
    return parse_browser(family, None, None, None)


def _bounded(text: str, bytes_max: int) -> str:
    """Cut at `bytes_max` bytes of UTF-8, between characters."""
    if text.isascii():
        return text[:bytes_max]
    return text.encode("utf-8", "replace")[:bytes_max].decode("utf-8", "ignore")


def _is_robot(text: str) -> bool:
    if _robots().extract(text) is None:
        return False
    without = robots.PEOPLE.sub("", text)
    return without == text or _robots().extract(without) is not None


def _device(details: UserAgent) -> str:
    if details.is_tablet:
        return "tablet"
    if details.is_mobile:
        return "mobile"
    return "desktop" if details.is_pc else "other"
