"""Build the event of a typed line of /v1/events: a touch, a conversion or an adjustment. Pure.

An event depends only on the line, the program and the keys, so the same line always gives the same token and the
same key. Each function raises Refused at the first field that is wrong.
"""

import re

import msgspec

from schemas.dedup.rules import conversion_key, line_key
from schemas.events import Adjustment, Conversion, MatchKind, Touch
from schemas.fields import NO_TOKEN
from schemas.reasons import Reason
from schemas.values import click_id
from schemas.values.ids import AbsentIds
from schemas.values.ip_addresses import truncated
from tracker.conversion import (
    check_currency,
    find_offer,
    given_bits,
    not_before,
    read_amount,
    read_custom,
    read_deduction,
    read_goal,
    signed_touch,
)  # fmt: skip
from tracker.lines.types import AdjustmentLine, ConversionLine, TouchLine
from tracker.offers.coupons import find_coupon, offer_of_coupon
from tracker.offers.program_index import IndexedOffer, ProgramIndex
from tracker.refusal import Refused, malformed, rejected, with_ids
from tracker.request.client_ip import hash_of
from tracker.request.visitor import anonymous

MATCHES: tuple[MatchKind, ...] = (
    "click_id", "click_ref", "impression_id", "impression_ref", "user_id", "visitor_id", "coupon",
)  # fmt: skip
"""Fields that match a conversion to a touch; the first one that is present counts."""

_HEX_ID = re.compile(r"[0-9a-fA-F]{32}")


class LineContext(msgspec.Struct, frozen=True):
    """Everything that reading a line needs besides the line."""

    program: ProgramIndex
    keys: click_id.TokenKeys
    now: int
    sender_ip: str
    field_bytes_max: int
    custom_fields_max: int
    future_ts_max_us: int
    truncate_ip: bool
    absent: AbsentIds


def touch_of(line: TouchLine, subs: dict[str, str], ts: int, context: LineContext) -> Touch:
    offer_id, partner_id = _offer_and_partner(line, context)
    random = click_id.random_of_ref(context.keys, line.type, line.id)
    return Touch(
        touch_id=click_id.mint(context.keys, ts // 1_000, offer_id, partner_id, random),
        ts=ts,
        received_ts=context.now,
        offer_id=offer_id,
        partner_id=partner_id,
        link=line.link,
        ref=line.id,
        subs=subs,
        partner_click_id=line.partner_click_id,
        visitor_id=_visitor(line, ts, context),
        user_id=line.user_id,
        ip=truncated(line.ip) if context.truncate_ip else line.ip,
        ip_hash=hash_of(line.ip, ts, context.keys.hash_secret),
        user_agent=line.user_agent,
        referrer=line.referrer,
        accept_language=line.accept_language,
        redirect_type="api",
    )


def _visitor(line: TouchLine, ts: int, context: LineContext) -> str:
    """Return the id that was given, or as for clicks a hash of address, agent and day, which only counts uniques."""
    if line.visitor_id or not (line.ip or line.user_agent):
        return line.visitor_id
    return anonymous(line.ip, line.user_agent, ts, context.keys.hash_secret)


def _offer_and_partner(line: TouchLine, context: LineContext) -> tuple[int, int]:
    """Return offer and partner, both active, by the link's code or by their numbers."""
    offer_id, partner_id = line.offer_id, line.partner_id
    if line.link:
        link = context.program.exact_link(line.link)
        if link is None:
            raise Refused(rejected(Reason.UNKNOWN_LINK, "link", "the program has no link with this code"))
        if offer_id not in (None, link.offer_id):
            raise Refused(malformed("offer_id", f"the link is of offer {link.offer_id}"))
        if partner_id not in (None, link.partner_id):
            raise Refused(malformed("partner_id", f"the link is of partner {link.partner_id}"))
        offer_id, partner_id = link.offer_id, link.partner_id
        if link.status != "active":
            refusal = rejected(Reason.INACTIVE_LINK, "link", "the link is inactive in the program")
            raise Refused(with_ids(refusal, offer_id, partner_id))
    if offer_id is None:
        raise Refused(malformed("offer_id", "missing; give link, or offer_id and partner_id"))
    if partner_id is None:
        raise Refused(malformed("partner_id", "missing; give link, or offer_id and partner_id"))
    try:
        _active_offer(offer_id, context)
        _active_partner(partner_id, context)
    except Refused as refused:
        raise Refused(with_ids(refused.refusal, offer_id, partner_id)) from None
    return offer_id, partner_id


def _active_offer(offer_id: int, context: LineContext) -> None:
    if find_offer(context.program, offer_id).status != "active":
        raise Refused(rejected(Reason.INACTIVE_OFFER, "offer_id", "the offer is inactive in the program"))


def _active_partner(partner_id: int, context: LineContext) -> None:
    status = context.program.partner_status(partner_id)
    if status is None:
        raise Refused(rejected(Reason.UNKNOWN_PARTNER, "partner_id", f"the program has no partner {partner_id}"))
    if status != "active":
        raise Refused(rejected(Reason.INACTIVE_PARTNER, "partner_id", "the partner is inactive in the program"))


def conversion_of(line: ConversionLine, ts: int, context: LineContext) -> Conversion:
    match_kind = next((name for name in MATCHES if getattr(line, name)), None)
    if match_kind is None:
        detail = f"missing, and so is every other field that names a touch; give one of {', '.join(MATCHES)}"
        raise Refused(malformed("click_id", detail))
    click, impression, offer = _tokens(line, ts, context)
    ts = not_before(ts, click, impression)
    coupon = find_coupon(context.program, line.coupon, offer.id, ts)
    goal = read_goal(line.goal, offer)
    currency = check_currency(line.currency or context.program.terms.currency)
    amount_minor = read_amount(line.amount or "0", currency)
    custom = read_custom(
        line.custom, context.program, context.custom_fields_max, context.field_bytes_max, field="custom"
    )
    named = click if match_kind == "click_id" else line.click_ref if match_kind == "click_ref" else b""
    offer_id = offer.id
    return Conversion(
        conversion_id=conversion_key(offer_id, goal, txn_id=line.txn_id, click=named, ref=line.id),
        ts=context.now,
        event_ts=ts,
        offer_id=offer_id,
        goal=goal,
        txn_id=line.txn_id,
        match_kind=match_kind,
        click_id=click,
        impression_id=impression,
        click_ref=line.click_ref,
        impression_ref=line.impression_ref,
        user_id=line.user_id,
        visitor_id=line.visitor_id,
        amount_minor=amount_minor,
        currency=currency,
        status=line.status or "approved",
        custom=dict(sorted(custom.items())),
        ref=line.id,
        origin="api",
        given=given_bits(amount=line.amount, currency=line.currency, status=line.status, click_id=line.click_id),
        sender_ip=context.sender_ip,
        reopen_forbidden=int(not offer.reopen),
        coupon=coupon.code,
        coupon_partner_id=coupon.partner_id,
        coupon_reason=coupon.reason,
    )


def _tokens(line: ConversionLine, ts: int, context: LineContext) -> tuple[bytes, bytes, IndexedOffer]:
    """Return click and impression as bytes, and the offer that they and offer_id agree on."""
    click, click_offer = _token("click_id", line.click_id, context)
    impression, impression_offer = _token("impression_id", line.impression_id, context)
    offer_id = click_offer or impression_offer or line.offer_id or offer_of_coupon(context.program, line.coupon, ts)
    if offer_id is None:
        raise Refused(malformed("offer_id", "missing; only a line with click_id or impression_id may leave it out"))
    if line.offer_id not in (None, offer_id):
        raise Refused(malformed("offer_id", f"the click or impression is of offer {offer_id}"))
    if impression_offer not in (0, offer_id):
        detail = f"the impression is of offer {impression_offer}, the click of offer {offer_id}"
        raise Refused(malformed("impression_id", detail))
    return click, impression, find_offer(context.program, offer_id)


def _token(name: str, text: str, context: LineContext) -> tuple[bytes, int]:
    """Return the token and its offer; no token and 0 if the line has none."""
    if not text:
        return NO_TOKEN, 0
    touch = signed_touch(text, context.keys, context.now)
    if touch is None:
        detail = "this installation did not sign it; for ids of your own use click_ref or impression_ref"
        raise Refused(rejected(Reason.CLICK_ID_INVALID, name, detail))
    token, facts = touch
    return token, facts.offer_id


def adjustment_of(line: AdjustmentLine, ts: int, context: LineContext) -> Adjustment:
    currency = check_currency(line.currency)
    is_status = line.kind == "status"
    if is_status != bool(line.status):
        detail = "missing; kind status needs it" if is_status else f"belongs to kind status, not to {line.kind}"
        raise Refused(malformed("status", detail))
    return Adjustment(
        adjustment_id=line_key("adjustment", line.id),
        conversion_id=_conversion_id(line, context),
        ts=context.now,
        event_ts=ts,
        kind=line.kind,
        status=line.status,
        amount_e4=_amount_e4(line),
        currency=currency,
        reason=line.reason,
        actor="api",
        ref=line.id,
    )


def _conversion_id(line: AdjustmentLine, context: LineContext) -> bytes:
    """Return the conversion, by its id or by offer_id, goal and txn_id. If both are given, they must agree."""
    by_id = _hex_id(line.conversion_id) if line.conversion_id else None
    if line.offer_id is None and not line.txn_id:
        if by_id is None:
            raise Refused(malformed("conversion_id", "missing; give conversion_id, or offer_id, goal and txn_id"))
        return by_id
    if line.offer_id is None or not line.txn_id:
        missing = "offer_id" if line.offer_id is None else "txn_id"
        raise Refused(malformed(missing, "offer_id and txn_id name a conversion only together"))
    offer = find_offer(context.program, line.offer_id)
    by_key = conversion_key(offer.id, read_goal(line.goal, offer), txn_id=line.txn_id)
    if by_id not in (None, by_key):
        raise Refused(malformed("conversion_id", "does not match offer_id, goal and txn_id"))
    return by_key


def _hex_id(text: str) -> bytes:
    if not _HEX_ID.fullmatch(text):
        raise Refused(malformed("conversion_id", "not a conversion id; it has 32 hex digits"))
    return bytes.fromhex(text)


def _amount_e4(line: AdjustmentLine) -> int:
    if line.kind != "status":
        return read_deduction(line.amount, line.currency, line.kind)
    if line.amount:
        raise Refused(malformed("amount", "belongs to kind refund or chargeback, not to status"))
    return 0
