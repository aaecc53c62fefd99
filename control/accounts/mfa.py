"""Second factors: their secrets are encrypted in the database."""

import base64
import binascii

from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings

from runtime.sealed_bytes import seal_bytes, unseal_bytes

_MARK = "sealed:"
_PURPOSE = b"clew: secrets of second factors"


class SealingAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Seals secrets with the key that signs sessions, which is not in the database."""

    def encrypt(self, text: str) -> str:
        """Encrypt the secret of an authenticator app, or the seed of recovery codes."""
        sealed = seal_bytes(settings.SECRET_KEY, _PURPOSE, text.encode())
        return _MARK + base64.b64encode(sealed).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return a secret; one that an earlier version stored is not encrypted. Raises BadSeal."""
        if not encrypted_text.startswith(_MARK):
            return encrypted_text
        try:
            sealed = base64.b64decode(encrypted_text.removeprefix(_MARK), validate=True)
        except binascii.Error:
            sealed = b""
        return unseal_bytes(settings.SECRET_KEY, _PURPOSE, sealed).decode()
