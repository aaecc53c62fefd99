"""Read the touches that a batch of conversions may be credited to."""

import numpy as np

from attribution.core.credits import Case, asked_of
from attribution.core.journeys import TouchRows, linked, pending_touches
from attribution.store.reads import Reads
from schemas.values.click_id import facts_of


class TouchReader:
    """Reads candidate touches by identity, named click and named line."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def touches_of(self, cases: list[Case], *, wider: bool = False) -> tuple[TouchRows, dict[int, int]]:
        """Return all candidate touches of the cases in two reads: named and own ones, then those of linked identities.

        With `wider`, also read one window length before and after: those never count, but explain shows them.
        """
        if not cases:
            return TouchRows.of([]), {}
        asked = asked_of(cases)
        own, crowded = self._own_touches(cases)
        longest_us = int(asked.window_us.max())
        more_us = longest_us if wider else 0
        first_us, last_us = int(asked.event_ts.min()) - longest_us - more_us, int(asked.event_ts.max()) + more_us
        people = np.unique(asked.identity[(asked.names == 0) & (asked.identity != 0)])
        of_people, crowds = self._reads.touches_of(people, first_us, last_us)
        crowded |= crowds
        own = own.also(of_people).also(pending_touches(asked, own))
        more, crowds = self._reads.touches_of(np.setdiff1d(linked(asked, own), people), first_us, last_us)
        return own.also(more), crowded | crowds

    def _own_touches(self, cases: list[Case]) -> tuple[TouchRows, dict[int, int]]:
        """Return the touches that the cases name, by token and by the sender's line id."""
        asked = asked_of(cases)
        by_token = (asked.names == 1) & (asked.token != b"")
        by_ref = (asked.names == 1) & (asked.token == b"")
        token_ts_us = [facts_of(bytes(token).ljust(27, b"\0")).ts_ms * 1000 for token in asked.token[by_token]]
        tokens = self._reads.touches_of_tokens(np.unique(asked.identity[by_token]), token_ts_us)
        refs, crowded = self._reads.touches_of(np.unique(asked.identity[by_ref]))
        return tokens.also(refs), crowded
