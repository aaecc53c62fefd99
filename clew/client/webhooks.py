"""Check of received webhooks, by the Standard Webhooks specification."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from clew.client.errors import ClewError
from runtime.clock import SystemClock

TOLERANCE = timedelta(minutes=5)
_PREFIX = "whsec_"


class BadSignature(ClewError):
    """A request is not a webhook of the owner of the secret, or it is too old."""


def verify_webhook(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: datetime | None = None,
    tolerance: timedelta = TOLERANCE,
) -> None:
    """Check that a request is a webhook signed with the secret. Give the body as it was received.

    Raises BadSignature.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, timestamp = given["webhook-id"], int(given["webhook-timestamp"])
        sent = datetime.fromtimestamp(timestamp, UTC)
        signatures = given["webhook-signature"].split()
    except (KeyError, ValueError, OverflowError, OSError):
        raise BadSignature("webhook-id, webhook-timestamp or webhook-signature is missing or wrong") from None
    moment = now or datetime.fromtimestamp(SystemClock().now_us() / 1e6, UTC)
    if abs(moment - sent) > tolerance:
        raise BadSignature("webhook-timestamp is too far from the time of this machine")
    expected = sign(secret, message_id, timestamp, body).encode()
    if not any(hmac.compare_digest(expected, signature.encode()) for signature in signatures):
        raise BadSignature("no signature in webhook-signature is made with this secret")


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a message. Raises ValueError for a text that is not a secret."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("the secret must be whsec_ and base64") from None
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
