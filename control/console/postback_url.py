"""Postback URL of an offer for an advertiser's server, and the postback in a text that somebody pastes. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

PATH = "/postback"
_CLICK_ID_PARAMETER = re.compile(r"[?&]([^=&#]+)=\{click_id\}")
_CURL_URL = re.compile(r"""(https?://[^\s'"]+)""")


@dataclass(frozen=True, slots=True)
class Macro:
    """Parameter of a postback URL, and what the advertiser's server puts in its place."""

    name: str
    placeholder: str
    meaning: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class PostbackUrl:
    """Postback URL of one goal of an offer."""

    url: str
    macros: Sequence[Macro]


def postback_url(tracking_url: str, landing_url: str, goal: str, currency: str, *, has_secret: bool) -> PostbackUrl:
    """Return the URL for the advertiser's server, with placeholders in braces."""
    found = _CLICK_ID_PARAMETER.search(landing_url)
    source = f"the value of {found.group(1)} in the landing URL" if found else "the click_id of the landing URL"
    macros = [
        Macro("click_id", "{click_id}", f"{source}, unchanged: 36 characters", required=True),
        Macro("txn_id", "{order_id}", "the order number; a repeat with the same one counts once"),
        Macro("amount", "{amount}", "the value of the order, with a point: 12.50"),
        Macro("currency", currency, f"ISO 4217 code of the amount; {currency} without it"),
        Macro("status", "approved", "approved, pending, hold or declined; approved without it"),
    ]
    if goal != "1":
        macros.insert(1, Macro("goal", goal, "the key of the goal", required=True))
    if has_secret:
        macros.append(Macro("secret", "{secret}", "the offer's postback secret", required=True))
    query = "&".join(f"{macro.name}={quote(macro.placeholder, safe='{}')}" for macro in macros)
    return PostbackUrl(f"{tracking_url}{PATH}?{query}", macros)


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
