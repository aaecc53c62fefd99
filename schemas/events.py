"""Events, each defined once: touch (click or impression), conversion, adjustment and rejected hit.

The wire codec (wire.py), the columns (columns.py), the DDL (ddl.py) and the reference of events are derived from
these Structs. Fields are append-only: a new field goes last and has a default. Clicks and impressions are the same
Struct in two tables; the first field is named after the table (click_id, impression_id).
"""

from enum import IntEnum, IntFlag
from typing import Annotated, Literal

import msgspec

from schemas.fields import NO_TOKEN, col, digest, micros, minor, number, text, token, word

Status = Literal["pending", "hold", "approved", "declined"]
STATUS_ORDER: tuple[Status, ...] = ("pending", "hold", "approved", "declined")
"""Order in which a status moves forward (docs/contract.md, section 2.1)."""

AdjustmentKind = Literal["status", "refund", "chargeback"]
MatchKind = Literal["click_id", "click_ref", "impression_id", "impression_ref", "user_id", "visitor_id", "coupon"]


class Kind(IntEnum):
    """Kind byte of a record on the wire."""

    CLICK = 1
    IMPRESSION = 2
    CONVERSION = 3
    ADJUSTMENT = 4
    REJECTED = 5


class Consent(IntFlag):
    """Consent signals in the headers of a hit."""

    GPC = 1
    DNT = 2


class Hint(IntFlag):
    """Signs in the request that suggest a bot; ingest turns them into bot reasons."""

    HEAD = 1
    PREFETCH = 2


class Untrusted(IntFlag):
    """Ids of a touch that came with a public link or pixel and join no touches."""

    VISITOR = 1
    USER = 2


class Given(IntFlag):
    """Fields that a conversion hit contained; fields left out are not compared (docs/contract.md, section 2.1)."""

    AMOUNT = 1
    CURRENCY = 2
    STATUS = 4
    CLICK_ID = 8


class Touch(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """A click or an impression of a partner's link."""

    touch_id: Annotated[bytes, token("Id of the click or impression (36 characters as issued).")]
    ts: Annotated[int, micros("When it happened: time of receipt, or the line's ts on /v1/events.")]
    received_ts: Annotated[int, micros("When Clew received it.")]
    offer_id: Annotated[int, number("Number of the offer.")]
    partner_id: Annotated[int, number("Number of the partner.")]
    link: Annotated[str, word("Code of the link that was followed; empty when offer and partner were named.")] = ""
    ref: Annotated[str, text("The sender's own id of the line on /v1/events.")] = ""
    subs: Annotated[
        dict[str, str], col("Map(LowCardinality(String), String)", "sub1 to sub30 as the partner sent them.")
    ] = {}
    partner_click_id: Annotated[str, text("The partner's own id of the click.", "pseudonym")] = ""
    visitor_id: Annotated[
        str, text("Parameter, first-party cookie, or `~` and a keyed hash that never joins touches.", "pseudonym")
    ] = ""
    user_id: Annotated[str, text("The advertiser's id of the person.", "pseudonym")] = ""
    ip: Annotated[str, text("Address of the visitor, or its truncated form by the privacy setting.", "personal")] = ""
    ip_hash: Annotated[int, col("UInt64", "Keyed hash of the address; changes daily.", privacy="pseudonym")] = 0
    user_agent: Annotated[str, text("User-Agent header.", "personal")] = ""
    referrer: Annotated[str, text("Referer header.", "personal")] = ""
    accept_language: Annotated[str, word("Accept-Language header.")] = ""
    consent: Annotated[int, number("Bits: 1 Sec-GPC, 2 DNT.", "UInt8")] = 0
    hints: Annotated[int, number("Bits: 1 HEAD request, 2 prefetch.", "UInt8")] = 0
    tcf: Annotated[str, text("TCF consent string, if one was given.")] = ""
    landing_url: Annotated[str, text("URL that the visitor was sent to.", "personal")] = ""
    redirect_type: Annotated[str, word("302, pixel or api.")] = "302"
    untrusted: Annotated[
        int, number("Bits of ids that anybody could write and that join nothing: 1 visitor_id, 2 user_id.", "UInt8")
    ] = 0
    params: Annotated[
        dict[str, str], col("Map(LowCardinality(String), String)", "utm parameters and click ids of ad networks.")
    ] = {}


class Conversion(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """A goal that an advertiser reports; one row per accepted dedupe key."""

    conversion_id: Annotated[bytes, digest("16-byte BLAKE2b of the dedupe key (32 hex digits as issued).")]
    ts: Annotated[int, micros("When Clew received it.")]
    event_ts: Annotated[int, micros("Conversion time: the line's ts, for postbacks the time of receipt.")]
    offer_id: Annotated[int, number("Number of the offer.")]
    goal: Annotated[str, word("Key of the goal.")]
    txn_id: Annotated[str, text("The advertiser's transaction id.", "pseudonym")] = ""
    match_kind: Annotated[str, word("Field by which it matches touches.")] = "click_id"
    click_id: Annotated[bytes, token("The click it names, if it names one by token.")] = NO_TOKEN
    impression_id: Annotated[bytes, token("The impression it names, if it names one by token.")] = NO_TOKEN
    click_ref: Annotated[str, text("The sender's id of the click line it names.")] = ""
    impression_ref: Annotated[str, text("The sender's id of the impression line it names.")] = ""
    user_id: Annotated[str, text("The advertiser's id of the person.", "pseudonym")] = ""
    visitor_id: Annotated[str, text("Id of the visitor.", "pseudonym")] = ""
    amount_minor: Annotated[int, minor("Value as first reported, before refunds.")] = 0
    currency: Annotated[str, word("ISO 4217 code of the amount.")] = ""
    status: Annotated[str, word("Status as first reported; adjustments change it.")] = "approved"
    custom: Annotated[
        dict[str, str],
        col("Map(LowCardinality(String), String)", "Further fields of the postback.", privacy="pseudonym"),
    ] = {}
    ref: Annotated[str, text("The sender's own id of the line on /v1/events.")] = ""
    origin: Annotated[str, word("postback or api.")] = "postback"
    given: Annotated[int, number("Bits of the fields that the hit contained (Given).", "UInt8")] = 0
    sender_ip: Annotated[str, text("Address that reported it.", "personal")] = ""
    reopen_forbidden: Annotated[
        int, number("1 when the offer says that a declined conversion cannot be re-opened.", "UInt8")
    ] = 0
    coupon: Annotated[str, text("The coupon that it names, as sent.")] = ""
    coupon_partner_id: Annotated[int, number("Partner of the coupon; 0 where none counts.")] = 0
    coupon_reason: Annotated[str, word("Reason why its coupon does not count.")] = ""


class Adjustment(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """A later change of a conversion: status, refund or chargeback. The stored conversion is never overwritten."""

    adjustment_id: Annotated[bytes, digest("16-byte BLAKE2b of the key of the adjustment.")]
    conversion_id: Annotated[bytes, digest("The conversion it changes; may arrive later.")]
    ts: Annotated[int, micros("When Clew received it.")]
    event_ts: Annotated[int, micros("When it happened: the line's ts, for postbacks the time of receipt.")]
    kind: Annotated[str, word("status, refund or chargeback.")]
    status: Annotated[str, word("New status, for kind status.")] = ""
    amount_e4: Annotated[
        int, number("Amount to refund, positive; -1 means all that remains.", "Int64", "1/10000 of the currency")
    ] = 0
    currency: Annotated[str, word("ISO 4217 code; empty means the conversion's currency.")] = ""
    reason: Annotated[str, text("The sender's reason.")] = ""
    actor: Annotated[str, word("Sender: postback or api.")] = "postback"
    refund_id: Annotated[str, text("The sender's id of the refund.")] = ""
    ref: Annotated[str, text("The sender's own id of the line on /v1/events.")] = ""
    status_revision: Annotated[
        int,
        number("Counts how often a status went back; the furthest status of the latest revision counts.", "UInt32"),
    ] = 0


class Rejected(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """A hit that was not accepted, with the reason and everything it contained except secrets."""

    ts: Annotated[int, micros("When Clew received it.")]
    kind: Annotated[str, word("click, impression, conversion, adjustment or event.")]
    reason: Annotated[str, word("Reason from the closed list of reasons.")]
    field: Annotated[str, word("The field that the reason concerns, if any.")] = ""
    detail: Annotated[str, text("One sentence that explains the reason.")] = ""
    offer_id: Annotated[int, number("Number of the offer, if it is known.")] = 0
    partner_id: Annotated[int, number("Number of the partner, if it is known.")] = 0
    link: Annotated[str, word("Code of the link as asked for.")] = ""
    conversion_id: Annotated[bytes, digest("The conversion that it would have created or changed.")] = bytes(16)
    method: Annotated[str, word("HTTP method.")] = ""
    path: Annotated[str, text("Path of the request.")] = ""
    fields: Annotated[
        dict[str, str],
        col("Map(String, String)", "Parameters or fields as sent, secrets left out.", privacy="personal"),
    ] = {}
    visitor_id: Annotated[str, text("Visitor id, as for touches.", "pseudonym")] = ""
    ip: Annotated[str, text("Address of the sender.", "personal")] = ""
    user_agent: Annotated[str, text("User-Agent header.", "personal")] = ""
    referrer: Annotated[str, text("Referer header.", "personal")] = ""
    ref: Annotated[str, text("The sender's own id of the line on /v1/events.")] = ""


Event = Touch | Conversion | Adjustment | Rejected

STRUCT_OF: dict[Kind, type[Touch] | type[Conversion] | type[Adjustment] | type[Rejected]] = {
    Kind.CLICK: Touch,
    Kind.IMPRESSION: Touch,
    Kind.CONVERSION: Conversion,
    Kind.ADJUSTMENT: Adjustment,
    Kind.REJECTED: Rejected,
}

HITS = "hits"
CONVERSIONS = "conversions"
TOPICS: tuple[str, ...] = (HITS, CONVERSIONS)
TOPIC_OF: dict[Kind, str] = {
    Kind.CLICK: HITS,
    Kind.IMPRESSION: HITS,
    Kind.REJECTED: HITS,
    Kind.CONVERSION: CONVERSIONS,
    Kind.ADJUSTMENT: CONVERSIONS,
}
"""Topic of each kind. Touches and rejected hits share one sequence of offsets, conversions and adjustments another."""


WHAT_REMAINS = -1
"""Value of `Adjustment.amount_e4` for a refund that names no amount."""
