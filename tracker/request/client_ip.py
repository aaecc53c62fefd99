"""Who asks: the address of the sender behind trusted proxies, its stored form, and its daily keyed hash.

X-Forwarded-For is a claim of whoever wrote it. It is read from the right, as long as the address that handed
it on is a trusted proxy; the first one that is not is the sender.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

_DAY_US = 86_400 * 1_000_000
_CACHE_MAX = 8_192


def networks_of(proxies: Sequence[str]) -> tuple[Network, ...]:
    """The program's trusted proxies. Raises ValueError."""
    return tuple(ip_network(proxy) for proxy in proxies)


@lru_cache(_CACHE_MAX)
def canonical(text: str) -> str:
    """An address in its one usual spelling, without a port or a zone; "" if it is none."""
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
    """The /24 (IPv4) or /48 (IPv6) of an address; what is no address stays as it is."""
    try:
        bits = 24 if ip_address(address).version == 4 else 48
    except ValueError:
        return address
    return str(ip_network(f"{address}/{bits}", strict=False).network_address)


@lru_cache(_CACHE_MAX)
def is_trusted(address: str, proxies: tuple[Network, ...]) -> bool:
    """Whether it is one of the program's proxies."""
    if not address:
        return False
    parsed = ip_address(address)
    return any(parsed in network for network in proxies)


def sender_of(peer: str, forwarded: str, proxies: tuple[Network, ...]) -> str:
    """The right-most address that is no trusted proxy; "" if there is none.

    A claim that cannot be read ends the walk: the proxy that handed it on stands for it.
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
    """Number of the UTC day."""
    return ts_us // _DAY_US


def hash_of(address: str, ts_us: int, hash_secret: bytes) -> int:
    """A 64-bit keyed hash of the address that changes every UTC day; 0 without an address."""
    if not address:
        return 0
    said = f"ip\0{address}\0{day_of(ts_us)}".encode("utf-8", "replace")
    return int.from_bytes(blake2b(said, key=hash_secret, digest_size=8).digest(), "big")
