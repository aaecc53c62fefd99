"""Timeline of published terms: which terms a conversion is priced under when it is first credited. Pure."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple


class TermsFrom(NamedTuple):
    """Hash of terms, and the time from which they count, in µs since 1970."""

    from_us: int
    hash: str


class Timeline:
    """All terms in the order of their time. Equal entries give equal choices, in whatever order they were heard of."""

    __slots__ = ("_times_us", "entries")

    def __init__(self, entries: Iterable[TermsFrom] = ()) -> None:
        self.entries = tuple(sorted(set(entries)))
        self._times_us = [entry.from_us for entry in self.entries]

    def at(self, ts_us: int) -> str:
        """Return the hash of the last terms that count at that time; of the first ones for a time before all.

        Raises LookupError without any terms.
        """
        if not self.entries:
            raise LookupError("there are no terms yet")
        return self.entries[max(0, bisect_right(self._times_us, ts_us) - 1)].hash

    def plus(self, entries: Iterable[TermsFrom]) -> "Timeline":
        """Return the timeline with further entries."""
        return Timeline((*self.entries, *entries))
