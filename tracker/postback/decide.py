"""A postback's fields to a conversion or refund that may be ruled over, or why not (contract 2.1). Pure.

The order of checks is part of the contract: whose click it is, whose offer, the secret, then everything else. So
nobody without the secret learns more than that it is missing.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from schemas.dedup.rules import conversion_key, refund_key
from schemas.events import STATUS_ORDER, WHAT_REMAINS, Adjustment, Conversion, Given, Kind
from schemas.fields import NO_TOKEN
from schemas.reasons import Reason
from schemas.values.click_id import TokenKeys, facts_of, from_text, verify
from schemas.values.currencies import DECIMALS, DECIMALS_MAX
from schemas.values.money import BadAmount, currency_code, minor_of_e4, parse_e4, parse_minor
from tracker import secrets
from tracker.offers.coupons import find_coupon, offer_of_coupon
from tracker.offers.program_index import IndexedOffer, ProgramIndex
from tracker.postback.fields import OWN_FIELDS
from tracker.refusal import Refusal, Refused, malformed, rejected
from tracker.request.text import byte_length, has_control

ID_BYTES_MAX = 256
NAME_BYTES_MAX = 128
OFFER_ID_MAX = 2**32 - 1

STATUS_NUMBERS = {"1": "approved", "2": "pending", "3": "declined", "5": "hold"}
"""How trackers of the field number their statuses."""

# The currency with the most decimals: any amount that can stand in some currency can be said in it.
_WIDEST = next(code for code, decimals in DECIMALS.items() if decimals == DECIMALS_MAX)

Topic = Literal["conversion", "adjustment"]


class PostbackContext(msgspec.Struct, frozen=True):
    """What a decision depends on beside the postback."""

    program: ProgramIndex
    keys: TokenKeys
    now: int
    sender_ip: str
    field_bytes_max: int
    custom_fields_max: int


class PendingPostback(msgspec.Struct, frozen=True):
    """An event to be ruled over."""

    kind: Kind
    event: Conversion | Adjustment
    offer_id: int
    partner_id: int
    refusal_if_new: Refusal | None = None
    """The answer if the event would make a conversion: it can only speak of one that is there."""


class _Named(msgspec.Struct, frozen=True):
    """Which offer, and which click if one is named."""

    offer: IndexedOffer
    click: bytes
    partner_id: int


def is_test(fields: Mapping[str, str]) -> bool:
    """Whether everything is to be checked and nothing done."""
    return fields.get("test") == "1"


def topic_of(fields: Mapping[str, str]) -> Topic:
    """What it would make."""
    return "adjustment" if fields.get("action") == "refund" else "conversion"


def read_postback(fields: Mapping[str, str], terms: PostbackContext) -> PendingPostback | Refusal:
    """The event that a postback asks for, or why there is none."""
    named: _Named | None = None
    try:
        _check_action(fields)
        named = _find_offer(fields, terms)
        _check_secret(fields, named, terms)
        if fields.get("action") == "refund":
            return _refund(fields, named, terms)
        return _conversion(fields, named, terms)
    except Refused as refused:
        if named is None:
            return refused.refusal
        ids = {"offer_id": named.offer.offer.id, "partner_id": named.partner_id}
        return msgspec.structs.replace(refused.refusal, **ids)


def _check_action(fields: Mapping[str, str]) -> None:
    if fields.get("action", "refund") != "refund":
        raise Refused(malformed("action", "the only action is refund; leave it out for a conversion"))
    if fields.get("test", "0") not in ("0", "1"):
        raise Refused(malformed("test", "send test=1, or leave it out"))


def _find_offer(fields: Mapping[str, str], terms: PostbackContext) -> _Named:
    """The offer, by the click's token or by number."""
    click, partner_id = NO_TOKEN, 0
    if "click_id" in fields:
        token = from_text(fields["click_id"])
        facts = verify(terms.keys, token, terms.now // 1_000) if token is not None else None
        if token is None or facts is None:
            detail = "this installation did not sign it; send the click_id of the landing URL unchanged"
            raise Refused(rejected(Reason.CLICK_ID_INVALID, "click_id", detail, status=404))
        click, offer_id, partner_id = token, facts.offer_id, facts.partner_id
    elif "offer_id" in fields:
        offer_id = _offer_number(fields["offer_id"])
    elif (of_coupon := offer_of_coupon(terms.program, fields.get("coupon", ""), terms.now)) is not None:
        offer_id = of_coupon
    else:
        raise Refused(malformed("click_id", "it is missing; send the click_id of the landing URL"))
    offer = terms.program.offer(offer_id)
    if offer is None:
        refusal = rejected(Reason.UNKNOWN_OFFER, "offer_id", f"the program has no offer {offer_id}")
        raise Refused(msgspec.structs.replace(refusal, offer_id=offer_id, partner_id=partner_id))
    return _Named(offer, click, partner_id)


def _offer_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) <= OFFER_ID_MAX):
        raise Refused(malformed("offer_id", "it is no offer number"))
    return int(text)


def _check_secret(fields: Mapping[str, str], named: _Named, terms: PostbackContext) -> None:
    expected = terms.program.program.secrets.postback_secrets.get(named.offer.offer.id)
    if expected and not secrets.same(fields.get("secret", ""), expected):
        detail = "the offer's postback secret is missing or wrong; send it as secret"
        raise Refused(rejected(Reason.ACCESS_DENIED, "secret", detail, status=403))


def _key(fields: Mapping[str, str], named: _Named) -> tuple[bytes, str, str]:
    """conversion_id, goal and txn_id."""
    if "offer_id" in fields and _offer_number(fields["offer_id"]) != named.offer.offer.id:
        raise Refused(malformed("offer_id", f"the click is of offer {named.offer.offer.id}; leave offer_id out"))
    goal, txn_id = fields.get("goal", "1"), _id(fields, "txn_id")
    if goal not in named.offer.goals:
        goals = ", ".join(sorted(named.offer.goals))
        raise Refused(malformed("goal", f"the offer has no such goal; it has {goals}"))
    if not txn_id and named.click == NO_TOKEN:
        raise Refused(malformed("click_id", "it is missing; without it only txn_id names a conversion"))
    click = named.click if named.click != NO_TOKEN else b""
    return conversion_key(named.offer.offer.id, goal, txn_id=txn_id, click=click), goal, txn_id


def _id(fields: Mapping[str, str], name: str) -> str:
    text = fields.get(name, "")
    if byte_length(text) > ID_BYTES_MAX:
        raise Refused(malformed(name, f"it is longer than {ID_BYTES_MAX} bytes"))
    if has_control(text):
        raise Refused(malformed(name, "it has control characters"))
    return text


def _status(fields: Mapping[str, str]) -> str:
    said = fields.get("status", "approved").lower()
    status = STATUS_NUMBERS.get(said, said)
    if status not in STATUS_ORDER:
        raise Refused(malformed("status", f"there is no such status; there are {', '.join(STATUS_ORDER)}"))
    return status


def _currency(fields: Mapping[str, str], default: str) -> str:
    currency = currency_code(fields.get("currency", default))
    if currency and currency not in DECIMALS:
        raise Refused(malformed("currency", "it is no ISO 4217 code, such as USD"))
    return currency


def _conversion(fields: Mapping[str, str], named: _Named, terms: PostbackContext) -> PendingPostback:
    key, goal, txn_id = _key(fields, named)
    currency = _currency(fields, terms.program.rules.currency)
    status = _status(fields)
    refusal_if_new: Refusal | None = None
    coupon = find_coupon(terms.program, _id(fields, "coupon"), named.offer.offer.id, terms.now)
    if named.click == NO_TOKEN and not coupon.code:
        refusal_if_new = malformed(
            "click_id", "it is missing, and there is no conversion of this offer with this txn_id"
        )
    amount_minor = 0
    try:
        amount_minor = parse_minor(fields.get("amount", "0"), currency)
    except BadAmount as error:
        # Without a currency the amount may repeat that of a conversion in another one.
        refusal_if_new = msgspec.structs.replace(malformed("amount", str(error)), conversion_id=key)
        currency, amount_minor = _WIDEST, _widest_minor(fields, refusal_if_new)
    given = _given(fields)
    event = Conversion(
        conversion_id=key, ts=terms.now, event_ts=_not_before(named.click, terms.now), offer_id=named.offer.offer.id,
        goal=goal, txn_id=txn_id, match_kind="click_id" if named.click != NO_TOKEN or not coupon.code else "coupon",
        click_id=named.click, reopen_forbidden=int(not named.offer.offer.reopen), coupon=coupon.code,
        coupon_partner_id=coupon.partner_id, coupon_reason=coupon.reason,
        amount_minor=amount_minor, currency=currency, status=status,
        custom=_custom(fields, terms), given=given, sender_ip=terms.sender_ip,
    )  # fmt: skip
    return PendingPostback(Kind.CONVERSION, event, named.offer.offer.id, named.partner_id, refusal_if_new)


def _not_before(click: bytes, now: int) -> int:
    """The time of a conversion that names a click: not before it, whatever the clocks of two machines say."""
    return max(now, facts_of(click).ts_ms * 1_000) if click != NO_TOKEN else now


def _widest_minor(fields: Mapping[str, str], refusal: Refusal) -> int:
    if "currency" in fields:
        raise Refused(refusal)
    try:
        return parse_minor(fields["amount"], _WIDEST)
    except BadAmount:
        raise Refused(refusal) from None


def _given(fields: Mapping[str, str]) -> Given:
    given = Given(0)
    for name, bit in _GIVEN_BITS:
        if name in fields:
            given |= bit
    return given


_GIVEN_BITS = (
    ("amount", Given.AMOUNT), ("currency", Given.CURRENCY), ("status", Given.STATUS), ("click_id", Given.CLICK_ID),
)  # fmt: skip


def _custom(fields: Mapping[str, str], terms: PostbackContext) -> dict[str, str]:
    custom = {name: value for name, value in fields.items() if name not in OWN_FIELDS}
    for count, (name, value) in enumerate(custom.items(), 1):
        if count > terms.custom_fields_max:
            raise Refused(malformed(name, f"there are more than {terms.custom_fields_max} custom fields"))
        if byte_length(name) > NAME_BYTES_MAX or has_control(name):
            raise Refused(malformed(name, f"names are at most {NAME_BYTES_MAX} bytes without control characters"))
        if byte_length(value) > terms.field_bytes_max:
            raise Refused(malformed(name, f"it is longer than {terms.field_bytes_max} bytes"))
    is_secret = terms.program.is_secret
    return {name: value for name, value in custom.items() if not is_secret(value)}


def _refund(fields: Mapping[str, str], named: _Named, terms: PostbackContext) -> PendingPostback:
    key, _goal, _txn_id = _key(fields, named)
    refund_id = _id(fields, "refund_id")
    if not refund_id:
        raise Refused(malformed("refund_id", "a refund needs an id of its own, so that a retry refunds once"))
    currency = _currency(fields, "")
    reason = fields.get("reason", "")
    if byte_length(reason) > terms.field_bytes_max:
        raise Refused(malformed("reason", f"it is longer than {terms.field_bytes_max} bytes"))
    event = Adjustment(
        adjustment_id=refund_key(key, refund_id), conversion_id=key, ts=terms.now, event_ts=terms.now,
        kind="refund", amount_e4=_refund_e4(fields, currency), currency=currency, reason=reason,
        actor="postback", refund_id=refund_id,
    )  # fmt: skip
    return PendingPostback(Kind.ADJUSTMENT, event, named.offer.offer.id, named.partner_id)


def _refund_e4(fields: Mapping[str, str], currency: str) -> int:
    if "amount" not in fields:
        return WHAT_REMAINS
    try:
        e4 = parse_e4(fields["amount"])
    except BadAmount as error:
        raise Refused(malformed("amount", str(error))) from None
    if e4 <= 0:
        raise Refused(malformed("amount", "a refund takes off more than 0; leave amount out for what remains"))
    if currency and minor_of_e4(e4, currency) is None:
        raise Refused(malformed("amount", f"it has more decimals than {currency}"))
    return e4
