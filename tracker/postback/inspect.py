"""Read a postback as far as it can be read, and list everything that is wrong with it. Pure.

An edge stops at the first wrong field, because its answer must not tell a sender without the secret anything else.
People who test a postback want all mistakes at once. The checks and their order are the edge's own.
"""

from collections.abc import Mapping

import msgspec

from schemas.fields import NO_DIGEST, NO_TOKEN
from schemas.values.ids import AbsentIds
from tracker.postback.checks import CONVERSION_CHECKS, REFUND_CHECKS
from tracker.postback.decide import is_test, topic_of
from tracker.postback.draft import PostbackContext, PostbackDraft
from tracker.postback.fields import ID_FIELDS, OWN_FIELDS, read_sent
from tracker.refusal import Refusal, Refused
from tracker.request.text import QUOTED_CHARS_MAX, clean, shortened

REASON_FIELDS = frozenset({"reason"})
"""Fields that have a meaning in refunds only."""
_NEEDS = {
    "check_secret": "put_offer",
    "check_offer_id": "put_offer",
    "put_goal": "put_offer",
    "put_conversion_id": "put_goal",
    "put_coupon": "put_offer",
    "put_amount": "put_currency",
    "put_refund_amount": "put_refund_currency",
}
"""The check that must pass before another one can be made."""
_OPENING = ("{", "[", "<", "${", "%", "#")
_CLOSING = ("}", "]", ">", "}", "%", "#")


class InspectedField(msgspec.Struct, frozen=True):
    """One parameter as it was read."""

    name: str
    value: str
    """The value; of a secret, nothing."""
    known: bool
    """True if the parameter has a meaning; others are stored as custom fields."""
    note: str = ""
    """Hint about something that looks wrong although it is allowed."""


class Inspection(msgspec.Struct, frozen=True):
    """A postback as an edge would read it, with everything that is wrong with it in the order of the checks."""

    topic: str
    test: bool
    fields: tuple[InspectedField, ...]
    refusals: tuple[Refusal, ...]
    offer_id: int = 0
    partner_id: int = 0
    goal: str = ""
    txn_id: str = ""
    amount_minor: int = 0
    currency: str = ""
    status: str = ""
    coupon_reason: str = ""
    conversion_id: bytes = NO_DIGEST
    click_id: bytes = NO_TOKEN


def inspect_postback(
    query: bytes, body: bytes, content_type: str, context: PostbackContext, absent: AbsentIds
) -> Inspection:
    """Read a postback. Nothing is recorded, and no key is claimed."""
    sent = read_sent(query, body, content_type)
    as_sent = dict(sent.fields)
    dropped = absent.drop(sent.fields, ID_FIELDS)
    refusals = [sent.problem] if sent.problem is not None else []
    draft, topic = PostbackDraft(sent.fields), topic_of(sent.fields)
    failed: set[str] = set()
    for name, check in REFUND_CHECKS if topic == "adjustment" else CONVERSION_CHECKS:
        if _NEEDS.get(name) in failed:
            failed.add(name)
            continue
        try:
            check(draft, context)
        except Refused as refused:
            failed.add(name)
            refusals.append(refused.refusal)
    if draft.refusal_if_new is not None and not any(one.field == draft.refusal_if_new.field for one in refusals):
        refusals.append(draft.refusal_if_new)
    has_amount = not any(refusal.field in ("amount", "currency") for refusal in refusals)
    return Inspection(
        topic=topic,
        test=is_test(sent.fields),
        fields=tuple(_field(name, value, topic, context, dropped=name in dropped) for name, value in as_sent.items()),
        refusals=tuple(refusals),
        offer_id=draft.offer.id if draft.offer is not None else 0,
        partner_id=draft.partner_id or draft.coupon.partner_id,
        goal=draft.goal,
        txn_id=draft.txn_id,
        amount_minor=draft.amount_minor if has_amount else 0,
        currency=draft.currency if has_amount else "",
        status=draft.status if "put_status" not in failed else "",
        coupon_reason=draft.coupon.reason,
        conversion_id=draft.conversion_id if draft.conversion_id else NO_DIGEST,
        click_id=draft.click,
    )


def _field(name: str, value: str, topic: str, context: PostbackContext, *, dropped: bool) -> InspectedField:
    known = name in OWN_FIELDS or (topic == "adjustment" and name in REASON_FIELDS)
    if name == "secret" or context.program.is_secret(value):
        note = "" if name == "secret" else "this is a secret; it belongs into secret only"
        return InspectedField(shortened(name), "", known, note)
    note = "a placeholder, which counts as left out" if dropped else ""
    if _is_macro(value):
        note = "looks like a macro that was not replaced"
    if not note and not known:
        note = _alike(name)
    return InspectedField(shortened(name), shortened(clean(value), QUOTED_CHARS_MAX), known, note)


def _is_macro(value: str) -> bool:
    """Return whether a value looks like the name of a macro: {order_id}, [AMOUNT], %%SUM%%, #id#."""
    pairs = zip(_OPENING, _CLOSING, strict=True)
    return len(value) > 2 and any(value.startswith(first) and value.endswith(last) for first, last in pairs)


ALIKE: Mapping[str, str] = {
    **dict.fromkeys(("clickid", "cid", "click", "subid", "sub_id", "aff_click_id", "transaction_click"), "click_id"),
    **dict.fromkeys(("order_id", "orderid", "order", "transaction_id", "tid", "txid", "txn"), "txn_id"),
    **dict.fromkeys(("payout", "sum", "price", "value", "revenue", "sale_amount", "total"), "amount"),
    **dict.fromkeys(("curr", "cur", "currency_code"), "currency"),
    **dict.fromkeys(("goal_id", "goalid", "event", "event_id"), "goal"),
    **dict.fromkeys(("offer", "offerid"), "offer_id"),
    **dict.fromkeys(("token", "security_token", "hash", "key", "password"), "secret"),
    **dict.fromkeys(("state", "conversion_status"), "status"),
    **dict.fromkeys(("promo", "promo_code", "promocode", "coupon_code", "voucher"), "coupon"),
}
"""Names of other trackers for fields that have a name here. They are read as custom fields."""


def _alike(name: str) -> str:
    meant = ALIKE.get(name.lower().replace("-", "_")) or (name.lower() if name.lower() in OWN_FIELDS else "")
    return f"stored as a custom field; is {meant} meant?" if meant else ""
