"""The look at the website of an applicant: does it answer, and which words does it have.

The address was named by a stranger, so each request goes to a public address that was checked, as webhooks do.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import httpcore

from control.deadline import Deadline
from control.webhooks.sending import FAILURES, CheckedNetwork, tls_context
from control.webhooks.target import Network, TargetRefused, parse_target
from runtime.clock import Clock

BYTES_MAX = 512 * 1024
REDIRECTS_MAX = 3
TIMEOUT_S = 10.0
TITLE_CHARS_MAX = 200
_MARKS = [(b"User-Agent", b"Clew-Applications"), (b"Accept", b"text/html,*/*;q=0.5")]
# Strangers write the pages: each expression takes a time that grows with the length only.
_HIDDEN = re.compile(r"<(script|style|template)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title[^<>]*>([^<]*)", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_CHARSET = re.compile(rb"charset=[\"']?([A-Za-z0-9_-]{2,20})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SiteLook:
    """Result of a look at a site."""

    url: str
    status: int = 0
    """Status of the last answer; 0 without one."""
    title: str = ""
    words: list[str] = field(default_factory=list)
    """Words that were found, of those that were asked for."""
    error: str = ""

    @property
    def answers(self) -> bool:
        """True if the site has answered with a page."""
        return 200 <= self.status < 300 and not self.error

    def stored(self) -> dict[str, Any]:
        """Return the result as it is stored."""
        return {
            "url": self.url, "status": self.status, "title": self.title, "words": self.words, "error": self.error[:300],
            "answers": self.answers,
        }  # fmt: skip


def look_at(
    url: str, words: Sequence[str], networks: Sequence[Network], clock: Clock, timeout_s: float = TIMEOUT_S
) -> SiteLook:
    """Open a website, follow few redirects, and look for words."""
    deadline, address = Deadline(clock, timeout_s), url
    for _ in range(REDIRECTS_MAX + 1):
        try:
            status, content, location = _get(address, networks, deadline)
        except TargetRefused as error:
            return SiteLook(address[:500], error=str(error))
        except httpcore.TimeoutException:
            return SiteLook(address[:500], error=f"no answer within {timeout_s:g} s")
        except FAILURES as error:
            return SiteLook(address[:500], error=str(error) or type(error).__name__)
        if status in (301, 302, 303, 307, 308) and location:
            address = urljoin(address, location)
            continue
        title, text = _read(content)
        found = [word for word in words if _has(text, word)]
        error_text = "" if 200 <= status < 300 else f"the site answered {status}"
        return SiteLook(address[:500], status, title, found, error_text)
    return SiteLook(address[:500], error=f"more than {REDIRECTS_MAX} redirects")


def _get(url: str, networks: Sequence[Network], deadline: Deadline) -> tuple[int, bytes, str]:
    """Return status, first bytes and new address of an answer. Raises TargetRefused and errors of the network."""
    network = CheckedNetwork(parse_target(url), networks, deadline)
    content = b""
    with (
        httpcore.ConnectionPool(ssl_context=tls_context(), max_connections=1, network_backend=network) as pool,
        pool.stream("GET", url, headers=_MARKS) as response,
    ):
        location = next((value for name, value in response.headers if name.lower() == b"location"), b"")
        for chunk in response.iter_stream():
            content += chunk
            if len(content) >= BYTES_MAX:
                break
        return response.status, content[:BYTES_MAX], location.decode("latin-1")


def _read(content: bytes) -> tuple[str, str]:
    """Return title and visible text of a page, the text folded for search."""
    match = _CHARSET.search(content[:4_096])
    try:
        page = content.decode(match.group(1).decode() if match else "utf-8", "replace")
    except LookupError:
        page = content.decode("utf-8", "replace")
    page = page.replace("\x00", "\ufffd")
    found = _TITLE.search(page)
    title = " ".join(html.unescape(found.group(1)).split())[:TITLE_CHARS_MAX] if found else ""
    text = html.unescape(_TAG.sub(" ", _without_hidden(page)))
    return title, " ".join(f"{title} {text}".split()).casefold()


def _without_hidden(page: str) -> str:
    """Return a page without scripts and styles; one that has no end hides the rest."""
    kept, at, folded = [], 0, page.lower()
    while (start := _HIDDEN.search(page, at)) is not None:
        kept.append(page[at : start.start()])
        end = folded.find(f"</{start.group(1).lower()}", start.end())
        if end < 0:
            return " ".join(kept)
        at = end
    return " ".join([*kept, page[at:]])


def _has(text: str, word: str) -> bool:
    """Return whether a text has a word; endings count, so `shoe` is found in `shoes`."""
    wanted = " ".join(word.split()).casefold()
    return bool(wanted) and re.search(rf"(?<!\w){re.escape(wanted)}", text) is not None
