"""Validate a postback and build its conversion or refund event, or a refusal. Pure."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from schemas.dedup.rules import refund_key
from schemas.events import Adjustment, Conversion, Kind
from schemas.fields import NO_TOKEN
from tracker.conversion import given_bits, not_before
from tracker.postback.checks import CONVERSION_CHECKS, REFUND_CHECKS
from tracker.postback.draft import PostbackContext, PostbackDraft
from tracker.refusal import Refusal, Refused, with_ids

Topic = Literal["conversion", "adjustment"]


class PendingPostback(msgspec.Struct, frozen=True):
    """An event that awaits the dedup decision."""

    kind: Kind
    event: Conversion | Adjustment
    offer_id: int
    partner_id: int
    refusal_if_new: Refusal | None = None
    """The answer if the key is new: what was sent can only repeat a conversion that is stored."""


def is_test(fields: Mapping[str, str]) -> bool:
    """Return whether the postback is to be checked and answered only."""
    return fields.get("test") == "1"


def topic_of(fields: Mapping[str, str]) -> Topic:
    """Return the kind of event that the postback asks for."""
    return "adjustment" if fields.get("action") == "refund" else "conversion"


def read_postback(fields: Mapping[str, str], context: PostbackContext) -> PendingPostback | Refusal:
    """Build the event that a postback asks for, or return the refusal of the first check that fails."""
    draft, is_refund = PostbackDraft(fields), topic_of(fields) == "adjustment"
    try:
        for _, check in REFUND_CHECKS if is_refund else CONVERSION_CHECKS:
            check(draft, context)
    except Refused as refused:
        if draft.offer is None:
            return refused.refusal
        return with_ids(refused.refusal, draft.offer.id, draft.partner_id)
    return _refund(draft, context) if is_refund else _conversion(draft, context)


def _conversion(draft: PostbackDraft, context: PostbackContext) -> PendingPostback:
    assert draft.offer is not None  # put_offer came before
    offer, coupon, get = draft.offer, draft.coupon, draft.fields.get
    event = Conversion(
        conversion_id=draft.conversion_id,
        ts=context.now,
        event_ts=not_before(context.now, draft.click),
        offer_id=offer.id,
        goal=draft.goal,
        txn_id=draft.txn_id,
        match_kind="click_id" if draft.click != NO_TOKEN or not coupon.code else "coupon",
        click_id=draft.click,
        amount_minor=draft.amount_minor,
        currency=draft.currency,
        status=draft.status,
        custom=draft.custom,
        given=given_bits(
            amount=get("amount", ""),
            currency=get("currency", ""),
            status=get("status", ""),
            click_id=get("click_id", ""),
        ),
        sender_ip=context.sender_ip,
        reopen_forbidden=int(not offer.reopen),
        coupon=coupon.code,
        coupon_partner_id=coupon.partner_id,
        coupon_reason=coupon.reason,
    )
    return PendingPostback(Kind.CONVERSION, event, offer.id, draft.partner_id, draft.refusal_if_new)


def _refund(draft: PostbackDraft, context: PostbackContext) -> PendingPostback:
    assert draft.offer is not None  # put_offer came before
    event = Adjustment(
        adjustment_id=refund_key(draft.conversion_id, draft.refund_id),
        conversion_id=draft.conversion_id,
        ts=context.now,
        event_ts=context.now,
        kind="refund",
        amount_e4=draft.refund_e4,
        currency=draft.currency,
        reason=draft.reason,
        actor="postback",
        refund_id=draft.refund_id,
    )
    return PendingPostback(Kind.ADJUSTMENT, event, draft.offer.id, draft.partner_id)
