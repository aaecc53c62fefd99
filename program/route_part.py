"""A part of the routes: the rows whose keys have the same first 12 bits of their hash, in memory and as bytes.

In memory an ordinary link is an entry of a dictionary with one number as its value, which needs about half the memory
of an object; a link with its own landing page or subs is an object. The bytes are MessagePack with sorted rows, so
equal rows give equal bytes. Columns that were added later are at the end of a row and left out where they are empty,
so bytes and hashes of other rows stay those of earlier versions.
"""

from hashlib import blake2b
from typing import Annotated, NamedTuple

import msgspec

from program.entries import Link, Status
from program.hash_tree import BadTree
from program.routes import OfferRoute

_ID_BITS = 32
_ID_MASK = 2**_ID_BITS - 1
_STATUSES: tuple[Status, Status] = ("inactive", "active")


class RoutesHead(msgspec.Struct, frozen=True):
    """Routes that have no key."""

    fallback_url: str = ""
    trusted_proxies: tuple[str, ...] = ()


def part_of_link(code: str) -> int:
    return _part_of(b"link", code.encode("utf-8", "surrogatepass"))


def part_of_partner(number: int) -> int:
    return _part_of(b"partner", number.to_bytes(4, "big"))


def part_of_offer(number: int) -> int:
    return _part_of(b"offer", number.to_bytes(4, "big"))


def _part_of(kind: bytes, key: bytes) -> int:
    return int.from_bytes(blake2b(key, digest_size=2, person=kind).digest(), "big") >> 4


PART_OF_HEAD = _part_of(b"head", b"")


class RoutePart(NamedTuple):
    """Rows of one part. It is never changed; a change copies it."""

    links: dict[str, int | Link]
    """By code; see `packed`."""
    partners: dict[int, Status]
    offers: dict[int, OfferRoute]
    head: RoutesHead | None

    def link(self, code: str) -> Link | None:
        value = self.links.get(code)
        return unpacked(code, value) if isinstance(value, int) else value

    def copied(self) -> "RoutePart":
        return RoutePart(dict(self.links), dict(self.partners), dict(self.offers), self.head)


def packed(link: Link) -> int | Link:
    """Return offer, partner and status in one number, or the link if it has more."""
    if link.landing_url or link.subs:
        return link
    return (link.offer_id << _ID_BITS | link.partner_id) << 1 | (link.status == "active")


def unpacked(code: str, value: int) -> Link:
    ids = value >> 1
    return Link(code, ids >> _ID_BITS, ids & _ID_MASK, _STATUSES[value & 1])


# ---------------------------------------------------------------------------------------------------------- bytes


_Number = Annotated[int, msgspec.Meta(ge=0, le=_ID_MASK)]


class _LinkRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    code: str
    offer_id: _Number
    partner_id: _Number
    active: bool
    landing_url: str = ""
    subs: tuple[tuple[str, str], ...] = ()


class _PartnerRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    number: _Number
    active: bool


class _OfferRow(msgspec.Struct, frozen=True, array_like=True):
    number: _Number
    landing_url: str
    active: bool
    allowed_hosts: tuple[str, ...]
    pass_through: bool


class _HeadRow(msgspec.Struct, frozen=True, array_like=True):
    fallback_url: str
    trusted_proxies: tuple[str, ...]


class _Rows(msgspec.Struct, frozen=True, array_like=True):
    links: list[_LinkRow]
    partners: list[_PartnerRow]
    offers: list[_OfferRow]
    head: _HeadRow | None


_encoder, _decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(_Rows)


def encode_part(part: RoutePart) -> bytes:
    """Write a part with its rows sorted by key."""
    links = [_row_of(code, part.links[code]) for code in sorted(part.links)]
    partners = [(number, status == "active") for number, status in sorted(part.partners.items())]
    offers = [
        (number, offer.landing_url, offer.status == "active", offer.allowed_hosts, offer.pass_through)
        for number, offer in sorted(part.offers.items())
    ]
    head = (part.head.fallback_url, part.head.trusted_proxies) if part.head is not None else None
    return _encoder.encode((links, partners, offers, head))


def _row_of(code: str, value: int | Link) -> tuple[object, ...]:
    if isinstance(value, int):
        ids = value >> 1
        return (code, ids >> _ID_BITS, ids & _ID_MASK, value & 1 == 1)
    return (code, value.offer_id, value.partner_id, value.status == "active", value.landing_url, value.subs)


def decode_part(data: bytes) -> RoutePart:
    """Read a part. Raises BadTree for bytes that `encode_part` did not write."""
    try:
        rows = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise BadTree(f"a part cannot be read: {error}") from None
    return RoutePart(
        {
            row.code: Link(
                row.code, row.offer_id, row.partner_id, _STATUSES[row.active], row.landing_url, row.subs
            ) if row.landing_url or row.subs else (row.offer_id << _ID_BITS | row.partner_id) << 1 | row.active
            for row in rows.links
        },
        {row.number: _STATUSES[row.active] for row in rows.partners},
        {
            row.number: OfferRoute(
                landing_url=row.landing_url, status=_STATUSES[row.active], allowed_hosts=row.allowed_hosts,
                pass_through=row.pass_through,
            )
            for row in rows.offers
        },
        RoutesHead(rows.head.fallback_url, rows.head.trusted_proxies) if rows.head is not None else None,
    )  # fmt: skip
