"""Mask secrets, and in a privacy mode addresses, in every text of an event before it is appended."""

from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import quote

import msgspec

from schemas.events import Event, Kind
from schemas.values.ip_addresses import masked as with_truncated_addresses
from schemas.wire import encode

_E = TypeVar("_E", bound=Event)

MASK = "***"
SECRET_BYTES_MIN = 4
"""Shortest secret that is masked; a shorter one would mask parts of ordinary words."""
_CLOSED = frozenset(
    {"status", "currency", "goal", "kind", "match_kind", "origin", "redirect_type", "link", "method", "actor"}
    | {"coupon_reason"}
)
"""Fields that hold words of closed lists or codes of the program."""
_NO_ADDRESSES = _CLOSED | {"ip", "user_agent", "user_id", "visitor_id", "txn_id", "refund_id"}
"""Fields without addresses: those that are truncated already, versions of browsers, and ids.

An id is compared, so it is stored whole or not at all: `user_id` and `visitor_id` that are an address are absent.
"""


def spellings_of(secrets: Sequence[str]) -> tuple[bytes, ...]:
    """Return the forms that secrets may have in a record: plain, and percent-encoded in a URL."""
    found = {form for secret in secrets for form in (secret, quote(secret, safe=""))}
    return tuple(sorted(raw for form in found if len(raw := form.encode()) >= SECRET_BYTES_MIN))


def encode_masked(kind: Kind, event: Event, secrets: Sequence[bytes]) -> bytes:
    """Encode an event without the secrets. The usual event costs one search over its bytes."""
    value = encode(kind, event)
    for secret in secrets:  # a loop, because any() with a generator costs several times as much
        if secret in value:
            break
    else:
        return value
    texts = [secret.decode() for secret in sorted(secrets, key=len, reverse=True)]
    return encode(kind, _with_texts(event, _CLOSED, lambda text: _masked(text, texts)))


def truncate_addresses(event: _E) -> _E:
    """Truncate every visitor's address in the texts of an event, whichever field a sender put it into."""
    return _with_texts(event, _NO_ADDRESSES, with_truncated_addresses)


def _with_texts(event: _E, excluded: frozenset[str], change: Callable[[str], str]) -> _E:
    changed: dict[str, str | dict[str, str]] = {}
    for name in event.__struct_fields__:
        before = getattr(event, name)
        if name in excluded:
            continue
        if isinstance(before, str):
            changed[name] = change(before)
        elif isinstance(before, dict):
            changed[name] = {change(key): change(text) for key, text in before.items()}
    return msgspec.structs.replace(event, **changed)


def _masked(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text
