"""Routes as a tree of sorted parts, for publishing: one new link changes one part, and the root names all of them.

A tree never changes. A change copies the parts that it touches and shares the rest, so the holder of a tree answers
from one version until it replaces its reference. The root depends on the rows alone, not on their order or history.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from program.entries import Link, Status
from program.hash_tree import PARTS, BadTree, HashTree, check_part, hash_of_part, tree_of_hashes
from program.route_part import (
    PART_OF_HEAD,
    RoutePart,
    RoutesHead,
    decode_part,
    encode_part,
    packed,
    part_of_link,
    part_of_offer,
    part_of_partner,
)
from program.routes import OfferRoute, Routes

_K = TypeVar("_K")
_V = TypeVar("_V")


class RoutesChange(msgspec.Struct, frozen=True):
    """Rows to put; None removes the row of a key."""

    links: Mapping[str, Link | None] = {}
    partners: Mapping[int, Status | None] = {}
    offers: Mapping[int, OfferRoute | None] = {}
    head: RoutesHead | None = None
    """The new head; None keeps it."""


@dataclass(frozen=True, slots=True)
class RoutesTree:
    """One version of the routes. Built with `tree_of` or `tree_of_parts`."""

    parts: tuple[RoutePart, ...]
    hashes: HashTree

    @property
    def root(self) -> bytes:
        return self.hashes.root

    def link(self, code: str) -> Link | None:
        return self.parts[part_of_link(code)].link(code)

    def partner(self, number: int) -> Status | None:
        return self.parts[part_of_partner(number)].partners.get(number)

    def offer(self, number: int) -> OfferRoute | None:
        return self.parts[part_of_offer(number)].offers.get(number)

    @property
    def head(self) -> RoutesHead:
        return self.parts[PART_OF_HEAD].head or RoutesHead()

    def encoded(self, number: int) -> bytes:
        """Return a part as bytes; they have the hash that the tree has for it."""
        return encode_part(self.parts[number])

    def changed(self, change: RoutesChange) -> "RoutesTree":
        """Return the tree after a change; parts that it does not touch are shared."""
        touched = changed_parts(change, self.parts)
        hashes = self.hashes.changed({number: hash_of_part(encode_part(part)) for number, part in touched.items()})
        return RoutesTree(self._with(touched), hashes)

    def received(self, parts: Mapping[int, bytes], hashes: HashTree) -> "RoutesTree":
        """Return the tree with these hashes; `parts` are those that differ. Raises BadTree unless they fit exactly."""
        missing = set(self.hashes.differing(hashes)) ^ parts.keys()
        if missing:
            raise BadTree(f"{len(missing)} parts are missing or were not asked for")
        for number, part in parts.items():
            check_part(part, hashes.parts[number])
        return RoutesTree(self._with({number: decode_part(part) for number, part in parts.items()}), hashes)

    def _with(self, parts: Mapping[int, RoutePart]) -> tuple[RoutePart, ...]:
        return tuple(parts.get(number, part) for number, part in enumerate(self.parts))


_NO_ROWS = RoutePart({}, {}, {}, None)
_NO_HEAD = (_NO_ROWS,) * PARTS


def tree_of(routes: Routes) -> RoutesTree:
    """Build the tree of all routes."""
    head = RoutesHead(routes.fallback_url, routes.trusted_proxies)
    touched = _apply(RoutesChange(routes.links, routes.partners, routes.offers, head), _NO_HEAD)
    parts = tuple(touched.get(number, _NO_ROWS) for number in range(PARTS))
    empty = hash_of_part(encode_part(_NO_ROWS))
    hashes = [empty if part is _NO_ROWS else hash_of_part(encode_part(part)) for part in parts]
    return RoutesTree(parts, tree_of_hashes(hashes))


def tree_of_parts(parts: Sequence[bytes], root: bytes) -> RoutesTree:
    """Build the tree from the bytes of all parts in order. Raises BadTree if they do not have this root."""
    hashes = tree_of_hashes([hash_of_part(part) for part in parts])
    if hashes.root != root:
        raise BadTree(f"the parts have the root {hashes.root.hex()}, not {root.hex()}")
    return RoutesTree(tuple(decode_part(part) for part in parts), hashes)


def touched_parts(change: RoutesChange) -> list[int]:
    """Return the numbers of the parts that hold the rows of a change, ascending."""
    return sorted(
        {part_of_link(code) for code in change.links}
        | {part_of_partner(number) for number in change.partners}
        | {part_of_offer(number) for number in change.offers}
        | ({PART_OF_HEAD} if change.head is not None else set())
    )


def changed_parts(change: RoutesChange, parts: Sequence[RoutePart] | Mapping[int, RoutePart]) -> dict[int, RoutePart]:
    """Return the parts that a change makes different, by their number. `parts` are at least those that it touches."""
    touched = _apply(change, parts)
    return {number: part for number, part in touched.items() if part != parts[number]}


def _apply(change: RoutesChange, parts: Sequence[RoutePart] | Mapping[int, RoutePart]) -> dict[int, RoutePart]:
    touched: dict[int, RoutePart] = {}

    def copy_of(number: int) -> RoutePart:
        if number not in touched:
            touched[number] = parts[number].copied()
        return touched[number]

    for code, link in change.links.items():
        _put(copy_of(part_of_link(code)).links, code, packed(link) if link is not None else None)
    for partner, status in change.partners.items():
        _put(copy_of(part_of_partner(partner)).partners, partner, status)
    for offer, route in change.offers.items():
        _put(copy_of(part_of_offer(offer)).offers, offer, route)
    if change.head is not None:
        touched[PART_OF_HEAD] = copy_of(PART_OF_HEAD)._replace(head=change.head)
    return touched


def _put(rows: dict[_K, _V], key: _K, row: _V | None) -> None:
    if row is None:
        rows.pop(key, None)
    else:
        rows[key] = row
