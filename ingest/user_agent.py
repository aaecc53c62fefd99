"""Names of device, system and browser in a user agent, and whether a robot sent it.

The names come from ua-parser and the device classes from user-agents. A robot is an agent that matches
crawler-user-agents' patterns or Clew's own (ingest/robots.py); a robot's system and browser are not read.
ua-parser's Rust engine matches all patterns. It looks for literals first, so the length of an agent bounds its cost.
Where many agents are read, ingest/robot_filter.py spares it those that match no robot's pattern.
"""

import functools
import re
from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from crawleruseragents import CRAWLER_USER_AGENTS_DATA
from ua_parser_builtins.matchers import MATCHERS
from ua_parser_rs import DeviceExtractor, OSExtractor, UserAgentExtractor
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
from ingest.robot_filter import RobotFilter

GROUP_AGENTS_MAX = 1_000
"""Most user agents that one matcher reads before the next one begins."""

FILTER_AGENTS_MIN = 500
"""Fewest user agents of a group that the filter of robots is used for, since it takes 0.15 s to prepare once."""

_DEVICES = frozenset((*MOBILE_DEVICE_FAMILIES, *TABLET_DEVICE_FAMILIES, "Mac"))
_WINDOWS = "Windows"
_UNKNOWN, _ROBOT = Agent("", "", "", False), Agent("bot", "", "", True)


class _Matchers(NamedTuple):
    """Compiled patterns. Each captures only the groups that a name is made of, because captures cost time."""

    robot: UserAgentExtractor
    browser: UserAgentExtractor
    system: OSExtractor
    device: DeviceExtractor


@functools.cache
def _matchers() -> _Matchers:
    """Compile the patterns that a result depends on.

    Of the devices these are the ones that user-agents classifies. Patterns of browsers that search the whole text for
    any robot's name are left out: the robots' own patterns have decided already, and the others cost hundreds of
    microseconds on an agent made for it.
    """
    browsers, systems, devices = MATCHERS
    browsers = [matcher for matcher in browsers if not matcher.regex.startswith("^.{")]
    devices = [matcher for matcher in devices if _is_classified(matcher.family, matcher.regex)]
    return _Matchers(
        UserAgentExtractor((_capturing(p, ""), "robot", None, None, None, None) for p in _robot_patterns()),
        UserAgentExtractor(
            (_uncounted(_capturing(m.regex, m.family)), m.family, None, None, None, None) for m in browsers
        ),
        OSExtractor(
            (_capturing(m.regex, m.family + m.major), m.family, m.major, None, None, None)
            if m.family == _WINDOWS or "$" in m.family
            else (_capturing(m.regex, ""), m.family, None, None, None, None)
            for m in systems
        ),
        DeviceExtractor(
            (_capturing(m.regex, m.family), "i" if m.regex_flag else None, m.family, None, None) for m in devices
        ),
    )


def _robot_patterns() -> list[str]:
    return [*(entry["pattern"] for entry in CRAWLER_USER_AGENTS_DATA), *robots.PATTERNS]


@functools.cache
def _robot_filter() -> RobotFilter:
    return RobotFilter(_robot_patterns())


def _is_classified(family: str, pattern: str) -> bool:
    """Tell whether a device's pattern can give a family that user-agents knows; `$1` is a group of the pattern."""
    return family in _DEVICES or (family == "$1" and any(name in pattern for name in _DEVICES))


_GROUP_OR_LITERAL = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?!\?)", re.DOTALL)
"""An escape, a class of characters, or the begin of a group that captures."""


def _capturing(pattern: str, template: str) -> str:
    """Let only those groups of a pattern capture that a template such as `$1` needs; the matches stay the same."""
    last = max(map(int, re.findall(r"\$(\d)", template)), default=0)
    number = count(1)
    return _GROUP_OR_LITERAL.sub(lambda found: "(?:" if found[0] == "(" and next(number) > last else found[0], pattern)


_COUNTED_LETTERS = re.compile(r"(\\w|\[[A-Za-z-]+\])\{([01]),[3-9]\d\}")
"""Up to 30 to 99 letters."""


def _uncounted(pattern: str) -> str:
    """Let a name have any number of letters where a pattern limits it; ua-parser's engine drops limits from 100 on.

    With a limit the engine has a state for each number of letters at each place in other names, and drops its states
    when they fill its memory: an agent made of parts of robots' names cost 230 µs, and costs 12 µs without the limit.
    """
    return _COUNTED_LETTERS.sub(lambda found: found[1] + ("*" if found[2] == "0" else "+"), pattern)


_Known = tuple[tuple[str, bool], ...]
"""Words that have been looked for in a user agent, in the order of user-agents' questions, and whether it has them."""


def read_agent(user_agent: str) -> Agent:
    """Read one User-Agent header. Names that it does not give are empty."""
    return read_agents([user_agent])[0]


def read_agents(user_agents: Sequence[str]) -> list[Agent]:
    """Read many User-Agent headers.

    Each matcher reads a group of them before the next one begins. Its tables then stay in the caches of the processor,
    which saves a third of the time.
    """
    found: list[Agent] = []
    for at in range(0, len(user_agents), GROUP_AGENTS_MAX):
        found += _read_group(user_agents[at : at + GROUP_AGENTS_MAX])
    return found


def _read_group(user_agents: Sequence[str]) -> list[Agent]:
    texts = _all_bounded(user_agents, PARSED_BYTES_MAX)
    found = [_ROBOT if is_robot else _UNKNOWN for is_robot in _are_robots(texts)]
    people = [place for place, agent in enumerate(found) if agent is _UNKNOWN and texts[place]]
    named = _all_bounded([texts[place] for place in people], NAMED_BYTES_MAX)
    starts = _all_bounded(named, SYSTEM_BYTES_MAX)
    matchers = _matchers()
    browsers = [match.family if match else "" for match in map(matchers.browser.extract, named)]
    systems = [(match.family, match.major) if match else ("", None) for match in map(matchers.system.extract, starts)]
    devices = [match.family if match else "" for match in map(matchers.device.extract, starts)]
    for place, text, browser, (system, version), device in zip(people, named, browsers, systems, devices, strict=True):
        windows = version if system == _WINDOWS else None
        known: _Known = ()
        agent = _classify(device, system, browser, windows, known)
        while isinstance(agent, str):
            known = (*known, (agent, agent in text))
            agent = _classify(device, system, browser, windows, known)
        found[place] = agent
    return found


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
def _classify(device: str, system: str, browser: str, windows: str | None, known: _Known) -> Agent | str:
    """Classify by user-agents; return the word that it needs next if the known ones do not decide.

    Nothing but these arguments decides, so one answer serves many user agents.
    The families decide most classes; looking for every word that user-agents knows would cost as much as a parser.
    """
    details = UserAgent.__new__(UserAgent)  # its constructor would parse the text again, with a cache of its own
    details.ua_string = _Text(known)
    details.os = parse_operating_system(system, windows)
    details.browser = parse_browser(browser, None, None, None)
    details.device = parse_device(device, None, None)
    try:
        return Agent(_device(details), system, browser, False)
    except _UnknownWord as unknown:
        return str(unknown)


def _all_bounded(texts: Sequence[str], bytes_max: int) -> list[str]:
    """Cut each text at `bytes_max` bytes of UTF-8, between characters."""
    return [
        text[:bytes_max] if text.isascii() else text.encode("utf-8", "replace")[:bytes_max].decode("utf-8", "ignore")
        for text in texts
    ]


def _are_robots(texts: Sequence[str]) -> list[bool]:
    """Tell of each text whether it matches a robot's pattern, and does so without the phrases of people."""
    matched = _match_a_robot(texts)
    shorter = {at: robots.without_people(texts[at]) for at, is_matched in enumerate(matched) if is_matched}
    again = [at for at, text in shorter.items() if text != texts[at]]
    for at, is_matched in zip(again, _match_a_robot([shorter[at] for at in again]), strict=True):
        matched[at] = is_matched
    return matched


def _match_a_robot(texts: Sequence[str]) -> list[bool]:
    matches = _matchers().robot.extract
    if len(texts) < FILTER_AGENTS_MIN:
        return [matches(text) is not None for text in texts]
    may_match = _robot_filter().may_match(texts)
    return [may and matches(text) is not None for may, text in zip(may_match, texts, strict=True)]


def _device(details: UserAgent) -> str:
    if details.is_tablet:
        return "tablet"
    if details.is_mobile:
        return "mobile"
    return "desktop" if details.is_pc else "other"
