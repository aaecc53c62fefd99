"""Secrets inside values: masked in every text of an event before it is appended, whichever field it stands in."""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from schemas.events import Event, Kind
from schemas.wire import encode

MASK = "***"
SECRET_BYTES_MIN = 4
"""Shorter secrets would mask parts of ordinary words."""
_CLOSED = frozenset(
    {"status", "currency", "goal", "kind", "match_kind", "origin", "redirect_type", "link", "method", "actor"}
    | {"coupon_reason"}
)
"""Fields that hold words of closed lists or codes of the program."""


def spellings_of(secrets: Sequence[str]) -> tuple[bytes, ...]:
    """The forms in which secrets may stand in a record: as they are, and percent-encoded in a URL."""
    found = {form for secret in secrets for form in (secret, quote(secret, safe=""))}
    return tuple(sorted(raw for form in found if len(raw := form.encode()) >= SECRET_BYTES_MIN))


def encode_masked(kind: Kind, event: Event, secrets: Sequence[bytes]) -> bytes:
    """The record of an event, without the secrets. One search over its bytes is all that the usual event costs."""
    value = encode(kind, event)
    if not any(secret in value for secret in secrets):
        return value
    texts = [secret.decode() for secret in sorted(secrets, key=len, reverse=True)]
    changed: dict[str, str | dict[str, str]] = {}
    for name in event.__struct_fields__:
        before = getattr(event, name)
        if name in _CLOSED:
            continue
        if isinstance(before, str):
            changed[name] = _masked(before, texts)
        elif isinstance(before, dict):
            changed[name] = {_masked(key, texts): _masked(text, texts) for key, text in before.items()}
    return encode(kind, msgspec.structs.replace(event, **changed))


def _masked(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text
