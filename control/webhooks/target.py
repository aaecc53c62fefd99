"""Addresses that webhooks may go to. A receiver is named by people, so it must not be a system inside."""

import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}
LOOK_UP_TIMEOUT_S = 5.0
LOOK_UPS_MAX = 16
"""Most look-ups of names at a time, those that hang included."""
_look_ups = threading.BoundedSemaphore(LOOK_UPS_MAX)
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


def look_up(host: str, port: int, timeout_s: float) -> list[Address]:
    """Return the addresses of a name. Raises OSError, also if the resolver does not answer in time.

    The system's look-up cannot be ended, so it runs in another thread; few may hang at a time.
    """
    if not _look_ups.acquire(blocking=False):
        raise OSError(f"{host} was not looked up, because {LOOK_UPS_MAX} look-ups hang; check the resolver")
    found: list[list[Address] | OSError | UnicodeError] = []

    def work() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.append(list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in entries)))
        except (OSError, UnicodeError) as error:
            found.append(error)
        finally:
            _look_ups.release()

    thread = threading.Thread(target=work, name="look-up", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if not found:
        raise OSError(f"the resolver did not answer for {host} within {timeout_s:g} s")
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]


def resolve(target: Target, networks: Sequence[Network], timeout_s: float = LOOK_UP_TIMEOUT_S) -> Address:
    """Return the address to connect to. Raises TargetRefused if none is allowed, OSError if there is none."""
    addresses = look_up(target.host, target.port, timeout_s)
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
