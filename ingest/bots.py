"""Reasons for which a touch counts as a robot's, and the versions of the lists that decide it.

The parser itself is in ingest/user_agent.py. It is imported with the first user agent, because that takes 0.4 s.
"""

from enum import IntFlag
from importlib.metadata import version
from typing import NamedTuple

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
"""Bytes of a user agent that are searched for a robot's name; part of the enrichment epoch, as results depend on it."""

NAMED_BYTES_MAX = 256
"""Bytes that are searched for the name of the browser; browsers name themselves within them."""

SYSTEM_BYTES_MAX = 128
"""Bytes that are searched for the names of system and device, which come first in a user agent."""

RULES = (
    f"crawlers-{version('crawler-user-agents')}+robots-{robots.DATE}+ua-{version('ua-parser-builtins')}"
    f"+classes-{version('user-agents')}+bytes-{PARSED_BYTES_MAX}-{NAMED_BYTES_MAX}-{SYSTEM_BYTES_MAX}"
    "+names-of-any-length"
)
"""Names the lists and rules; part of the enrichment epoch."""


class Agent(NamedTuple):
    device: str
    os: str
    browser: str
    is_crawler: bool
