"""Sequences of appends already seen in a partition, kept per origin as a few ranges. Pure.

A log whose producers retry after a lost answer holds some records twice. Every consumer drops the second copy. All
consumers process the same records in the same order, so they drop the same ones (eventlog/port.py, `AppendId`).
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator


class Ranges:
    """A set of integers as sorted closed ranges that neither overlap nor touch."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def add(self, number: int) -> bool:
        """Add the number; return whether it is new."""
        return self.add_run(number, number)

    def add_run(self, first: int, last: int) -> bool:
        """Add `first` to `last`, inclusive, if none of them is in the set; otherwise add nothing and return False."""
        firsts, lasts = self._firsts, self._lasts
        at = len(firsts) if not firsts or first > lasts[-1] else bisect_right(firsts, first)
        if (at and lasts[at - 1] >= first) or (at < len(firsts) and firsts[at] <= last):
            return False
        joins_before = at > 0 and lasts[at - 1] == first - 1
        joins_after = at < len(firsts) and firsts[at] == last + 1
        if joins_before and joins_after:
            lasts[at - 1] = lasts.pop(at)
            firsts.pop(at)
        elif joins_before:
            lasts[at - 1] = last
        elif joins_after:
            firsts[at] = first
        else:
            firsts.insert(at, first)
            lasts.insert(at, last)
        return True

    def cover(self, first: int, last: int) -> None:
        """Add `first` to `last`, inclusive, except numbers already in the set; no range may begin after `first`."""
        if self._firsts and self._lasts[-1] >= first:
            first = self._lasts[-1] + 1
        if first <= last:
            self.add_run(first, last)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number)
        return at > 0 and self._lasts[at - 1] >= number

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield (first, last) of each range, ascending."""
        return iter(zip(self._firsts, self._lasts, strict=True))

    def __len__(self) -> int:
        """Return the number of ranges."""
        return len(self._firsts)


class Repeats:
    """Sequences seen in one partition, by origin."""

    def __init__(self, seen: Iterable[tuple[bytes, int, int]] = ()) -> None:
        """Take `seen` as stored: (origin, first, last) in any order; duplicates are ignored."""
        self._origins: dict[bytes, Ranges] = {}
        for origin, first, last in sorted(seen):
            self.of(origin).cover(first, last)

    def of(self, origin: bytes) -> Ranges:
        """Return the sequences of one origin; add an empty set for a new origin."""
        found = self._origins.get(origin)
        if found is None:
            found = self._origins[origin] = Ranges()
        return found

    def add(self, origin: bytes, sequence: int) -> bool:
        """Add a sequence; return whether it is new, so False means a repeat."""
        return self.of(origin).add(sequence)

    def __iter__(self) -> Iterator[tuple[bytes, int, int]]:
        """Yield (origin, first, last) of every range, sorted by origin and sequence."""
        for origin in sorted(self._origins):
            for first, last in self._origins[origin]:
                yield origin, first, last
