"""Secrets of senders: comparison in constant time, and the names that keep them out of storage."""

import hmac
from collections.abc import Iterable
from hashlib import blake2b

NAMES = frozenset(
    {"secret", "sig", "secure", "security_token", "verification_token", "api_key", "token", "password"}
    | {"authorization"}
)
"""Parameters that carry secrets, in Clew or in the trackers that senders migrate from."""


def same(given: str, expected: str) -> bool:
    """Return whether both are equal, in a time that depends neither on the first difference nor on the lengths."""
    return hmac.compare_digest(_digest(given), _digest(expected))


def is_one_of(given: str, keys: Iterable[str]) -> bool:
    """Return whether `given` is one of the keys; every key is compared, so timing reveals nothing."""
    found = False
    for key in keys:
        found |= same(given, key)
    return found


def bearer_of(header: str) -> str:
    """Return the key in an Authorization header; "" if there is none."""
    scheme, _, key = header.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass")).digest()
