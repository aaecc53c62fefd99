"""Routes after an answer of the control plane: whole, and checked against their root. Pure."""

from collections.abc import Callable, Mapping, Sequence

from program.hash_tree import FAN_OUT, BadTree, checked_nodes, checked_parts, differing, tree_of_hashes
from program.routes_tree import RoutesTree

Find = Callable[[Sequence[bytes]], Mapping[bytes, bytes]]
"""Returns contents by their hash."""


def routes_after(before: RoutesTree, root: bytes, find: Find) -> RoutesTree:
    """Return the tree with this root; only what differs from `before` is asked for. Raises BadTree."""
    if before.root == root:
        return before
    nodes = checked_nodes(root, find([root])[root])
    numbers = differing(before.hashes.nodes, nodes)
    lists = find([nodes[number] for number in numbers])
    hashes = list(before.hashes.parts)
    for number in numbers:
        hashes[number * FAN_OUT : (number + 1) * FAN_OUT] = checked_parts(nodes[number], lists[nodes[number]])
    tree = tree_of_hashes(hashes)
    if tree.root != root:
        raise BadTree(f"the hashes have the root {tree.root.hex()}, not {root.hex()}")
    changed = before.hashes.differing(tree)
    parts = find([tree.parts[number] for number in changed])
    return before.received({number: parts[tree.parts[number]] for number in changed}, tree)
