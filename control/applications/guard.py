"""Protection of the public form without third parties: time, a hidden field, proof of work, limits by address."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

from django.core import signing
from django.core.cache import cache
from django.utils import timezone

_SALT = "applications.opening"
OPEN_AGE_MIN_S = 3
"""Least time between opening a form and sending it: people need longer."""
OPEN_AGE_MAX_S = 24 * 3_600
PROOF_BITS = 14
"""Zero bits at the start of the digest of a proof of work: about 16,000 tries, a second on a phone."""
HOUR_S = 3_600
SENT_PER_HOUR_MAX = 120
"""Most attempts of an address in an hour, those with mistakes included."""
WITH_PROOF_PER_HOUR_MAX = 30
WITHOUT_PROOF_PER_HOUR_MAX = 5
API_PER_HOUR_MAX = 20
MAILS_PER_HOUR_MAX = 3
"""Most applications in an hour that send a mail to one address."""
OPENING, PROOF = "cl-opening", "cl-proof"
"""Fields with the signed value and the proof of work; no key of a field has a hyphen."""
HONEYPOT = "cl-fax"
"""Field that people do not see. Programs fill it in."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A form that somebody has opened, as the signed value in the form says."""

    slug: str
    nonce: str
    opened: datetime
    source: Mapping[str, str] = field(default_factory=dict)
    referred_by: int | None = None
    invite: str = ""
    """Token of the invitation by whose link the form was opened."""


class NotOpened(ValueError):
    """The signed value is missing, wrong or too old."""


def opening(slug: str, source: Mapping[str, str], referred_by: int | None, invite: str = "") -> str:
    """Return the signed value for a form that is opened now."""
    values = {
        "f": slug,
        "n": secrets.token_hex(8),
        "s": dict(source),
        "p": referred_by,
        "t": timezone.now().timestamp(),
        "i": invite,
    }
    return signing.dumps(values, salt=_SALT, compress=True)


def read_opening(text: str, slug: str) -> Opening:
    """Read the signed value. Raises NotOpened."""
    try:
        values: dict[str, Any] = signing.loads(text, salt=_SALT, max_age=OPEN_AGE_MAX_S)
    except signing.BadSignature:
        raise NotOpened from None
    if values["f"] != slug:
        raise NotOpened
    return Opening(
        slug, values["n"], datetime.fromtimestamp(values["t"], UTC), values["s"], values["p"], values.get("i", "")
    )


def is_too_fast(opened: Opening, now: datetime) -> bool:
    """Return whether a form comes back sooner than people are."""
    return (now - opened.opened).total_seconds() < OPEN_AGE_MIN_S


def is_proof(opened: Opening, proof: str) -> bool:
    """Return whether a text proves work for this form."""
    if not proof.isascii() or not proof.isdecimal() or len(proof) > 12:
        return False
    digest = hashlib.sha256(f"{opened.nonce}:{proof}".encode()).digest()
    return int.from_bytes(digest[:4]) >> (32 - PROOF_BITS) == 0


def first_time(kind: str, nonce: str) -> bool:
    """Return whether something happens for the first time with a form that was opened."""
    return bool(cache.add(f"apply:{kind}:{nonce}", 1, OPEN_AGE_MAX_S))


def takes(kind: str, address: str, times_max: int) -> bool:
    """Count one use by a network address in this hour; return False if there were too many."""
    return _counted(kind, network_of(address), times_max)


def takes_mail(email: str) -> bool:
    """Count one application of a mail address in this hour; return False if there were too many."""
    digest = hashlib.sha256(email.strip().lower().encode()).hexdigest()[:32]
    return _counted("mail", digest, MAILS_PER_HOUR_MAX)


def _counted(kind: str, who: str, times_max: int) -> bool:
    hour = int(timezone.now().timestamp()) // HOUR_S
    key = f"apply:{kind}:{who}:{hour}"
    if cache.add(key, 1, HOUR_S):
        return True
    try:
        return bool(cache.incr(key) <= times_max)
    except ValueError:  # it ended in between
        return True


def network_of(address: str) -> str:
    """Return an address as it is counted: one of IPv6 by its /64, which belongs to one household."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(mapped) if mapped.version == 4 else str(ip_network(f"{mapped}/64", strict=False).network_address)


def forget(kind: str, nonce: str) -> None:
    """Forget that something has happened, because it was refused."""
    cache.delete(f"apply:{kind}:{nonce}")
