"""Address of the sender: found behind trusted proxies, and as a daily keyed hash.

Anybody can write an X-Forwarded-For header. It is read from the right for as long as the address that passed it
on is a trusted proxy; the first address that is not a trusted proxy is the sender.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from schemas.values.ip_addresses import canonical

Network = IPv4Network | IPv6Network

_DAY_US = 86_400 * 1_000_000
_CACHE_MAX = 8_192


def networks_of(proxies: Sequence[str]) -> tuple[Network, ...]:
    """Parse the program's trusted proxies. Raises ValueError."""
    return tuple(ip_network(proxy) for proxy in proxies)


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
