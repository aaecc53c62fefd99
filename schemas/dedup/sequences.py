"""Which records of a partition came before: the sequences seen of each origin, as a handful of ranges. Pure.

A log whose producers send again after a lost answer holds some records twice. Every reader drops the second one,
and as all fold the same records in the same order, all drop the same ones (eventlog/port.py, `Mark`).
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
        """Whether the number is new; it is in afterwards."""
        return self.add_run(number, number)

    def add_run(self, first: int, last: int) -> bool:
        """Add `first` to `last`, inclusive, if none of them is in; else add nothing and return False."""
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
        """Add what is not in yet of `first` to `last`, inclusive; no range may begin after `first`."""
        if self._firsts and self._lasts[-1] >= first:
            first = self._lasts[-1] + 1
        if first <= last:
            self.add_run(first, last)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number)
        return at > 0 and self._lasts[at - 1] >= number

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """(first, last) of each range, ascending."""
        return iter(zip(self._firsts, self._lasts, strict=True))

    def __len__(self) -> int:
        """How many ranges there are."""
        return len(self._firsts)


class Repeats:
    """The sequences seen in one partition, by origin."""

    def __init__(self, seen: Iterable[tuple[bytes, int, int]] = ()) -> None:
        """`seen`: (origin, first, last) as stored, in any order; what stands there twice counts once."""
        self._origins: dict[bytes, Ranges] = {}
        for origin, first, last in sorted(seen):
            self.of(origin).cover(first, last)

    def of(self, origin: bytes) -> Ranges:
        """The sequences of one origin; a new set when none came before."""
        found = self._origins.get(origin)
        if found is None:
            found = self._origins[origin] = Ranges()
        return found

    def add(self, origin: bytes, sequence: int) -> bool:
        """Whether the record is new; False for a repeat."""
        return self.of(origin).add(sequence)

    def __iter__(self) -> Iterator[tuple[bytes, int, int]]:
        """(origin, first, last) of every range, by origin and sequence."""
        for origin in sorted(self._origins):
            for first, last in self._origins[origin]:
                yield origin, first, last
