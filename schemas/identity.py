"""Identities: 64-bit hashes by which touches join conversions. Pure.

Each touch is stored in `touches` once per identity: its own id, the id of its line on /v1/events, its visitor and
its user. 0 means none. An id that anybody could write on a public link is no identity.
"""

from hashlib import blake2b

from schemas.events import Conversion, Kind, Touch, Untrusted
from schemas.fields import NO_TOKEN

# Plain integers: operations on flags cost a microsecond each.
_VISITOR, _USER = int(Untrusted.VISITOR), int(Untrusted.USER)


def _hash(kind: bytes, value: bytes) -> int:
    return int.from_bytes(blake2b(kind + value, digest_size=8).digest(), "little") or 1


def of_token(token: bytes) -> int:
    """Return the identity of a click or impression by its own id (27 bytes)."""
    return _hash(b"t", token)


def of_ref(kind: Kind, ref: str) -> int:
    """Return the identity of a click or impression by the id of its line."""
    return _hash(b"c" if kind is Kind.CLICK else b"i", ref.encode())


def of_visitor(visitor_id: str) -> int:
    """Return the identity of a visitor; 0 for none and for `~` hashes, which count uniques but never join touches."""
    return 0 if not visitor_id or visitor_id.startswith("~") else _hash(b"v", visitor_id.encode())


def of_user(user_id: str) -> int:
    """Return the identity of a user; 0 for none."""
    return _hash(b"u", user_id.encode()) if user_id else 0


def visitor_hash(visitor_id: str) -> int:
    """Return the hash that unique clicks are counted by, of any visitor id, `~` hashes included."""
    return _hash(b"v", visitor_id.encode()) if visitor_id else 0


def parts_of_touch(kind: Kind, touch: Touch, visitor: int) -> tuple[int, int, int, int]:
    """Return the identities by own id, line id, visitor and user; 0 for none. `visitor` is the `visitor_hash`."""
    ref = of_ref(kind, touch.ref) if touch.ref else 0
    joins = 0 if touch.untrusted & _VISITOR or touch.visitor_id.startswith("~") else visitor
    user = 0 if touch.untrusted & _USER else of_user(touch.user_id)
    return of_token(touch.touch_id), ref, joins, user


def of_touch(kind: Kind, touch: Touch) -> tuple[int, ...]:
    """Return all identities that a touch has, without zeros."""
    return tuple(key for key in parts_of_touch(kind, touch, visitor_hash(touch.visitor_id)) if key)


def of_coupon(event: Conversion) -> bytes:
    """Return the id of the touch that a conversion's coupon makes; no key signs ids that begin with a zero byte."""
    return b"\0coupon\0\0\0\0" + event.conversion_id if event.coupon_partner_id else NO_TOKEN


def of_conversion(event: Conversion) -> int:
    """Return the identity that a conversion matches by, as its `match_kind` says; 0 if it joins nothing."""
    match event.match_kind:
        case "click_id":
            return of_token(event.click_id)
        case "impression_id":
            return of_token(event.impression_id)
        case "click_ref":
            return of_ref(Kind.CLICK, event.click_ref)
        case "impression_ref":
            return of_ref(Kind.IMPRESSION, event.impression_ref)
        case "user_id":
            return of_user(event.user_id)
        case _:
            return of_visitor(event.visitor_id)
