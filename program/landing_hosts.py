"""Hosts that visitors of an offer may be sent to: that of its landing page, and those that it allows.

Deep links in requests and landing pages of links are decided by the same rule. A URL is parsed as browsers read it, and
its host is compared in ASCII.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

from schemas.values.hosts import ascii_host

_URL = re.compile(r"([Hh][Tt][Tt][Pp][Ss]?)://([^/?#\\@%\s]+)([/?#].*)?", re.DOTALL)
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::(\d{0,5}))?", re.ASCII)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Target(NamedTuple):
    """Parts of an http or https URL; `port` is None for the default port of the scheme."""

    scheme: str
    host: str
    port: int | None
    rest: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """Hosts and port that visitors of an offer may be sent to."""

    exact: frozenset[str]
    suffixes: tuple[str, ...]
    """".shop.example" for "*.shop.example"."""
    landing_port: int | None

    def holds(self, target: Target) -> bool:
        if target.port is not None and target.port != self.landing_port:
            return False
        return target.host in self.exact or target.host.endswith(self.suffixes)

    def holds_page(self, landing_url: str) -> bool:
        """Return whether a link of the offer may have this landing page; it may contain macros after its host."""
        target = target_of(landing_url)
        return target is not None and self.holds(target)


def allowed_of(landing_url: str, patterns: tuple[str, ...]) -> Allowed:
    """Collect the landing URL's host and the offer's allowed hosts."""
    landing = target_of(landing_url.partition("?")[0].partition("#")[0])
    exact = {host for pattern in patterns if not pattern.startswith("*.") if (host := host_of(pattern))}
    suffixes = tuple(f".{host}" for pattern in patterns if pattern.startswith("*.") if (host := host_of(pattern[2:])))
    if landing is not None:
        exact.add(landing.host)
    return Allowed(frozenset(exact), suffixes, landing.port if landing is not None else None)


def target_of(url: str) -> Target | None:
    """Split a URL into its parts; None if browsers could read it in more than one way."""
    if _UNSAFE.search(url):
        return None
    match = _URL.fullmatch(url)
    authority = _AUTHORITY.fullmatch(match.group(2)) if match else None
    if match is None or authority is None:
        return None
    host = host_of(authority.group(1))
    scheme, digits = match.group(1).lower(), authority.group(2)
    port = int(digits) if digits else _DEFAULT_PORTS[scheme]
    if not host or port > 65_535:
        return None
    return Target(scheme, host, None if port == _DEFAULT_PORTS[scheme] else port, match.group(3) or "")


def host_of(text: str) -> str:
    """Return the host in lower-case ASCII (UTS 46) without a trailing dot; "" if no browser accepts it."""
    if text.startswith("["):
        return _ipv6_of(text[1:-1])
    return ascii_host(text)


def _ipv6_of(text: str) -> str:
    try:
        return f"[{IPv6Address(text)}]"
    except AddressValueError:
        return ""
