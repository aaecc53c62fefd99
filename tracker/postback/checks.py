"""Checks of a postback, in the order of its verdicts (docs/contract.md, section 2.1). Pure.

Each check reads some fields, fills in the draft, and raises Refused if a field is wrong. The order is part of the
contract: the action, the click and its offer, the secret, then everything else. A sender without the secret learns
only that it is missing.
"""

from collections.abc import Callable, Mapping

import msgspec

from schemas.dedup.rules import conversion_key
from schemas.events import STATUS_ORDER, WHAT_REMAINS
from schemas.fields import NO_TOKEN
from schemas.reasons import Reason
from schemas.values.currencies import DECIMALS, DECIMALS_MAX
from schemas.values.money import BadAmount, currency_code, parse_minor
from tracker import secrets
from tracker.conversion import (
    REFERENCE_BYTES_MAX,
    check_currency,
    find_offer,
    read_custom,
    read_deduction,
    read_goal,
    signed_touch,
)  # fmt: skip
from tracker.offers.coupons import find_coupon, offer_of_coupon
from tracker.postback.draft import PostbackContext, PostbackDraft
from tracker.postback.fields import OWN_FIELDS
from tracker.refusal import Refused, malformed, rejected
from tracker.request.text import byte_length, has_control

OFFER_ID_MAX = 2**32 - 1

STATUS_NUMBERS = {"1": "approved", "2": "pending", "3": "declined", "5": "hold"}
"""Numbers that other trackers use for statuses."""

# The currency with the most decimals: an amount that is valid in any currency is valid in this one.
_WIDEST = next(code for code, decimals in DECIMALS.items() if decimals == DECIMALS_MAX)

Check = Callable[[PostbackDraft, PostbackContext], None]


def check_action(draft: PostbackDraft, _context: PostbackContext) -> None:
    if draft.fields.get("action", "refund") != "refund":
        raise Refused(malformed("action", "the only action is refund; leave it out for a conversion"))


def check_test(draft: PostbackDraft, _context: PostbackContext) -> None:
    if draft.fields.get("test", "0") not in ("0", "1"):
        raise Refused(malformed("test", "send test=1, or leave it out"))


def put_offer(draft: PostbackDraft, context: PostbackContext) -> None:
    """Find the offer by the click's token, by its number, or by the coupon."""
    fields, click, partner_id = draft.fields, NO_TOKEN, 0
    if "click_id" in fields:
        touch = signed_touch(fields["click_id"], context.keys, context.now)
        if touch is None:
            detail = "this installation did not sign it; send the click_id of the landing URL unchanged"
            raise Refused(rejected(Reason.CLICK_ID_INVALID, "click_id", detail, status=404))
        click, facts = touch
        offer_id, partner_id = facts.offer_id, facts.partner_id
    elif "offer_id" in fields:
        offer_id = _offer_number(fields["offer_id"])
    elif (of_coupon := offer_of_coupon(context.program, fields.get("coupon", ""), context.now)) is not None:
        offer_id = of_coupon
    else:
        raise Refused(malformed("click_id", "missing; send the click_id of the landing URL"))
    draft.offer = find_offer(context.program, offer_id, partner_id)
    draft.click, draft.partner_id = click, partner_id


def check_secret(draft: PostbackDraft, context: PostbackContext) -> None:
    assert draft.offer is not None  # put_offer comes before
    expected = context.program.program.secrets.postback_secrets.get(draft.offer.id)
    if expected and not secrets.same(draft.fields.get("secret", ""), expected):
        detail = "the offer's postback secret is missing or wrong; send it as secret"
        raise Refused(rejected(Reason.ACCESS_DENIED, "secret", detail, status=403))


def check_offer_id(draft: PostbackDraft, _context: PostbackContext) -> None:
    assert draft.offer is not None  # put_offer comes before
    sent, own = draft.fields.get("offer_id"), draft.offer.id
    if sent is not None and _offer_number(sent) != own:
        raise Refused(malformed("offer_id", f"the click is of offer {own}; leave offer_id out"))


def put_txn_id(draft: PostbackDraft, _context: PostbackContext) -> None:
    draft.txn_id = _reference(draft.fields, "txn_id")


def put_goal(draft: PostbackDraft, _context: PostbackContext) -> None:
    assert draft.offer is not None  # put_offer comes before
    draft.goal = read_goal(draft.fields.get("goal", ""), draft.offer)


def put_conversion_id(draft: PostbackDraft, _context: PostbackContext) -> None:
    assert draft.offer is not None  # put_offer comes before
    if not draft.txn_id and draft.click == NO_TOKEN:
        raise Refused(malformed("click_id", "missing; without it only txn_id names a conversion"))
    click = draft.click if draft.click != NO_TOKEN else b""
    draft.conversion_id = conversion_key(draft.offer.id, draft.goal, txn_id=draft.txn_id, click=click)


def put_currency(draft: PostbackDraft, context: PostbackContext) -> None:
    draft.currency = check_currency(currency_code(draft.fields.get("currency", context.program.terms.currency)))


def put_status(draft: PostbackDraft, _context: PostbackContext) -> None:
    sent = draft.fields.get("status", "approved").lower()
    draft.status = STATUS_NUMBERS.get(sent, sent)
    if draft.status not in STATUS_ORDER:
        raise Refused(malformed("status", f"there is no such status; use one of {', '.join(STATUS_ORDER)}"))


def put_coupon(draft: PostbackDraft, context: PostbackContext) -> None:
    assert draft.offer is not None  # put_offer comes before
    draft.coupon = find_coupon(context.program, _reference(draft.fields, "coupon"), draft.offer.id, context.now)
    if draft.click == NO_TOKEN and not draft.coupon.code:
        detail = "missing, and there is no conversion of this offer with this txn_id"
        draft.refusal_if_new = malformed("click_id", detail)


def put_amount(draft: PostbackDraft, _context: PostbackContext) -> None:
    """Read the amount. Without a currency, it may be a valid amount of a stored conversion in another currency."""
    text = draft.fields.get("amount", "0")
    try:
        draft.amount_minor = parse_minor(text, draft.currency)
    except BadAmount as error:
        refusal = msgspec.structs.replace(malformed("amount", str(error)), conversion_id=draft.conversion_id)
        if "currency" in draft.fields:
            raise Refused(refusal) from None
        draft.currency, draft.refusal_if_new = _WIDEST, refusal
        try:
            draft.amount_minor = parse_minor(text, _WIDEST)
        except BadAmount:
            raise Refused(refusal) from None


def put_custom(draft: PostbackDraft, context: PostbackContext) -> None:
    custom = {name: value for name, value in draft.fields.items() if name not in OWN_FIELDS}
    draft.custom = read_custom(custom, context.program, context.custom_fields_max, context.field_bytes_max)


def put_refund_id(draft: PostbackDraft, _context: PostbackContext) -> None:
    draft.refund_id = _reference(draft.fields, "refund_id")
    if not draft.refund_id:
        raise Refused(malformed("refund_id", "missing; give each refund an id, so that a retry refunds once"))


def put_refund_currency(draft: PostbackDraft, _context: PostbackContext) -> None:
    draft.currency = check_currency(currency_code(draft.fields.get("currency", "")))


def put_reason(draft: PostbackDraft, context: PostbackContext) -> None:
    draft.reason = draft.fields.get("reason", "")
    if byte_length(draft.reason) > context.field_bytes_max:
        raise Refused(malformed("reason", f"longer than {context.field_bytes_max} bytes"))


def put_refund_amount(draft: PostbackDraft, _context: PostbackContext) -> None:
    text = draft.fields.get("amount")
    draft.refund_e4 = WHAT_REMAINS if text is None else read_deduction(text, draft.currency, "refund")


POSTBACK_CHECKS: tuple[tuple[str, Check], ...] = (
    ("check_action", check_action),
    ("check_test", check_test),
    ("put_offer", put_offer),
    ("check_secret", check_secret),
    ("check_offer_id", check_offer_id),
    ("put_txn_id", put_txn_id),
    ("put_goal", put_goal),
    ("put_conversion_id", put_conversion_id),
)
"""Checks of every postback."""
CONVERSION_CHECKS: tuple[tuple[str, Check], ...] = (
    *POSTBACK_CHECKS,
    ("put_currency", put_currency),
    ("put_status", put_status),
    ("put_coupon", put_coupon),
    ("put_amount", put_amount),
    ("put_custom", put_custom),
)
REFUND_CHECKS: tuple[tuple[str, Check], ...] = (
    *POSTBACK_CHECKS,
    ("put_refund_id", put_refund_id),
    ("put_refund_currency", put_refund_currency),
    ("put_reason", put_reason),
    ("put_refund_amount", put_refund_amount),
)


def _offer_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) <= OFFER_ID_MAX):
        raise Refused(malformed("offer_id", f"not an offer number; send 1 to {OFFER_ID_MAX}"))
    return int(text)


def _reference(fields: Mapping[str, str], name: str) -> str:
    text = fields.get(name, "")
    if byte_length(text) > REFERENCE_BYTES_MAX:
        raise Refused(malformed(name, f"longer than {REFERENCE_BYTES_MAX} bytes"))
    if has_control(text):
        raise Refused(malformed(name, "has control characters; leave them out"))
    return text
