"""IP addresses in their canonical and truncated forms, alone and inside texts. Pure."""

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

_CACHE_MAX = 8_192
_IN_TEXT = re.compile(
    r"(?<![0-9A-Za-z.])\d{1,3}(?:\.\d{1,3}){3}(?![0-9A-Za-z])"
    r"|(?:(?<![0-9A-Za-z:.])|(?<=%5[Bb]))[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f.]*){2,}"
    r"|(?:(?<![0-9A-Za-z.])|(?<=%5[Bb]))[0-9A-Fa-f]{0,4}(?:%3[Aa][0-9A-Fa-f.]*){2,}",
    re.ASCII,
)
"""Candidates for an address in a text: dotted quads, and groups of hex digits with two colons or more, also encoded."""


@lru_cache(_CACHE_MAX)
def canonical(text: str) -> str:
    """Return an address in canonical form, without port and zone; "" if the text is not an address."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address)


@lru_cache(_CACHE_MAX)
def truncated(address: str) -> str:
    """Return the /24 (IPv4) or /48 (IPv6) network of the first address; "" if the text is not an address."""
    address = canonical(address.partition(",")[0])
    if not address:
        return ""
    bits = 24 if ip_address(address).version == 4 else 48
    return str(ip_network(f"{address}/{bits}", strict=False).network_address)


def masked(text: str) -> str:
    """Truncate every address in a text, as it stands between other characters."""
    return _IN_TEXT.sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    found = match.group()
    if "%" not in found:
        return truncated(found) or found
    return truncated(found.replace("%3A", ":").replace("%3a", ":")).replace(":", "%3A") or found
