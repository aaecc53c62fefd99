"""Typed lines of /v1/events to events: a touch, a conversion, an adjustment. Pure.

What a line makes depends on the line, the program and the keys alone, so the same line always makes the same
token and the same key. Each function raises Refused at the first field that is wrong.
"""

import re

import msgspec

from schemas.dedup.rules import conversion_key, line_key
from schemas.events import Adjustment, Conversion, Given, MatchKind, Touch
from schemas.fields import NO_TOKEN
from schemas.reasons import Reason
from schemas.values import click_id
from schemas.values.currencies import DECIMALS
from schemas.values.ids import AbsentIds
from schemas.values.ip_addresses import truncated
from schemas.values.money import BadAmount, minor_of_e4, parse_e4, parse_minor
from tracker.lines.types import AdjustmentLine, ConversionLine, TouchLine
from tracker.offers.coupons import find_coupon, offer_of_coupon
from tracker.offers.program_index import IndexedOffer, ProgramIndex
from tracker.refusal import Refusal, Refused, malformed, rejected, with_ids
from tracker.request.client_ip import hash_of
from tracker.request.text import byte_length, has_control
from tracker.request.visitor import anonymous

MATCHES: tuple[MatchKind, ...] = (
    "click_id", "click_ref", "impression_id", "impression_ref", "user_id", "visitor_id", "coupon",
)  # fmt: skip
"""By which field a conversion matches: the first one that is there."""
NAME_BYTES_MAX = 128

_HEX_ID = re.compile(r"[0-9a-fA-F]{32}")


class LineContext(msgspec.Struct, frozen=True):
    """What reading a line depends on beside the line."""

    program: ProgramIndex
    keys: click_id.TokenKeys
    now: int
    sender_ip: str
    field_bytes_max: int
    custom_fields_max: int
    future_ts_max_us: int
    truncate_ip: bool
    absent: AbsentIds


def touch_of(line: TouchLine, subs: dict[str, str], ts: int, terms: LineContext) -> Touch:
    offer_id, partner_id = _whose(line, terms)
    random = click_id.random_of_ref(terms.keys, line.type, line.id)
    return Touch(
        touch_id=click_id.mint(terms.keys, ts // 1_000, offer_id, partner_id, random),
        ts=ts,
        received_ts=terms.now,
        offer_id=offer_id,
        partner_id=partner_id,
        link=line.link,
        ref=line.id,
        subs=subs,
        partner_click_id=line.partner_click_id,
        visitor_id=_visitor(line, ts, terms),
        user_id=line.user_id,
        ip=truncated(line.ip) if terms.truncate_ip else line.ip,
        ip_hash=hash_of(line.ip, ts, terms.keys.hash_secret),
        user_agent=line.user_agent,
        referrer=line.referrer,
        accept_language=line.accept_language,
        redirect_type="api",
    )


def _visitor(line: TouchLine, ts: int, terms: LineContext) -> str:
    """As for hits: the id that was given, else a hash of address, agent and day, which only counts uniques."""
    if line.visitor_id or not (line.ip or line.user_agent):
        return line.visitor_id
    return anonymous(line.ip, line.user_agent, ts, terms.keys.hash_secret)


def _whose(line: TouchLine, terms: LineContext) -> tuple[int, int]:
    """Offer and partner, both active; by the link's code or by their numbers."""
    offer_id, partner_id = line.offer_id, line.partner_id
    if line.link:
        link = terms.program.links.get(line.link)
        if link is None:
            raise Refused(rejected(Reason.UNKNOWN_LINK, "link", "the program has no link with this code"))
        if offer_id not in (None, link.offer_id):
            raise Refused(malformed("offer_id", f"the link is of offer {link.offer_id}"))
        if partner_id not in (None, link.partner_id):
            raise Refused(malformed("partner_id", f"the link is of partner {link.partner_id}"))
        offer_id, partner_id = link.offer_id, link.partner_id
        if link.status != "active":
            refusal = rejected(Reason.INACTIVE_LINK, "link", "the link is switched off")
            raise Refused(with_ids(refusal, offer_id, partner_id))
    if offer_id is None:
        raise Refused(malformed("offer_id", "give link, or offer_id and partner_id"))
    if partner_id is None:
        raise Refused(malformed("partner_id", "give link, or offer_id and partner_id"))
    refusal_or_none = _inactive(offer_id, partner_id, terms)
    if refusal_or_none is not None:
        raise Refused(with_ids(refusal_or_none, offer_id, partner_id))
    return offer_id, partner_id


def _inactive(offer_id: int, partner_id: int, terms: LineContext) -> Refusal | None:
    offer, partner = terms.program.offer(offer_id), terms.program.partners.get(partner_id)
    if offer is None:
        return rejected(Reason.UNKNOWN_OFFER, "offer_id", "the program has no offer with this number")
    if offer.offer.status != "active":
        return rejected(Reason.INACTIVE_OFFER, "offer_id", "the offer is switched off")
    if partner is None:
        return rejected(Reason.UNKNOWN_PARTNER, "partner_id", "the program has no partner with this number")
    if partner.status != "active":
        return rejected(Reason.INACTIVE_PARTNER, "partner_id", "the partner is switched off")
    return None


def conversion_of(line: ConversionLine, ts: int, terms: LineContext) -> Conversion:
    match_kind = next((name for name in MATCHES if getattr(line, name)), None)
    if match_kind is None:
        raise Refused(malformed("click_id", f"it matches nothing; give one of {', '.join(MATCHES)}"))
    click, impression, offer = _tokens(line, ts, terms)
    ts = max([ts, *(click_id.facts_of(token).ts_ms * 1_000 for token in (click, impression) if token != NO_TOKEN)])
    coupon = find_coupon(terms.program, line.coupon, offer.offer.id, ts)
    goal = _goal(line.goal, offer)
    currency, amount_minor = _amount(line, terms)
    _check_custom(line.custom, terms)
    named = click if match_kind == "click_id" else line.click_ref if match_kind == "click_ref" else b""
    offer_id = offer.offer.id
    return Conversion(
        conversion_id=conversion_key(offer_id, goal, txn_id=line.txn_id, click=named, ref=line.id),
        ts=terms.now,
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
        custom=dict(sorted(line.custom.items())),
        ref=line.id,
        origin="api",
        given=_given(line),
        sender_ip=terms.sender_ip,
        reopen_forbidden=int(not offer.offer.reopen),
        coupon=coupon.code,
        coupon_partner_id=coupon.partner_id,
        coupon_reason=coupon.reason,
    )


def _tokens(line: ConversionLine, ts: int, terms: LineContext) -> tuple[bytes, bytes, IndexedOffer]:
    """Click and impression as bytes, and the offer that they and offer_id agree on."""
    click, click_offer = _token("click_id", line.click_id, terms)
    impression, impression_offer = _token("impression_id", line.impression_id, terms)
    offer_id = click_offer or impression_offer or line.offer_id or offer_of_coupon(terms.program, line.coupon, ts)
    if offer_id is None:
        raise Refused(malformed("offer_id", "it is missing; only a click_id or impression_id says the offer"))
    if line.offer_id not in (None, offer_id):
        raise Refused(malformed("offer_id", f"the click or impression is of offer {offer_id}"))
    if impression_offer not in (0, offer_id):
        raise Refused(malformed("impression_id", f"it is of offer {impression_offer}, the click of {offer_id}"))
    return click, impression, _offer(offer_id, terms)


def _token(name: str, text: str, terms: LineContext) -> tuple[bytes, int]:
    """The token and its offer; none where the line has none."""
    if not text:
        return NO_TOKEN, 0
    token = click_id.from_text(text)
    facts = click_id.verify(terms.keys, token, terms.now // 1_000) if token is not None else None
    if token is None or facts is None:
        detail = "this installation did not sign it; for your own ids use click_ref or impression_ref"
        raise Refused(rejected(Reason.CLICK_ID_INVALID, name, detail))
    return token, facts.offer_id


def _offer(offer_id: int, terms: LineContext) -> IndexedOffer:
    offer = terms.program.offer(offer_id)
    if offer is None:
        refusal = rejected(Reason.UNKNOWN_OFFER, "offer_id", "the program has no offer with this number")
        raise Refused(with_ids(refusal, offer_id, 0))
    return offer


def _goal(goal: str, offer: IndexedOffer) -> str:
    goal = goal or "1"
    if goal not in offer.goals:
        refusal = malformed("goal", f"the offer has no such goal; it has {', '.join(sorted(offer.goals))}")
        raise Refused(with_ids(refusal, offer.offer.id, 0))
    return goal


def _amount(line: ConversionLine, terms: LineContext) -> tuple[str, int]:
    currency = line.currency or terms.program.rules.currency
    if currency not in DECIMALS:
        raise Refused(malformed("currency", "it is no ISO 4217 code, such as USD"))
    try:
        return currency, parse_minor(line.amount or "0", currency)
    except BadAmount as error:
        raise Refused(malformed("amount", str(error))) from None


def _check_custom(custom: dict[str, str], terms: LineContext) -> None:
    if len(custom) > terms.custom_fields_max:
        raise Refused(malformed("custom", f"there are more than {terms.custom_fields_max} custom fields"))
    for name in custom:
        if not name or byte_length(name) > NAME_BYTES_MAX or has_control(name):
            detail = f"names have 1 to {NAME_BYTES_MAX} bytes and no control characters"
            raise Refused(malformed("custom", detail))


def _given(line: ConversionLine) -> Given:
    given = Given(0)
    for text, bit in (
        (line.amount, Given.AMOUNT), (line.currency, Given.CURRENCY),
        (line.status, Given.STATUS), (line.click_id, Given.CLICK_ID),
    ):  # fmt: skip
        if text:
            given |= bit
    return given


def adjustment_of(line: AdjustmentLine, ts: int, terms: LineContext) -> Adjustment:
    currency = line.currency
    if currency and currency not in DECIMALS:
        raise Refused(malformed("currency", "it is no ISO 4217 code, such as USD"))
    is_status = line.kind == "status"
    if is_status != bool(line.status):
        detail = "kind status needs it" if is_status else f"it belongs to kind status, not to {line.kind}"
        raise Refused(malformed("status", detail))
    return Adjustment(
        adjustment_id=line_key("adjustment", line.id),
        conversion_id=_conversion_id(line, terms),
        ts=terms.now,
        event_ts=ts,
        kind=line.kind,
        status=line.status,
        amount_e4=_amount_e4(line),
        currency=currency,
        reason=line.reason,
        actor="api",
        ref=line.id,
    )


def _conversion_id(line: AdjustmentLine, terms: LineContext) -> bytes:
    """The conversion, by its id or by offer_id, goal and txn_id; given both ways, they must agree."""
    by_id = _hex_id(line.conversion_id) if line.conversion_id else None
    if line.offer_id is None and not line.txn_id:
        if by_id is None:
            raise Refused(malformed("conversion_id", "give conversion_id, or offer_id, goal and txn_id"))
        return by_id
    if line.offer_id is None or not line.txn_id:
        missing = "offer_id" if line.offer_id is None else "txn_id"
        raise Refused(malformed(missing, "offer_id and txn_id name a conversion only together"))
    offer = _offer(line.offer_id, terms)
    by_key = conversion_key(offer.offer.id, _goal(line.goal, offer), txn_id=line.txn_id)
    if by_id not in (None, by_key):
        raise Refused(malformed("conversion_id", "it is another conversion than that of offer_id, goal and txn_id"))
    return by_key


def _hex_id(text: str) -> bytes:
    if not _HEX_ID.fullmatch(text):
        raise Refused(malformed("conversion_id", "it has 32 hex digits"))
    return bytes.fromhex(text)


def _amount_e4(line: AdjustmentLine) -> int:
    if line.kind == "status":
        if line.amount:
            raise Refused(malformed("amount", "it belongs to kind refund or chargeback, not to status"))
        return 0
    try:
        e4 = parse_e4(line.amount)
    except BadAmount as error:
        detail = str(error) if line.amount else f"a {line.kind} needs one"
        raise Refused(malformed("amount", detail)) from None
    if e4 <= 0:
        raise Refused(malformed("amount", f"a {line.kind} takes off more than 0"))
    if line.currency and minor_of_e4(e4, line.currency) is None:
        raise Refused(malformed("amount", f"it has more decimals than {line.currency}"))
    return e4
