"""Fields of conversions and adjustments that postbacks and lines share: one reader for both. Pure.

Functions that raise Refused do so at the first thing that is wrong with the field.
"""

from collections.abc import Mapping

from schemas.events import Given
from schemas.fields import NO_TOKEN
from schemas.reasons import Reason
from schemas.values.click_id import TokenFacts, TokenKeys, facts_of, from_text, verify
from schemas.values.currencies import DECIMALS
from schemas.values.money import BadAmount, minor_of_e4, parse_e4, parse_minor
from tracker.offers.program_index import IndexedOffer, ProgramIndex
from tracker.refusal import Refused, malformed, rejected, with_ids
from tracker.request.text import byte_length, has_control

NAME_BYTES_MAX = 128
"""Longest name of a custom field."""
REFERENCE_BYTES_MAX = 256
"""Longest id that the sender gives a conversion or refund: txn_id, refund_id, coupon."""

# Plain integers: operations on flags cost a microsecond each.
_AMOUNT, _CURRENCY = int(Given.AMOUNT), int(Given.CURRENCY)
_STATUS, _CLICK_ID = int(Given.STATUS), int(Given.CLICK_ID)


def signed_touch(text: str, keys: TokenKeys, now_us: int) -> tuple[bytes, TokenFacts] | None:
    """Decode the id of a click or impression; None if this installation did not sign it."""
    token = from_text(text)
    facts = verify(keys, token, now_us // 1_000) if token is not None else None
    return None if token is None or facts is None else (token, facts)


def not_before(ts_us: int, *tokens: bytes) -> int:
    """Return the time of a conversion, but not before the touches it names: clocks of machines differ."""
    return max([ts_us, *(facts_of(token).ts_ms * 1_000 for token in tokens if token != NO_TOKEN)])


def find_offer(program: ProgramIndex, offer_id: int, partner_id: int = 0) -> IndexedOffer:
    """Return the offer with that number. Raises Refused."""
    offer = program.offer(offer_id)
    if offer is None:
        refusal = rejected(Reason.UNKNOWN_OFFER, "offer_id", f"the program has no offer {offer_id}")
        raise Refused(with_ids(refusal, offer_id, partner_id))
    return offer


def read_goal(text: str, offer: IndexedOffer) -> str:
    """Return the goal, "1" if none is given. Raises Refused."""
    goal = text or "1"
    if goal not in offer.goals:
        refusal = malformed("goal", f"the offer has no such goal; it has {', '.join(sorted(offer.goals))}")
        raise Refused(with_ids(refusal, offer.id, 0))
    return goal


def check_currency(currency: str) -> str:
    """Return the currency, also if it is empty. Raises Refused."""
    if currency and currency not in DECIMALS:
        raise Refused(malformed("currency", "not an ISO 4217 currency code; send one, for example USD"))
    return currency


def read_amount(text: str, currency: str) -> int:
    """Return an amount in minor units. Raises Refused."""
    try:
        return parse_minor(text, currency)
    except BadAmount as error:
        raise Refused(malformed("amount", str(error))) from None


def read_deduction(text: str, currency: str, kind: str) -> int:
    """Return the amount of a refund or chargeback, in 1/10000. The currency may be empty. Raises Refused."""
    try:
        e4 = parse_e4(text)
    except BadAmount as error:
        raise Refused(malformed("amount", str(error) if text else f"missing; a {kind} needs an amount")) from None
    if e4 <= 0:
        raise Refused(malformed("amount", f"must be greater than 0 for a {kind}"))
    if currency and minor_of_e4(e4, currency) is None:
        raise Refused(malformed("amount", f"has more decimals than {currency}"))
    return e4


def given_bits(*, amount: str, currency: str, status: str, click_id: str) -> int:
    """Return the bits of Given for the fields that are not empty; a repeat of a conversion is compared by them."""
    given = _AMOUNT if amount else 0
    if currency:
        given |= _CURRENCY
    if status:
        given |= _STATUS
    return given | _CLICK_ID if click_id else given


def read_custom(
    custom: Mapping[str, str], program: ProgramIndex, fields_max: int, value_bytes_max: int, field: str = ""
) -> dict[str, str]:
    """Return the custom fields to store: all but those that hold a secret of the program.

    Raises Refused with `field`, or with the custom field's own name if `field` is empty.
    """
    kept: dict[str, str] = {}
    for count, (name, value) in enumerate(custom.items(), 1):
        if count > fields_max:
            raise Refused(malformed(field or name, f"there are more than {fields_max} custom fields; send fewer"))
        if not name or byte_length(name) > NAME_BYTES_MAX or has_control(name):
            detail = f"a name needs 1 to {NAME_BYTES_MAX} bytes without control characters"
            raise Refused(malformed(field or name, detail))
        if byte_length(value) > value_bytes_max:
            raise Refused(malformed(field or name, f"longer than {value_bytes_max} bytes"))
        if not program.is_secret(value):
            kept[name] = value
    return kept
