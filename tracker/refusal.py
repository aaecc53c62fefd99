"""Why a hit is not accepted, as a value: the answer, the reason, the field, a sentence with the fix."""

import msgspec

from schemas.dedup.rules import Ruling, Verdict
from schemas.fields import NO_DIGEST
from schemas.reasons import Reason


class Refusal(msgspec.Struct, frozen=True):
    verdict: Verdict
    reason: Reason
    field: str = ""
    detail: str = ""
    status: int = 200
    """HTTP status of the answer, where the hit is a request of its own."""
    offer_id: int = 0
    partner_id: int = 0
    conversion_id: bytes = NO_DIGEST
    now: str = ""
    """Status of the conversion as of now, where one is known."""


class Refused(Exception):
    """Leaves a reading at the first field that is wrong; the reader's public function turns it into its value."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


def malformed(field: str, detail: str) -> Refusal:
    """A field is missing or cannot be read."""
    return Refusal("malformed", Reason.MALFORMED, field, detail, status=400)


def rejected(reason: Reason, field: str, detail: str, *, status: int = 200) -> Refusal:
    """Well formed, and refused."""
    return Refusal("rejected", reason, field, detail, status=status)


def with_ids(refusal: Refusal, offer_id: int, partner_id: int) -> Refusal:
    """The refusal, and which offer and partner it is about."""
    return msgspec.structs.replace(refusal, offer_id=offer_id, partner_id=partner_id)


def refusal_of(result: Ruling | Refusal) -> Refusal | None:
    """What is recorded as refused; None where the sender is told accepted or duplicate."""
    if isinstance(result, Refusal):
        return result
    if result.verdict in ("accepted", "duplicate"):
        return None
    reason = result.reason or Reason.MALFORMED
    conversion_id = result.issued if len(result.issued) == len(NO_DIGEST) else NO_DIGEST  # a touch's id is longer
    return Refusal(result.verdict, reason, result.field, result.detail, conversion_id=conversion_id, now=result.status)
