"""Small sample events; a test sets only the fields that it is about."""

from typing import Any

from schemas.dedup import rules
from schemas.dedup.rules import decide
from schemas.events import Adjustment, Conversion, Given, Kind, Rejected, Touch
from schemas.wire import encode

NOW_US = 1_767_225_600_000_000
"""2026-01-01."""
DAY_US = 86_400_000_000

__all__ = ("NOW_US", "DAY_US", "touch_id", "touch", "conversion", "refund", "status", "rejected", "wire", "decide")


def touch_id(n: int) -> bytes:
    """Build an unsigned token."""
    return n.to_bytes(27, "big")


def touch(n: int, **fields: Any) -> Touch:
    """Build the n-th click of offer 101 by partner 7."""
    given: dict[str, Any] = {
        "touch_id": touch_id(n), "ts": NOW_US + n, "received_ts": NOW_US + n, "offer_id": 101, "partner_id": 7,
    }  # fmt: skip
    return Touch(**(given | fields))


def conversion(txn_id: str, /, **fields: Any) -> Conversion:
    """Build a conversion of 7.50 USD for goal 1, from a postback with amount and currency."""
    given: dict[str, Any] = {
        "conversion_id": rules.conversion_key(101, "1", txn_id=txn_id), "ts": NOW_US, "event_ts": NOW_US,
        "offer_id": 101, "goal": "1", "txn_id": txn_id, "amount_minor": 750, "currency": "USD",
        "given": Given.AMOUNT | Given.CURRENCY,
    }  # fmt: skip
    return Conversion(**(given | fields))


def refund(conversion_id: bytes, refund_id: str, amount_e4: int, **fields: Any) -> Adjustment:
    """Build a refund, as a postback asks for it."""
    given: dict[str, Any] = {
        "adjustment_id": rules.refund_key(conversion_id, refund_id), "conversion_id": conversion_id, "ts": NOW_US,
        "event_ts": NOW_US, "kind": "refund", "amount_e4": amount_e4, "refund_id": refund_id,
    }  # fmt: skip
    return Adjustment(**(given | fields))


def status(conversion_id: bytes, new: str, **fields: Any) -> Adjustment:
    """Build a change of status."""
    given: dict[str, Any] = {
        "adjustment_id": rules.status_key(conversion_id, new), "conversion_id": conversion_id, "ts": NOW_US,
        "event_ts": NOW_US, "kind": "status", "status": new,
    }  # fmt: skip
    return Adjustment(**(given | fields))


def rejected(**fields: Any) -> Rejected:
    """Build a hit on a link that does not exist."""
    given: dict[str, Any] = {"ts": NOW_US, "kind": "click", "reason": "unknown_link", "link": "nowhere"}
    return Rejected(**(given | fields))


def wire(event: Touch | Conversion | Adjustment | Rejected, kind: Kind | None = None) -> bytes:
    """Encode an event as a record; a touch is a click by default."""
    match event:
        case Touch():
            return encode(kind or Kind.CLICK, event)
        case Conversion():
            return encode(Kind.CONVERSION, event)
        case Adjustment():
            return encode(Kind.ADJUSTMENT, event)
        case Rejected():
            return encode(Kind.REJECTED, event)
