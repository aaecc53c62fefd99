"""Identities: 64-bit hashes by which touches join conversions. Pure.

Each touch is stored in `touches` once per identity: its own id, the id of its line on /v1/events, its visitor and
its user. 0 means none. An id that anybody could write on a public link is no identity.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

from schemas.events import Conversion, Kind, Touch, Untrusted
from schemas.fields import NO_TOKEN

# Plain integers: operations on flags cost a microsecond each.
_VISITOR, _USER = int(Untrusted.VISITOR), int(Untrusted.USER)


def _hashes(kind: bytes, values: Iterable[bytes]) -> list[int]:
    """Hash many values in one loop; a call for each costs more than the hash."""
    number = int.from_bytes
    return [number(blake2b(kind + value, digest_size=8).digest(), "little") or 1 for value in values]


def _hash(kind: bytes, value: bytes) -> int:
    return _hashes(kind, (value,))[0]


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


def visitor_hashes(visitor_ids: Sequence[str]) -> list[int]:
    """Return the hashes that unique clicks are counted by, of any visitor ids, `~` hashes included; 0 for none."""
    hashes = iter(_hashes(b"v", (visitor_id.encode() for visitor_id in visitor_ids if visitor_id)))
    return [next(hashes) if visitor_id else 0 for visitor_id in visitor_ids]


def visitor_hash(visitor_id: str) -> int:
    """Return the hash of one visitor id, as `visitor_hashes` does."""
    return visitor_hashes((visitor_id,))[0]


def parts_of_touches(
    kind: Kind, touches: Sequence[Touch], visitors: Sequence[int]
) -> tuple[list[int], list[int], list[int], list[int]]:
    """Return the identities by own id, line id, visitor and user; 0 for none. `visitors` are the `visitor_hashes`."""
    own = _hashes(b"t", [touch.touch_id for touch in touches])
    refs = [of_ref(kind, touch.ref) if touch.ref else 0 for touch in touches]
    joins = [
        0 if touch.untrusted & _VISITOR or touch.visitor_id.startswith("~") else visitor
        for touch, visitor in zip(touches, visitors, strict=True)
    ]
    users = [of_user(touch.user_id) if touch.user_id and not touch.untrusted & _USER else 0 for touch in touches]
    return own, refs, joins, users


def of_touch(kind: Kind, touch: Touch) -> tuple[int, ...]:
    """Return all identities that a touch has, without zeros."""
    return tuple(key for [key] in parts_of_touches(kind, [touch], [visitor_hash(touch.visitor_id)]) if key)


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
