"""Which identities are one person's: a map by union-find, with a version that names what it was made of. Pure.

Edges are pairs of identities that one touch had at once, such as its visitor and its user. A map is as of a time
because its edges are; the same edges in any order make the same map and version.
"""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numba import njit
from numpy.typing import NDArray

from attribution.kernels.checks import Ints

Hashes = NDArray[np.uint64]

MEMBERS_MAX = 1_000
"""Identities of one person; more are a shared device or a test account, and are left as they are."""


@dataclass(frozen=True, slots=True)
class IdentityMap:
    """Identities (M), sorted, and the canonical one of each: the smallest of its person.

    `version` is 32 hex digits of the edges that the map was made of; empty for the map of nobody.
    """

    identity: Hashes
    canonical: Hashes
    version: str = ""

    @classmethod
    def from_edges(cls, edges: Hashes, members_max: int = MEMBERS_MAX) -> "IdentityMap":
        """The map of edges (E, 2). Raises ValueError for another shape, or an identity of 0, which is nobody's."""
        if edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype != np.uint64:
            raise ValueError("edges are pairs of uint64")
        if edges.size and int(edges.min()) == 0:
            raise ValueError("0 is nobody's identity and joins nothing")
        if not edges.size:
            return NOBODY
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
        """The canonical identity of each; those that the map does not know stay as they are."""
        if not self.identity.size:
            return identities
        at = np.minimum(np.searchsorted(self.identity, identities), self.identity.shape[0] - 1)
        return np.where(self.identity[at] == identities, self.canonical[at], identities)

    def members(self, identities: Hashes) -> Hashes:
        """All identities of the persons who have any of these, sorted."""
        wanted = self.canonical_of(identities)
        return np.unique(np.concatenate([wanted, self.identity[np.isin(self.canonical, wanted)]]))


NOBODY = IdentityMap(np.zeros(0, np.uint64), np.zeros(0, np.uint64))
"""The map that stitches nothing."""


def stitch(left: Ints, right: Ints, count: int) -> Ints:
    """The smallest member of each node's component (count): union-find over the edges (E) of nodes from 0.

    Raises ValueError for an edge to a node that there is not.
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
        # The smaller one stays root, so that the result is the smallest whatever the order of edges.
        parent[max(a, b)] = min(a, b)
    for node in range(parent.shape[0]):
        parent[node] = parent[parent[node]]  # a root is smaller than its members, so theirs is final


@njit(nogil=True, cache=True)
def _stitch_root(node: int, parent: Ints) -> int:
    """The root, halving the path on the way."""
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node
