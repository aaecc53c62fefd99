"""Encryption of secrets in the database.

Edges need the secret itself and not only a digest: they take it out of the texts of hits before these are stored. So it
is encrypted with a key derived from the key that signs sessions, which is not in the database.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from control.configuration import current_configuration
from runtime.user_error import UNREACHABLE, UserError

_NONCE_BYTES = 12
_PURPOSE = b"clew: secrets of the program"


def seal(secret: str, owner: str) -> bytes:
    """Encrypt a secret; only the same owner can be unsealed. Raises UserError without a key."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + _cipher().encrypt(nonce, secret.encode(), owner.encode())


def unseal(sealed: bytes, owner: str) -> str:
    """Decrypt a secret. Raises UserError if another key has sealed it."""
    raw = bytes(sealed)
    try:
        return _cipher().decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], owner.encode()).decode()
    except InvalidTag:
        raise UserError(
            f"the secret of {owner} was sealed with another key; restore control.key (or CLEW_WEB__SECRET_KEY), or "
            "rotate the secret",
            UNREACHABLE,
        ) from None


def _cipher() -> AESGCM:
    key = current_configuration().secret_key
    if not key:
        raise UserError("secrets cannot be sealed without the key of the control plane; give --data DIR", UNREACHABLE)
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=_PURPOSE).derive(key.encode()))
