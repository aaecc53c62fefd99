"""Trees of routes in the store: parts, the hashes of the parts of each node, and the hashes of the nodes of each root.

A change reads the hashes and the parts that it touches, and writes those that are new.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from program.hash_tree import FAN_OUT, PARTS, HashTree, checked_nodes, checked_parts, tree_of_hashes
from program.route_part import (
    PART_OF_HEAD,
    RoutePart,
    RoutesHead,
    decode_part,
    part_of_link,
    part_of_offer,
    part_of_partner,
)
from program.routes import Routes
from program.routes_tree import RoutesChange, RoutesTree, tree_of

Read = Callable[[Sequence[str]], Mapping[str, bytes]]
"""Returns contents by the hexadecimal text of their hash."""
_NO_ROWS = RoutePart({}, {}, {}, None)


@dataclass(frozen=True, slots=True)
class Stored:
    """Root of a tree, and the contents that it may add to the store."""

    root: str
    contents: Mapping[str, bytes]


def whole(routes: Routes) -> Stored:
    """Make the contents of all routes."""
    tree = tree_of(routes)
    return Stored(tree.root.hex(), _contents(tree, range(PARTS)))


def changed(root: str, change: RoutesChange, read: Read) -> Stored:
    """Make the contents after a change of a stored tree."""
    before = read_hashes(root, read)
    numbers = sorted(
        {part_of_link(code) for code in change.links}
        | {part_of_partner(number) for number in change.partners}
        | {part_of_offer(number) for number in change.offers}
        | ({PART_OF_HEAD} if change.head is not None else set())
    )
    after = _sparse(before, numbers, read).changed(change)
    return Stored(after.root.hex(), _contents(after, before.differing(after.hashes)))


def read_routes(root: str, read: Read) -> Routes:
    """Read all routes of a tree."""
    return _routes(_sparse(read_hashes(root, read), range(PARTS), read), range(PARTS))


def differing_routes(old: str, new: str, read: Read) -> tuple[Routes, Routes]:
    """Return the rows of the parts in which two trees differ, of the old tree and of the new one."""
    before, after = read_hashes(old, read), read_hashes(new, read)
    numbers = before.differing(after)
    return _routes(_sparse(before, numbers, read), numbers), _routes(_sparse(after, numbers, read), numbers)


def read_hashes(root: str, read: Read) -> HashTree:
    """Read the hashes of a tree. Raises BadTree if the store holds something else."""
    nodes = checked_nodes(bytes.fromhex(root), read([root])[root])
    contents = read([node.hex() for node in nodes])
    return tree_of_hashes([part for node in nodes for part in checked_parts(node, contents[node.hex()])])


def _sparse(hashes: HashTree, numbers: Sequence[int], read: Read) -> RoutesTree:
    """Return a tree of which only some parts are decoded; the others look empty."""
    contents = read([hashes.parts[number].hex() for number in numbers])
    parts = [_NO_ROWS] * PARTS
    for number in numbers:
        parts[number] = decode_part(contents[hashes.parts[number].hex()])
    return RoutesTree(tuple(parts), hashes)


def _contents(tree: RoutesTree, numbers: Sequence[int]) -> dict[str, bytes]:
    """Return the contents of some parts, and of the nodes and the root above them."""
    hashes = tree.hashes
    found = {hashes.parts[number].hex(): tree.encoded(number) for number in numbers}
    for node in {number // FAN_OUT for number in numbers}:
        found[hashes.nodes[node].hex()] = b"".join(hashes.parts[node * FAN_OUT : (node + 1) * FAN_OUT])
    if found:
        found[tree.root.hex()] = b"".join(hashes.nodes)
    return found


def _routes(tree: RoutesTree, numbers: Sequence[int]) -> Routes:
    routes = Routes(partners={}, offers={}, links={})
    head = RoutesHead()
    for number in numbers:
        part = tree.parts[number]
        routes.partners.update(part.partners)
        routes.offers.update(part.offers)
        routes.links.update((code, link) for code in part.links if (link := part.link(code)) is not None)
        head = part.head or head
    return msgspec.structs.replace(routes, fallback_url=head.fallback_url, trusted_proxies=head.trusted_proxies)
