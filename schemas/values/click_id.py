"""Click ids: signed 27-byte tokens that need no lookup to be verified. Impression ids have the same form.

key id (1) | Unix time in ms (6) | offer (4) | partner (4) | random (5) | keyed BLAKE2s of everything before it (7),
written as 36 characters of base64url. Every process that has the keys can detect a forged id.
"""

import base64
import binascii
import hmac
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b, blake2s

TOKEN_BYTES = 27
TOKEN_CHARS = 36
RANDOM_BYTES = 5
_MAC_BYTES = 7
_BODY = struct.Struct(">B6sII5s")


@dataclass(frozen=True, slots=True)
class TokenKey:
    """One signing key. An old key verifies ids until `verify_until_ms`; None means forever."""

    key_id: int
    secret: bytes
    verify_until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """All keys of an installation: the current key signs, and every key verifies until its end date."""

    current: TokenKey
    by_id: Mapping[int, TokenKey]
    hash_secret: bytes

    @property
    def installation(self) -> str:
        """Return 16 hex digits that identify the installation and reveal nothing about its secrets."""
        return blake2b(b"installation", key=self.hash_secret, digest_size=8).hexdigest()

    @classmethod
    def of(cls, keys: list[TokenKey], current_id: int, hash_secret: bytes) -> "TokenKeys":
        by_id = {key.key_id: key for key in keys}
        return cls(current=by_id[current_id], by_id=by_id, hash_secret=hash_secret)


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """Content of a token."""

    key_id: int
    ts_ms: int
    offer_id: int
    partner_id: int
    random: bytes


def _mac(secret: bytes, body: bytes) -> bytes:
    return blake2s(body, key=secret, digest_size=_MAC_BYTES).digest()


def mint(keys: TokenKeys, ts_ms: int, offer_id: int, partner_id: int, random: bytes) -> bytes:
    """Sign a new id of 27 bytes. `random` is 5 bytes: random for live hits, `random_of_ref` for lines on /v1/events."""
    body = _BODY.pack(keys.current.key_id, ts_ms.to_bytes(6, "big"), offer_id, partner_id, random)
    return body + _mac(keys.current.secret, body)


def random_of_ref(keys: TokenKeys, kind: str, ref: str) -> bytes:
    """Return 5 bytes of a keyed hash of a line's type and id, so that the same line always gets the same token."""
    return blake2b(f"{kind}\0{ref}".encode(), key=keys.hash_secret, digest_size=RANDOM_BYTES).digest()


def to_text(token: bytes) -> str:
    """Write a token as the 36 characters that are issued."""
    return base64.urlsafe_b64encode(token).decode()


def from_text(text: str) -> bytes | None:
    """Read the 27 bytes of a token; None if the text cannot be one. Only the canonical spelling is accepted."""
    if len(text) != TOKEN_CHARS or not text.isascii() or "+" in text or "/" in text:
        return None  # the decoder also accepts + and / for - and _
    try:
        token = base64.b64decode(text.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return token if len(token) == TOKEN_BYTES else None


def facts_of(token: bytes) -> TokenFacts:
    """Read the content of a token without verifying it."""
    key_id, ts, offer_id, partner_id, random = _BODY.unpack_from(token)
    return TokenFacts(key_id, int.from_bytes(ts, "big"), offer_id, partner_id, random)


def verify(keys: TokenKeys, token: bytes, now_ms: int) -> TokenFacts | None:
    """Return the token's content if a key of this installation signed it and still verifies; otherwise None."""
    key = keys.by_id.get(token[0])
    if key is None or (key.verify_until_ms is not None and now_ms > key.verify_until_ms):
        return None
    body, mac = token[:-_MAC_BYTES], token[-_MAC_BYTES:]
    if not hmac.compare_digest(_mac(key.secret, body), mac):
        return None
    return facts_of(token)
