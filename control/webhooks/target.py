"""Addresses that webhooks may go to. A receiver is named by people, so it must not be a system inside."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""Addresses by which IPv6 networks reach IPv4 addresses."""


class TargetRefused(Exception):
    """Nothing is sent to this address; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Receiver of a webhook, as its URL names it."""

    scheme: str
    host: str
    port: int


def parse_target(url: str) -> Target:
    """Read the receiver from a URL. Raises TargetRefused."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise TargetRefused("must be printable ASCII characters without blanks and backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise TargetRefused("is not an address; write https://host/path") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise TargetRefused("must begin with https:// or http:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise TargetRefused("must not hold a user or password; check the signature of requests instead")
    if parts.fragment:
        raise TargetRefused("must not have a part after #")
    if port == 0:
        raise TargetRefused("must not name port 0")
    return Target(parts.scheme, parts.hostname, port or PORTS[parts.scheme])


def is_allowed(address: Address, networks: Sequence[Network]) -> bool:
    """Return whether requests may go to an address: a public one, or one of the networks."""
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return is_allowed(mapped, networks)
    if any(address in network for network in networks if network.version == address.version):
        return True
    if isinstance(address, IPv6Address):
        hidden = address.sixtofour is not None or address.teredo is not None
        if hidden or any(address in network for network in _TRANSLATED):
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def resolve(target: Target, networks: Sequence[Network]) -> Address:
    """Return the address to connect to. Raises TargetRefused if none is allowed, OSError if there is none."""
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))
    for address in addresses:
        if is_allowed(address, networks):
            return address
    named = ", ".join(map(str, addresses[:4]))
    raise TargetRefused(
        f"{target.host} is at {named}, which is not a public address; CLEW_WEBHOOKS__PRIVATE_NETWORKS names the "
        "networks that webhooks may go to"
    )


def is_literal_refused(target: Target, networks: Sequence[Network]) -> bool:
    """Return whether a receiver is named by an address that requests may not go to. Names are resolved when sending."""
    if target.host == "localhost" or target.host.endswith(".localhost"):
        return not is_allowed(ip_address("127.0.0.1"), networks)
    try:
        return not is_allowed(ip_address(target.host.partition("%")[0]), networks)
    except ValueError:
        return False
