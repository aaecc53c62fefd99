"""Visitor ids: the one a sender gives, the first-party cookie, or a daily hash that never joins touches."""

import base64
import re
from hashlib import blake2b
from typing import NamedTuple

from tracker.request.client_ip import day_of

COOKIE = "clew_v"
COOKIE_AGE_S = 365 * 86_400
RANDOM_BYTES = 16
ANONYMOUS = "~"
"""First character of ids that count uniques but never join touches."""

_COOKIE = re.compile(rf"(?:^|;)\s*{COOKIE}=([A-Za-z0-9_-]{{22}})\s*(?:;|$)")


class Visitor(NamedTuple):
    """A visitor's id, and whether it is new and must be set as a cookie."""

    id: str
    is_new: bool = False


def named(text: str) -> str:
    """Return a visitor id as a sender gave it; "" if it looks like a daily hash, which identifies nobody."""
    return "" if text.startswith(ANONYMOUS) else text


def in_cookie(header: str) -> str:
    """Return the id in a Cookie header; "" if it has none in the form that Clew sets."""
    if COOKIE not in header:
        return ""
    match = _COOKIE.search(header)
    return match.group(1) if match else ""


def fresh(random: bytes) -> str:
    """Encode 16 random bytes as a new id."""
    return base64.urlsafe_b64encode(random).rstrip(b"=").decode()


def anonymous(address: str, user_agent: str, ts_us: int, hash_secret: bytes) -> str:
    """Return `~` and a keyed hash of address, user agent and UTC day."""
    said = f"visitor\0{address}\0{day_of(ts_us)}\0{user_agent}".encode()
    return ANONYMOUS + fresh(blake2b(said, key=hash_secret, digest_size=16).digest())


def cookie_header(visitor_id: str, *, secure: bool) -> str:
    """Build the value of Set-Cookie: first party, valid for a year, not readable by scripts."""
    tail = "; Secure" if secure else ""
    return f"{COOKIE}={visitor_id}; Max-Age={COOKIE_AGE_S}; Path=/; HttpOnly; SameSite=Lax{tail}"
