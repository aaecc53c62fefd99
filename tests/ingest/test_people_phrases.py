"""Phrases of people's agents are removed as by one regular expression, in time proportional to the length."""

import random
import re

import pytest

from ingest.bots import PARSED_BYTES_MAX
from ingest.robots import without_people
from ingest.user_agent import read_agent

AS_ONE_EXPRESSION = re.compile(
    r"[Cc][Uu][Bb][Oo][Tt]|Build/[\w.]+|[\w.\-]+/[\d.]+(?= Chrome/[\d.]+ Electron/)|Sonic Slack_SSB"
    r"|(?<= )(?:WhatsApp|Viber|MetaIAB Facebook|Tumblr|PayPal|Grammarly|Goodreads)(?:/[\d.]+)?$"
    r"|^Mozilla/\d\.\d \(compatible; (?:MSIE|Konqueror|IBrowse|iCab|Netscape|OmniWeb|Opera|NetPositive|ABrowse|AOL|U;"
    r"|ms-office)"
)
"""The same phrases; a word of 500 letters takes it 2 ms, because it is read again from each letter."""
PIECES = (
    "Cubot", "cUBoT", "Cu", "bot", "Build/", "Build", "/", "1.0", "/2", " Chrome/1", " Chrome/1.2 Electron/",
    " Electron/", "3 ", "Sonic Slack_SSB", "Slack_SSB", " WhatsApp", "WhatsApp", " Viber/1", " MetaIAB Facebook/2",
    "Mozilla/5.0 (compatible; ", "MSIE", "U;", "Opera", " ", ";", "-", "a", "é", "x_y", "\n", "٣", ".", " Tumblr",
    " Goodreads\n", "Facebook",
)  # fmt: skip


@pytest.mark.parametrize("begin", ["", "Mozilla/5.0 (compatible; "])
def test_phrases_are_removed_as_by_one_expression(begin: str) -> None:
    source = random.Random(begin)
    changed = 0
    for _ in range(20_000):
        text = begin + "".join(source.choices(PIECES, k=source.randint(1, 14)))
        expected = AS_ONE_EXPRESSION.sub("", text)
        assert without_people(text) == expected, text
        changed += expected != text
    assert changed > 10_000


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Mozilla/5.0 (X11) my-Cubot/1.0 Chrome/1.0 Electron/2.0", "Mozilla/5.0 (X11)  Chrome/1.0 Electron/2.0"),
        ("Cubot_X18/1.0 Chrome/1 Electron/1", " Chrome/1 Electron/1"),
        ("Build/foo-bar/1.0 Chrome/1 Electron/1 Chrome/1 Electron/1 PayPal", " Chrome/1  Chrome/1 Electron/1 "),
        ("Cubot/1 Chrome/1 Electron/1 CUBOT", "/1 Chrome/1 Electron/1 "),
        ("WhatsApp", "WhatsApp"),
    ],
)
def test_phrases_that_meet(text: str, left: str) -> None:
    assert AS_ONE_EXPRESSION.sub("", text) == left
    assert without_people(text) == left


@pytest.mark.parametrize(
    "word", ["a", "a-", "Build/a ", "Cubot", "a/1 Chrome/1 Electron/1 ", "Mozilla/5.0 (compatible; U;"]
)
def test_a_robot_of_repeated_phrases_stays_a_robot(word: str) -> None:
    assert read_agent(("examplebot/1 " + word * PARSED_BYTES_MAX)[:PARSED_BYTES_MAX]).is_crawler
