"""Encryption of bytes with a key that both sides have, for secrets that are sent or stored."""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12


class BadSeal(Exception):
    """The bytes were sealed with another key, for another purpose, or changed since."""


def seal_bytes(key: str, purpose: bytes, content: bytes) -> bytes:
    """Encrypt bytes for one purpose."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + _cipher(key, purpose).encrypt(nonce, content, None)


def unseal_bytes(key: str, purpose: bytes, sealed: bytes) -> bytes:
    """Decrypt bytes. Raises BadSeal."""
    try:
        return _cipher(key, purpose).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
    except (InvalidTag, ValueError):
        raise BadSeal("sealed bytes do not belong to this key") from None


def _cipher(key: str, purpose: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=purpose).derive(key.encode()))
