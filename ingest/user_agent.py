"""Names of device, system and browser in a user agent, and whether a robot sent it.

The names come from ua-parser and the device classes from user-agents. A robot is an agent that matches
crawler-user-agents' patterns or Clew's own (ingest/robots.py); a robot's system and browser are not read.
ua-parser's Rust engine matches all patterns. It looks for literals first, so the length of an agent bounds its cost.
"""

import functools
from typing import NamedTuple

from crawleruseragents import CRAWLER_USER_AGENTS_DATA
from ua_parser import load_builtins
from ua_parser.regex import Resolver
from ua_parser_rs import UserAgentExtractor
from user_agents.parsers import (
    MOBILE_DEVICE_FAMILIES,
    TABLET_DEVICE_FAMILIES,
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
    names = _Names(
        device.family if device else "",
        system.family if system else "",
        browser.family if browser else "",
        system.major if system and system.family == "Windows" else None,
    )
    known: _Known = ()
    found = _classify(names, known)
    while isinstance(found, str):
        known = (*known, (found, found in text))
        found = _classify(names, known)
    return found


class _Names(NamedTuple):
    """Families that were found, and the version of Windows."""

    device: str
    system: str
    browser: str
    windows: str | None


_Known = tuple[tuple[str, bool], ...]
"""Words that have been looked for in a user agent, in the order of user-agents' questions, and whether it has them."""


class _UnknownWord(Exception):
    pass


class _Text:
    """Stands for the text of a user agent: answers for the known words, and stops at the first other word."""

    def __init__(self, known: _Known) -> None:
        self._known = dict(known)

    def __contains__(self, word: str) -> bool:
        if word not in self._known:
            raise _UnknownWord(word)
        return self._known[word]


@functools.lru_cache(32_768)
def _classify(names: _Names, known: _Known) -> Agent | str:
    """Classify by user-agents; return the word that it needs next if the known ones do not decide.

    Nothing but these arguments decides, so one answer serves many user agents. The names alone decide most classes;
    looking for every word that user-agents knows would cost as much as a parser.
    """
    details = UserAgent.__new__(UserAgent)  # its constructor would parse the text again, with a cache of its own
    details.ua_string = _Text(known)
    details.os = parse_operating_system(names.system, names.windows)
    details.browser = parse_browser(names.browser, None, None, None)
    details.device = parse_device(names.device, None, None)
    try:
        return Agent(_device(details), names.system, names.browser, False)
    except _UnknownWord as unknown:
        return str(unknown)


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
