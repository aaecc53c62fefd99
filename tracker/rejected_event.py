"""Turn a refused hit into an event: the whole hit and the reason, without any secret."""

from collections.abc import Iterable, Mapping

from schemas.events import Rejected
from tracker import secrets
from tracker.offers.program_index import ProgramIndex
from tracker.refusal import Refusal
from tracker.request.hit import Hit
from tracker.request.text import clean, cut, shortened

FIELDS_MAX = 100
TEXT_BYTES_MAX = 128
VALUE_BYTES_MAX = 2_048
DETAIL_BYTES_MAX = 512


def rejected_event(
    kind: str,
    refusal: Refusal,
    hit: Hit,
    fields: Mapping[str, str],
    program: ProgramIndex,
    *,
    link: str = "",
    visitor_id: str = "",
    referrer: str = "",
    ref: str = "",
) -> Rejected:
    """Build the event that is stored for a refused hit."""
    return Rejected(
        ts=hit.ts,
        kind=kind,
        reason=refusal.reason,
        field="" if program.is_secret(refusal.field) else clean(refusal.field),
        detail=_detail(refusal.detail, fields.values(), program),
        offer_id=refusal.offer_id,
        partner_id=refusal.partner_id,
        link=cut(link, TEXT_BYTES_MAX),
        conversion_id=refusal.conversion_id,
        method=hit.method,
        path=hit.path,
        fields=without_secrets(fields, program),
        visitor_id=cut(visitor_id, VALUE_BYTES_MAX),
        ip=hit.ip,
        user_agent=hit.user_agent,
        referrer=referrer,
        ref=cut(ref, TEXT_BYTES_MAX),
    )


def without_secrets(fields: Mapping[str, str], program: ProgramIndex) -> dict[str, str]:
    """Return the fields that may be stored: secrets left out by name and by value, the rest cut to the limits."""
    kept: dict[str, str] = {}
    for name, value in fields.items():
        if len(kept) >= FIELDS_MAX:
            break
        is_secret = name.lower() in secrets.NAMES or program.is_secret(name) or program.is_secret(value)
        if not is_secret:
            kept[cut(clean(name), TEXT_BYTES_MAX)] = cut(clean(value), VALUE_BYTES_MAX)
    return kept


def _detail(detail: str, values: Iterable[str], program: ProgramIndex) -> str:
    """Return the sentence, or "" if it quotes a secret that was sent in a wrong field."""
    if any(shortened(value) in detail for value in values if program.is_secret(value)):
        return ""
    return cut(clean(detail), DETAIL_BYTES_MAX)
