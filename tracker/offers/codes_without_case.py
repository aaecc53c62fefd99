"""Links of a published program by their code in lower case, kept up to date from one version to the next.

Only codes with capital letters are in the index: the tree itself finds the others.
"""

from program.entries import Link
from program.hash_tree import PARTS
from program.routes_tree import RoutesTree


class CodesWithoutCase:
    """Index of codes with capital letters. Built at the first unknown code, then changed by the parts that differ."""

    __slots__ = ("_codes", "_tree")

    def __init__(self) -> None:
        self._tree: RoutesTree | None = None
        self._codes: dict[str, tuple[str, ...]] = {}

    def find(self, tree: RoutesTree, lower: str) -> Link | None:
        """Return the only link of the tree whose code is `lower` without regard to case."""
        self._follow(tree)
        codes = self._codes.get(lower, ())
        if tree.link(lower) is not None:
            codes = (*codes, lower)
        return tree.link(codes[0]) if len(codes) == 1 else None

    def _follow(self, tree: RoutesTree) -> None:
        before = self._tree
        if before is tree:
            return
        numbers = range(PARTS) if before is None else before.hashes.differing(tree.hashes)
        for number in numbers:
            old = before.parts[number].links.keys() if before is not None else frozenset()
            new = tree.parts[number].links.keys()
            for code in old - new:
                self._remove(code)
            for code in new - old:
                self._add(code)
        self._tree = tree

    def _add(self, code: str) -> None:
        lower = code.lower()
        if lower != code:
            self._codes[lower] = (*self._codes.get(lower, ()), code)

    def _remove(self, code: str) -> None:
        lower = code.lower()
        if lower == code:
            return
        rest = tuple(other for other in self._codes[lower] if other != code)
        if rest:
            self._codes[lower] = rest
        else:
            del self._codes[lower]
