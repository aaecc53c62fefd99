"""Bounces: reports of mail servers that an address takes no mail (RFC 3464)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import parseaddr

from django.core import signing

from control.accounts.actor import Actor
from control.accounts.models import normal_email
from control.accounts.roles import Action, Area
from control.changes import changing
from control.errors import NotFound
from control.notifications.models import BouncedAddress
from control.partners.access import require_operator

REPORT_BYTES_MAX = 1024**2
_SALT = "message id"
_REASON_CHARS_MAX = 500


class NotAReport(ValueError):
    """Another mail than a report about a mail of this installation."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """Failure for good of one address."""

    email: str
    status: str
    reason: str


def message_id(email: str, random: str, domain: str) -> str:
    """Return the Message-ID of a mail; its signature shows later that the report is about a mail from here."""
    return f"<{random}.{_signature(random, email)}@{domain}>"


def _signature(random: str, email: str) -> str:
    signed = signing.Signer(salt=_SALT).signature(f"{random} {normal_email(email)}")
    return "".join(letter for letter in signed if letter.isalnum())[:24]


def bounces_in(report: bytes) -> list[Bounce]:
    """Return the addresses that a report says take no mail; none if it tells of a delay. Raises NotAReport."""
    if len(report) > REPORT_BYTES_MAX:
        raise NotAReport(f"the report has more than {REPORT_BYTES_MAX:,} bytes")
    message = message_from_bytes(report, policy=policy.default)
    parts = list(message.walk())
    fields = [part for part in parts if part.get_content_type() == "message/delivery-status"]
    if not fields:
        raise NotAReport("the mail has no part message/delivery-status; forward the report as it came")
    own = _returned_id(parts)
    found = [bounce for part in fields for bounce in _bounces(part)]
    for bounce in found:
        random, _, signature = own.strip("<> ").partition("@")[0].rpartition(".")
        if not signature or signature != _signature(random, bounce.email):
            raise NotAReport(f"the report for {bounce.email} names no mail that was sent to it from here")
    return found


def _bounces(part: Message) -> Iterator[Bounce]:
    """Yield the failures of a part, which has a block of headers for each recipient."""
    blocks = part.get_payload()
    for block in blocks if isinstance(blocks, list) else []:
        if not isinstance(block, Message) or str(block.get("Action", "")).strip().lower() != "failed":
            continue
        status = str(block.get("Status", "")).split(" ")[0].strip()[:16]
        named = block.get("Original-Recipient") or block.get("Final-Recipient") or ""
        email = normal_email(parseaddr(str(named).rpartition(";")[2])[1])
        if email and status.startswith("5"):
            reason = " ".join(str(block.get("Diagnostic-Code", "")).split())
            yield Bounce(email, status, reason[:_REASON_CHARS_MAX])


def _returned_id(parts: Sequence[Message]) -> str:
    """Return the Message-ID of the mail that came back, whole or as its headers."""
    for part in parts:
        kind = part.get_content_type()
        if kind == "message/rfc822":
            inner = part.get_payload()
            if isinstance(inner, list) and inner and isinstance(inner[0], Message):
                return str(inner[0].get("Message-ID", ""))
        if kind == "text/rfc822-headers" and isinstance(part, EmailMessage):
            headers = message_from_bytes(str(part.get_content()).encode(), policy=policy.default)
            return str(headers.get("Message-ID", ""))
    return ""


def note_bounces(actor: Actor, report: bytes) -> list[Bounce]:
    """Mark the addresses that a report says take no mail. Raises Forbidden, NotAReport."""
    require_operator(actor, Area.PEOPLE, Action.WRITE)
    found = bounces_in(report)
    with changing(actor, "delivery status report"):
        for bounce in found:
            row = BouncedAddress.objects.select_for_update().filter(email=bounce.email).first()
            row = row or BouncedAddress(email=bounce.email)
            row.status, row.reason = bounce.status, bounce.reason
            row.save()
    return found


def bounce_of(email: str) -> BouncedAddress | None:
    """Return the mark of an address."""
    return BouncedAddress.objects.filter(email=normal_email(email)).first()


def forget_bounce(actor: Actor, email: str) -> None:
    """Take the mark from an address, which then gets all mail again. Raises Forbidden, NotFound."""
    require_operator(actor, Area.PEOPLE, Action.WRITE)
    with changing(actor, "the address works again"):
        row = BouncedAddress.objects.select_for_update().filter(email=normal_email(email)).first()
        if row is None:
            raise NotFound(f"{email} is not marked")
        row.delete()
