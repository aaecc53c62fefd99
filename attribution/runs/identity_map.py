"""Map identities to persons by union-find over the pairs of identities of each touch. Pure.

Edges are pairs of identities that occur in one touch, its visitor and its user. The version of a map is a hash of its
edges: the same edges in any order make the same map and version.
"""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numba import njit
from numpy.typing import NDArray

from attribution.kernels.checks import Ints

Hashes = NDArray[np.uint64]

MEMBERS_MAX = 1_000
"""Maximum identities of one person. A larger group is a shared device or a test account and is not joined."""


@dataclass(frozen=True, slots=True)
class IdentityMap:
    """Identities (M), sorted, and the canonical identity of each: the smallest of its person.

    `version` is a hash of the edges, 32 hex digits; empty for the empty map.
    """

    identity: Hashes
    canonical: Hashes
    version: str = ""

    @classmethod
    def from_edges(cls, edges: Hashes, members_max: int = MEMBERS_MAX) -> "IdentityMap":
        """Build the map from edges (E, 2). Raises ValueError for another shape, or for identity 0."""
        if edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype != np.uint64:
            raise ValueError("edges are pairs of uint64")
        if edges.size and int(edges.min()) == 0:
            raise ValueError("0 is not an identity and joins nothing")
        if not edges.size:
            return EMPTY_MAP
        distinct = np.unique(np.sort(edges, axis=1), axis=0)
        identity, where = np.unique(distinct, return_inverse=True)
        pairs = where.reshape(-1, 2).astype(np.int64)
        roots = stitch(pairs[:, 0].copy(), pairs[:, 1].copy(), identity.shape[0])
        oversized = np.bincount(roots, minlength=identity.shape[0])[roots] > members_max
        roots[oversized] = np.flatnonzero(oversized)
        digest = blake2b(np.ascontiguousarray(distinct, "<u8").tobytes(), digest_size=16)
        digest.update(members_max.to_bytes(8, "little"))
        return cls(identity, identity[roots], digest.hexdigest())

    def canonical_of(self, identities: Hashes) -> Hashes:
        """Return the canonical identity of each. Identities that are not in the map stay unchanged."""
        if not self.identity.size:
            return identities
        index = np.minimum(np.searchsorted(self.identity, identities), self.identity.shape[0] - 1)
        return np.where(self.identity[index] == identities, self.canonical[index], identities)

    def members(self, identities: Hashes) -> Hashes:
        """Return all identities of the persons who have any of these, sorted."""
        wanted = self.canonical_of(identities)
        return np.unique(np.concatenate([wanted, self.identity[np.isin(self.canonical, wanted)]]))


EMPTY_MAP = IdentityMap(np.zeros(0, np.uint64), np.zeros(0, np.uint64))
"""The empty map, which joins nothing."""


def stitch(left: Ints, right: Ints, count: int) -> Ints:
    """Return the smallest member of each node's component (count), by union-find over edges (E) of nodes from 0.

    Raises ValueError for an edge to a node outside the range.
    """
    if left.shape != right.shape or left.ndim != 1:
        raise ValueError("edges are two flat arrays of one length")
    for nodes in (left, right):
        if nodes.size and (int(nodes.min()) < 0 or int(nodes.max()) >= count):
            raise ValueError(f"nodes are 0 to {count - 1}")
    parent = np.arange(count, dtype=np.int64)
    _stitch_range(left, right, parent)
    return parent


@njit(nogil=True, cache=True)
def _stitch_range(left: Ints, right: Ints, parent: Ints) -> None:
    for e in range(left.shape[0]):
        a, b = _stitch_root(left[e], parent), _stitch_root(right[e], parent)
        # The smaller node stays root, so the result does not depend on the order of edges.
        parent[max(a, b)] = min(a, b)
    for node in range(parent.shape[0]):
        parent[node] = parent[parent[node]]  # a root is smaller than its members, so theirs is final


@njit(nogil=True, cache=True)
def _stitch_root(node: int, parent: Ints) -> int:
    """Return the root, and halve the path to it."""
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node
