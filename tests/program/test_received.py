"""A tree is received by what differs, whole, and only if everything has its hash."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from program.entries import Link
from program.hash_tree import FAN_OUT, BadTree
from program.received import routes_after
from program.routes import NO_ROUTES
from program.routes_tree import RoutesChange, RoutesTree, tree_of

_CODES = st.dictionaries(st.text("abcXYZ", min_size=1, max_size=3), st.integers(1, 3), max_size=30)


def contents_of(tree: RoutesTree) -> dict[bytes, bytes]:
    """Return everything that a tree consists of, by its hash."""
    hashes = tree.hashes
    found = {tree.root: b"".join(hashes.nodes)}
    for number, node in enumerate(hashes.nodes):
        found[node] = b"".join(hashes.parts[number * FAN_OUT : (number + 1) * FAN_OUT])
    return found | {digest: tree.encoded(number) for number, digest in enumerate(hashes.parts)}


def tree_with(codes: Mapping[str, int]) -> RoutesTree:
    return tree_of(NO_ROUTES).changed(RoutesChange({code: Link(code, 1, number) for code, number in codes.items()}))


@given(_CODES, _CODES)
def test_any_tree_becomes_any_other_by_what_differs(old: dict[str, int], new: dict[str, int]) -> None:
    before, after = tree_with(old), tree_with(new)
    there, asked = contents_of(after), list[bytes]()

    def find(hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        asked.extend(hashes)
        return {digest: there[digest] for digest in hashes}

    found = routes_after(before, after.root, find)
    assert found.root == after.root and found.parts == after.parts
    changed = len(before.hashes.differing(after.hashes))
    assert len(asked) <= 1 + 2 * changed if changed else not asked


@pytest.mark.parametrize("what", ["root", "node", "part"])
def test_a_content_that_is_not_its_hash_is_refused(what: str) -> None:
    before, after = tree_with({"a": 1}), tree_with({"a": 1, "b": 2})
    there = contents_of(after)
    [number] = before.hashes.differing(after.hashes)
    digest = {
        "root": after.root, "node": after.hashes.nodes[number // FAN_OUT], "part": after.hashes.parts[number],
    }[what]  # fmt: skip
    there[digest] = there[digest][:-1] + bytes([there[digest][-1] ^ 1])
    with pytest.raises(BadTree):
        routes_after(before, after.root, lambda hashes: {digest: there[digest] for digest in hashes})
