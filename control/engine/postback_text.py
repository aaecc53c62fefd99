"""Postback in a text that somebody pastes: a URL, a line of a log, a curl command. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

PATH = "/postback"
TEXT_CHARS_MAX = 20_000
CONTENT_TYPES = ("", "application/x-www-form-urlencoded", "application/json")
_CURL_URL = re.compile(r"""(https?://[^\s'"]+)""")


@dataclass(frozen=True, slots=True)
class Pasted:
    """Postback in a pasted text: its query, and what is wrong with the address before the query."""

    query: str
    address_mistake: str = ""


def read_pasted(text: str, tracking_url: str) -> Pasted:
    """Read what somebody pasted: a URL, its query alone, a line of a log or a curl command."""
    text = text.strip()
    found = _CURL_URL.search(text)
    url = found.group(1) if found else _last_word_with_query(text)
    head, mark, query = url.partition("?")
    if not mark and "=" in head and "/" not in head:
        return Pasted(head)
    query = query.partition("#")[0]
    if not head or (not found and "/" not in head):
        return Pasted(query)
    parts = urlsplit(head)
    if parts.path.rstrip("/") != PATH:
        return Pasted(query, f"the path is {parts.path or '/'}; postbacks go to {PATH}")
    if found and tracking_url and parts.netloc.lower() != urlsplit(tracking_url).netloc.lower():
        return Pasted(query, f"the host is {parts.netloc}; this installation takes postbacks at {tracking_url}{PATH}")
    return Pasted(query)


def _last_word_with_query(text: str) -> str:
    """Return the word with parameters of a line such as `GET /postback?click_id=… HTTP/1.1`."""
    words = [word.strip("'\"") for word in text.split()]
    if len(words) > 1 and any("?" in word for word in words):
        return next(word for word in words if "?" in word)
    return text
