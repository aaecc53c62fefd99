"""Identities by which touches join conversions, as 64-bit hashes. Pure.

Each touch is stored in `touches` once per identity that it has: its own id, its sender's line id, its visitor
and its user. 0 stands for none.
"""

from hashlib import blake2b

from schemas.events import Conversion, Kind, Touch


def _hash(kind: bytes, value: bytes) -> int:
    return int.from_bytes(blake2b(kind + value, digest_size=8).digest(), "little") or 1


def of_token(token: bytes) -> int:
    """Identity of a click or impression by its own id (27 bytes)."""
    return _hash(b"t", token)


def of_ref(kind: Kind, ref: str) -> int:
    """Identity of a click or impression by its sender's line id."""
    return _hash(b"c" if kind is Kind.CLICK else b"i", ref.encode())


def of_visitor(visitor_id: str) -> int:
    """Identity of a visitor; 0 for none and for `~` hashes, which count uniques but never join touches."""
    return 0 if not visitor_id or visitor_id.startswith("~") else _hash(b"v", visitor_id.encode())


def of_user(user_id: str) -> int:
    """Identity of a user; 0 for none."""
    return _hash(b"u", user_id.encode()) if user_id else 0


def visitor_hash(visitor_id: str) -> int:
    """What unique clicks are counted by: any visitor id, `~` hashes included."""
    return _hash(b"v", visitor_id.encode()) if visitor_id else 0


def parts_of_touch(kind: Kind, touch: Touch, visitor: int) -> tuple[int, int, int, int]:
    """By its own id, its sender's line id, its visitor, its user; 0 for none. `visitor` is its `visitor_hash`."""
    ref = of_ref(kind, touch.ref) if touch.ref else 0
    joins = 0 if touch.visitor_id.startswith("~") else visitor
    return of_token(touch.touch_id), ref, joins, of_user(touch.user_id)


def of_touch(kind: Kind, touch: Touch) -> tuple[int, ...]:
    """All identities of a touch, none 0."""
    return tuple(key for key in parts_of_touch(kind, touch, visitor_hash(touch.visitor_id)) if key)


def of_conversion(event: Conversion) -> int:
    """The identity that a conversion matches by, out of its `match_kind`; 0 if that joins nothing."""
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
