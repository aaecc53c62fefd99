"""A visitor's request as a value: its parameters and everything it says about the sender.

Pure: it reads an ASGI scope, which is a mapping, and gets everything else as arguments. It never fails: values that
are too long are cut and undecodable bytes replaced, because every visitor is redirected, whatever the request holds.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from schemas.events import Consent, Hint
from schemas.values.ip_addresses import canonical, truncated
from tracker.request.client_ip import Network, hash_of, is_trusted, sender_of
from tracker.request.params import read_params
from tracker.request.text import clean, cut, header_text
from tracker.request.visitor import in_cookie

COOKIE_BYTES_MAX = 16_384
FORWARDED_BYTES_MAX = 4_096

# Plain integers: operations on flags cost a microsecond each.
_GPC, _DNT = int(Consent.GPC), int(Consent.DNT)
_HEAD, _PREFETCH = int(Hint.HEAD), int(Hint.PREFETCH)
_PURPOSES = (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz")
_AHEAD = (b"prefetch", b"prerender", b"preview")  # Chrome, Safari and apps name a fetch ahead by one of these

RawHeaders = Iterable[tuple[bytes, bytes]]


class HitSettings(msgspec.Struct, frozen=True):
    """Settings and keys that reading a hit needs besides the request."""

    proxies: tuple[Network, ...]
    hash_secret: bytes
    field_bytes_max: int
    truncate_ip: bool


class Hit(msgspec.Struct, frozen=True):
    """A request for a link or a pixel, or the sender's data of any other request."""

    ts: int
    method: str
    path: str
    params: dict[str, str]
    """Parameters as sent, also bytes that are not UTF-8; the first value of each repeated one."""
    sender: str
    """Full address of the sender; never stored."""
    ip: str
    """Address in its stored form."""
    ip_hash: int
    user_agent: str
    referrer: str
    accept_language: str
    consent: int
    """Bits of Consent."""
    hints: int
    """Bits of Hint."""
    cookie: str
    """Visitor id from Clew's cookie; "" without one."""
    is_https: bool
    query: bytes = b""
    """Query string as sent; empty for requests that are read without parameters."""
    has_ambiguous_url: bool = False
    """True if the parameter `url` contains an unencoded & that cannot be told from those between parameters."""


def read_hit(scope: Mapping[str, Any], ts: int, reading: HitSettings, *, with_params: bool = True) -> Hit:
    """Read the hit from an ASGI HTTP scope that was received at `ts`."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    get, bytes_max = headers.get, reading.field_bytes_max
    peer = scope["client"][0] if scope.get("client") else ""
    sender = _sender(peer, scope["headers"], headers, reading.proxies)
    query = scope["query_string"] if with_params else b""
    params, is_ambiguous = read_params(query) if query else ({}, False)
    return Hit(
        ts=ts,
        method=scope["method"],
        path=cut(clean(scope["path"]), bytes_max),
        params=params,
        sender=sender,
        ip=truncated(sender) if reading.truncate_ip else sender,
        ip_hash=hash_of(sender, ts, reading.hash_secret),
        user_agent=header_text(get(b"user-agent", b""), bytes_max),
        referrer=header_text(get(b"referer", b""), bytes_max),
        accept_language=header_text(get(b"accept-language", b""), bytes_max),
        consent=_consent(headers),
        hints=_hints(scope["method"], headers),
        cookie=in_cookie(headers[b"cookie"][:COOKIE_BYTES_MAX].decode("latin-1")) if b"cookie" in headers else "",
        is_https=_is_https(scope, peer, headers, reading.proxies),
        query=query,
        has_ambiguous_url=is_ambiguous,
    )


def _sender(peer: str, raw: RawHeaders, headers: dict[bytes, bytes], proxies: tuple[Network, ...]) -> str:
    if not proxies or b"x-forwarded-for" not in headers:
        return canonical(peer)
    claims = b",".join(value for name, value in raw if name == b"x-forwarded-for")
    return sender_of(peer, claims[-FORWARDED_BYTES_MAX:].decode("latin-1"), proxies)


def _consent(headers: dict[bytes, bytes]) -> int:
    gpc = _GPC if headers.get(b"sec-gpc") == b"1" else 0
    return gpc | _DNT if headers.get(b"dnt") == b"1" else gpc


def _hints(method: str, headers: dict[bytes, bytes]) -> int:
    hints = _HEAD if method == "HEAD" else 0
    for name in _PURPOSES:
        if name in headers:
            purpose = headers[name].lower()
            if any(word in purpose for word in _AHEAD):
                hints |= _PREFETCH
    return hints


def _is_https(scope: Mapping[str, Any], peer: str, headers: dict[bytes, bytes], proxies: tuple[Network, ...]) -> bool:
    """Return whether this hop used https, or a trusted proxy says that the hop before it did."""
    if scope.get("scheme") == "https":
        return True
    said = headers.get(b"x-forwarded-proto", b"")
    return said.rpartition(b",")[2].strip().lower() == b"https" and is_trusted(canonical(peer), proxies)
