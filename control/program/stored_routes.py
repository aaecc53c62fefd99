"""Trees of routes in the store: parts, the hashes of the parts of each node, and the hashes of the nodes of each root.

A change reads the hashes and the parts that it touches, and writes those that are new.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from program.hash_tree import (
    FAN_OUT,
    PARTS,
    Branches,
    HashTree,
    checked_nodes,
    checked_parts,
    differing,
    hash_of_part,
    nodes_above,
    tree_of_hashes,
)
from program.route_part import RoutePart, RoutesHead, decode_part, encode_part
from program.routes import Routes
from program.routes_tree import RoutesChange, changed_parts, touched_parts, tree_of

Read = Callable[[Sequence[str]], Mapping[str, bytes]]
"""Returns contents by the hexadecimal text of their hash."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Root of a tree, and the contents that it may add to the store."""

    root: str
    contents: Mapping[str, bytes]


def whole(routes: Routes) -> Stored:
    """Make the contents of all routes."""
    tree = tree_of(routes)
    hashes = tree.hashes
    below = {node: hashes.parts[node * FAN_OUT : (node + 1) * FAN_OUT] for node in range(FAN_OUT)}
    parts = {hashes.parts[number]: tree.encoded(number) for number in range(PARTS)}
    return _stored(Branches(hashes.nodes, below), parts)


def changed(root: str, change: RoutesChange, read: Read) -> Stored:
    """Make the contents after a change of a stored tree. It takes as long as the parts that the change touches."""
    numbers = touched_parts(change)
    nodes = _read_nodes(root, read)
    before = _branches(nodes, nodes_above(numbers), read)
    encoded = {
        number: encode_part(part) for number, part in changed_parts(change, _parts(before, numbers, read)).items()
    }
    if not encoded:
        return Stored(root, {})
    hashes = {number: hash_of_part(part) for number, part in encoded.items()}
    return _stored(before.changed(hashes), {hashes[number]: part for number, part in encoded.items()})


def read_routes(root: str, read: Read) -> Routes:
    """Read all routes of a tree."""
    branches = _branches(_read_nodes(root, read), range(FAN_OUT), read)
    return _routes(_parts(branches, range(PARTS), read))


def differing_routes(old: str, new: str, read: Read) -> tuple[Routes, Routes]:
    """Return the rows of the parts in which two trees differ, of the old tree and of the new one."""
    before, after = differing_branches(old, new, read)
    numbers = before.differing(after)
    return _routes(_parts(before, numbers, read)), _routes(_parts(after, numbers, read))


def differing_branches(old: str, new: str, read: Read) -> tuple[Branches, Branches]:
    """Read the hashes below the nodes in which two trees differ. Raises KeyError for a root that is not stored."""
    before, after = _read_nodes(old, read), _read_nodes(new, read)
    numbers = differing(before, after)
    return _branches(before, numbers, read), _branches(after, numbers, read)


def read_hashes(root: str, read: Read) -> HashTree:
    """Read the hashes of a tree. Raises BadTree if the store holds something else."""
    branches = _branches(_read_nodes(root, read), range(FAN_OUT), read)
    return tree_of_hashes([part for node in range(FAN_OUT) for part in branches.parts[node]])


def _read_nodes(root: str, read: Read) -> tuple[bytes, ...]:
    return checked_nodes(bytes.fromhex(root), read([root])[root])


def _branches(nodes: tuple[bytes, ...], numbers: Iterable[int], read: Read) -> Branches:
    wanted = {number: nodes[number] for number in numbers}
    contents = read([node.hex() for node in wanted.values()])
    return Branches(nodes, {number: checked_parts(node, contents[node.hex()]) for number, node in wanted.items()})


def _parts(branches: Branches, numbers: Sequence[int], read: Read) -> dict[int, RoutePart]:
    names = {number: branches.part(number).hex() for number in numbers}
    contents = read(list(names.values()))
    return {number: decode_part(contents[name]) for number, name in names.items()}


def _stored(branches: Branches, parts: Mapping[bytes, bytes]) -> Stored:
    """Return parts by their hash as contents, with the nodes above them and the root."""
    root = branches.root.hex()
    contents = {name.hex(): part for name, part in parts.items()}
    contents |= {branches.nodes[node].hex(): b"".join(hashes) for node, hashes in branches.parts.items()}
    return Stored(root, {**contents, root: b"".join(branches.nodes)})


def _routes(parts: Mapping[int, RoutePart]) -> Routes:
    routes = Routes(partners={}, offers={}, links={})
    head = RoutesHead()
    for part in parts.values():
        routes.partners.update(part.partners)
        routes.offers.update(part.offers)
        routes.links.update((code, link) for code in part.links if (link := part.link(code)) is not None)
        head = part.head or head
    return msgspec.structs.replace(routes, fallback_url=head.fallback_url, trusted_proxies=head.trusted_proxies)
