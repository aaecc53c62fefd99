"""Secrets and signatures by the Standard Webhooks specification."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

from control.program.sealing import seal, unseal
from control.webhooks.models import Webhook

_PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> str:
    """Make a secret."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def seal_secret(webhook: Webhook, secret: str) -> bytes:
    """Encrypt a secret for one webhook."""
    return seal(secret, _owner(webhook))


def secrets_in_force(webhook: Webhook, now: datetime) -> list[str]:
    """Return the secret of a webhook, and the one before it while both are valid. Raises UserError."""
    sealed = [webhook.sealed_secret]
    if webhook.old_valid_until is not None and now < webhook.old_valid_until:
        sealed.append(webhook.old_sealed_secret)
    return [unseal(bytes(one), _owner(webhook)) for one in sealed]


def signed_headers(keys: list[str], event_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of the specification; each secret gives one signature."""
    timestamp = str(int(now.timestamp()))
    content = f"{event_id}.{timestamp}.".encode() + body
    signatures = []
    for key in keys:
        digest = hmac.new(base64.b64decode(key.removeprefix(_PREFIX)), content, hashlib.sha256).digest()
        signatures.append(f"v1,{base64.b64encode(digest).decode()}")
    return {"webhook-id": event_id, "webhook-timestamp": timestamp, "webhook-signature": " ".join(signatures)}


def _owner(webhook: Webhook) -> str:
    return f"webhook {webhook.pk}"
