"""Secrets of senders: compared in constant time, and kept out of everything that is stored."""

import hmac
from collections.abc import Iterable
from hashlib import blake2b

NAMES = frozenset(
    {"secret", "sig", "secure", "security_token", "verification_token", "api_key", "token", "password"}
    | {"authorization"}
)
"""Parameters that carry secrets, here or at the trackers that senders come from."""


def same(given: str, expected: str) -> bool:
    """Whether they are equal, in a time that does not depend on where they differ or how long they are."""
    return hmac.compare_digest(_digest(given), _digest(expected))


def is_one_of(given: str, keys: Iterable[str]) -> bool:
    """Whether it is one of the keys; every key is compared."""
    found = False
    for key in keys:
        found |= same(given, key)
    return found


def bearer_of(header: str) -> str:
    """The key of an Authorization header; "" if it has none."""
    scheme, _, key = header.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass")).digest()
