"""Refusals: the verdict, the reason, the field, and a sentence with the fix.

Every step, check and reader of a hit raises `Refused`; the public function that calls it returns the refusal.
"""

import re

import msgspec

from schemas.dedup.rules import Decision, Verdict
from schemas.fields import NO_DIGEST
from schemas.reasons import Reason
from tracker.request.text import QUOTED_CHARS_MAX, shortened

DETAIL_CHARS_MAX = 1_000
_QUOTED = re.compile(rf"(?<=[`'\"])[^`'\"]{{{QUOTED_CHARS_MAX + 1},}}(?=[`'\"])")


class Refusal(msgspec.Struct, frozen=True):
    """Refused hit. Whatever the sender sent, its texts are short: names and quoted values are shortened here."""

    verdict: Verdict
    reason: Reason
    field: str = ""
    detail: str = ""
    status: int = 200
    """HTTP status of the answer, if the hit is a whole request and not a line of a batch."""
    offer_id: int = 0
    partner_id: int = 0
    conversion_id: bytes = NO_DIGEST
    now: str = ""
    """Current status of the conversion, if one is known."""

    def __post_init__(self) -> None:
        if len(self.field) > QUOTED_CHARS_MAX:
            msgspec.structs.force_setattr(self, "detail", self.detail.replace(self.field, shortened(self.field)))
            msgspec.structs.force_setattr(self, "field", shortened(self.field))
        if len(self.detail) > QUOTED_CHARS_MAX:
            detail = _QUOTED.sub(lambda quoted: shortened(quoted.group()), self.detail)
            msgspec.structs.force_setattr(self, "detail", shortened(detail, DETAIL_CHARS_MAX))


class Refused(Exception):
    """Exception that ends the reading of a hit at the first wrong field."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


def malformed(field: str, detail: str) -> Refusal:
    """Build the refusal of a hit with a field that is missing or cannot be read."""
    return Refusal("malformed", Reason.MALFORMED, field, detail, status=400)


def rejected(reason: Reason, field: str, detail: str, *, status: int = 200) -> Refusal:
    """Build the refusal of a hit that is well formed but not allowed."""
    return Refusal("rejected", reason, field, detail, status=status)


def with_ids(refusal: Refusal, offer_id: int, partner_id: int) -> Refusal:
    """Add the offer and partner that the refusal is about."""
    return msgspec.structs.replace(refusal, offer_id=offer_id, partner_id=partner_id)


def refusal_of(result: Decision | Refusal) -> Refusal | None:
    """Return the refusal to record; None if the sender is told accepted or duplicate."""
    if isinstance(result, Refusal):
        return result
    if result.verdict in ("accepted", "duplicate"):
        return None
    reason = result.reason or Reason.MALFORMED
    conversion_id = result.issued if len(result.issued) == len(NO_DIGEST) else NO_DIGEST  # a touch's id is longer
    return Refusal(result.verdict, reason, result.field, result.detail, conversion_id=conversion_id, now=result.status)
