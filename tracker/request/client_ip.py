"""Address of the sender: found behind trusted proxies, in its stored form, and as a daily keyed hash.

Anybody can write an X-Forwarded-For header. It is read from the right for as long as the address that passed it
on is a trusted proxy; the first address that is not a trusted proxy is the sender.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

_DAY_US = 86_400 * 1_000_000
_CACHE_MAX = 8_192
_IN_TEXT = re.compile(
    r"(?<![0-9A-Za-z.])\d{1,3}(?:\.\d{1,3}){3}(?![0-9A-Za-z])|(?<![0-9A-Za-z:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f.]*){2,}",
    re.ASCII,
)
"""Candidates for an address in a text: dotted quads, and groups of hex digits with two colons or more."""


def networks_of(proxies: Sequence[str]) -> tuple[Network, ...]:
    """Parse the program's trusted proxies. Raises ValueError."""
    return tuple(ip_network(proxy) for proxy in proxies)


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
    return _IN_TEXT.sub(lambda match: truncated(match.group()) or match.group(), text)


@lru_cache(_CACHE_MAX)
def is_trusted(address: str, proxies: tuple[Network, ...]) -> bool:
    """Return whether the address is one of the program's trusted proxies."""
    if not address:
        return False
    parsed = ip_address(address)
    return any(parsed in network for network in proxies)


def sender_of(peer: str, forwarded: str, proxies: tuple[Network, ...]) -> str:
    """Return the right-most address that is not a trusted proxy; "" if there is none.

    An entry that cannot be parsed ends the search: the proxy that passed it on counts as the sender.
    """
    address = canonical(peer)
    if not forwarded or not is_trusted(address, proxies):
        return address
    for claim in reversed(forwarded.split(",")):
        claimed = canonical(claim)
        if not claimed:
            break
        address = claimed
        if not is_trusted(address, proxies):
            break
    return address


def day_of(ts_us: int) -> int:
    """Return the number of the UTC day since 1970."""
    return ts_us // _DAY_US


def hash_of(address: str, ts_us: int, hash_secret: bytes) -> int:
    """Return a 64-bit keyed hash of the address that changes every UTC day; 0 without an address."""
    if not address:
        return 0
    said = f"ip\0{address}\0{day_of(ts_us)}".encode("utf-8", "replace")
    return int.from_bytes(blake2b(said, key=hash_secret, digest_size=8).digest(), "big")
