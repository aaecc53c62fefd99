"""A tree of hashes over a fixed number of parts: its root names all of them, and two trees show which parts differ.

4,096 parts have 64 nodes of 64 hashes each, under one root. Pure; the parts themselves are bytes of any content.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

FAN_OUT = 64
PARTS = FAN_OUT * FAN_OUT
HASH_BYTES = 16
_PART, _NODE, _ROOT = b"part", b"node", b"root"


class BadTree(Exception):
    """Received bytes are not those that the tree names."""


def hash_of_part(part: bytes) -> bytes:
    return blake2b(part, digest_size=HASH_BYTES, person=_PART).digest()


def check_part(part: bytes, expected: bytes) -> None:
    """Raise BadTree if the bytes do not have this hash."""
    if hash_of_part(part) != expected:
        raise BadTree(f"a part of {len(part)} bytes does not have the hash {expected.hex()}")


@dataclass(frozen=True, slots=True)
class HashTree:
    """Hashes of the parts in order, of the nodes above them, and of all. Built with `tree_of_hashes`."""

    parts: tuple[bytes, ...]
    nodes: tuple[bytes, ...]
    root: bytes

    def changed(self, parts: Mapping[int, bytes]) -> "HashTree":
        """Return the tree with other hashes of some parts; only the nodes above them are computed."""
        hashes, nodes = list(self.parts), list(self.nodes)
        for number, part in parts.items():
            hashes[number] = part
        for node in {number // FAN_OUT for number in parts}:
            nodes[node] = _hash_of_node(hashes, node)
        return HashTree(tuple(hashes), tuple(nodes), _hash(_ROOT, nodes))

    def differing(self, other: "HashTree") -> list[int]:
        """Return the numbers of the parts that differ, ascending."""
        return [
            number
            for node in differing(self.nodes, other.nodes)
            for number in range(node * FAN_OUT, (node + 1) * FAN_OUT)
            if self.parts[number] != other.parts[number]
        ]


@dataclass(frozen=True, slots=True)
class Branches:
    """The nodes of a tree, and the hashes of the parts below some of them. The rest of a tree takes no time."""

    nodes: tuple[bytes, ...]
    parts: Mapping[int, tuple[bytes, ...]]
    """Hashes of the parts below a node, by the number of the node."""

    @property
    def root(self) -> bytes:
        return _hash(_ROOT, self.nodes)

    def part(self, number: int) -> bytes:
        """Return the hash of a part. Raises KeyError below a node that is not here."""
        return self.parts[number // FAN_OUT][number % FAN_OUT]

    def changed(self, parts: Mapping[int, bytes]) -> "Branches":
        """Return the branches with other hashes of some parts, and only those nodes that are above them."""
        nodes, below = list(self.nodes), {node: list(self.parts[node]) for node in nodes_above(parts)}
        for number, part in parts.items():
            below[number // FAN_OUT][number % FAN_OUT] = part
        for node, hashes in below.items():
            nodes[node] = _hash(_NODE, hashes)
        return Branches(tuple(nodes), {node: tuple(hashes) for node, hashes in below.items()})

    def differing(self, other: "Branches") -> list[int]:
        """Return the numbers of the parts that differ, ascending. Both need the parts below the nodes that differ."""
        return [
            node * FAN_OUT + at
            for node in differing(self.nodes, other.nodes)
            for at in differing(self.parts[node], other.parts[node])
        ]


def nodes_above(parts: Iterable[int]) -> list[int]:
    """Return the numbers of the nodes above some parts, ascending."""
    return sorted({number // FAN_OUT for number in parts})


def tree_of_hashes(parts: Sequence[bytes]) -> HashTree:
    """Build a tree over the hashes of all parts. Raises BadTree for another number of hashes."""
    if len(parts) != PARTS or any(len(part) != HASH_BYTES for part in parts):
        raise BadTree(f"a tree has {PARTS} hashes of {HASH_BYTES} bytes")
    nodes = [_hash_of_node(parts, node) for node in range(FAN_OUT)]
    return HashTree(tuple(parts), tuple(nodes), _hash(_ROOT, nodes))


def differing(ours: Sequence[bytes], theirs: Sequence[bytes]) -> list[int]:
    """Return the positions at which two lists of hashes differ."""
    return [position for position, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b]


def checked_nodes(root: bytes, received: bytes) -> tuple[bytes, ...]:
    """Split the hashes of the nodes, joined to one text. Raises BadTree if they do not have this root."""
    return _checked(_ROOT, root, received)


def checked_parts(node: bytes, received: bytes) -> tuple[bytes, ...]:
    """Split the hashes of a node's parts, joined to one text. Raises BadTree if they do not have this hash."""
    return _checked(_NODE, node, received)


def _checked(kind: bytes, expected: bytes, received: bytes) -> tuple[bytes, ...]:
    hashes = tuple(received[at : at + HASH_BYTES] for at in range(0, len(received), HASH_BYTES))
    if len(received) != FAN_OUT * HASH_BYTES or _hash(kind, hashes) != expected:
        raise BadTree(f"{len(received)} bytes of hashes do not have the hash {expected.hex()}")
    return hashes


def _hash_of_node(parts: Sequence[bytes], node: int) -> bytes:
    return _hash(_NODE, parts[node * FAN_OUT : (node + 1) * FAN_OUT])


def _hash(kind: bytes, hashes: Iterable[bytes]) -> bytes:
    return blake2b(b"".join(hashes), digest_size=HASH_BYTES, person=kind).digest()
