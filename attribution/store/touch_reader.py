"""Read the touches that a batch of conversions may be credited to."""

import numpy as np

from attribution.core.credits import ConversionCase, to_columns
from attribution.core.journeys import TouchRows, linked, pending_touches
from attribution.store.reads import Reads
from schemas.values.click_id import facts_of


class TouchReader:
    """Reads candidate touches by identity, named click and named line."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def touches_of(self, cases: list[ConversionCase], *, wider: bool = False) -> tuple[TouchRows, dict[int, int]]:
        """Return all candidate touches of the cases in two reads: named and own ones, then those of linked identities.

        With `wider`, also read one window length before and after: those never count, but explain shows them.
        """
        if not cases:
            return TouchRows.from_rows([]), {}
        conversions = to_columns(cases)
        own, oversized = self._own_touches(cases)
        longest_us = int(conversions.window_us.max())
        more_us = longest_us if wider else 0
        first_us = int(conversions.event_ts.min()) - longest_us - more_us
        last_us = int(conversions.event_ts.max()) + more_us
        people = np.unique(conversions.identity[(conversions.names == 0) & (conversions.identity != 0)])
        of_people, more_oversized = self._reads.touches_of(people, first_us, last_us)
        oversized |= more_oversized
        own = own.concat(of_people).concat(pending_touches(conversions, own))
        more, more_oversized = self._reads.touches_of(np.setdiff1d(linked(conversions, own), people), first_us, last_us)
        return own.concat(more), oversized | more_oversized

    def _own_touches(self, cases: list[ConversionCase]) -> tuple[TouchRows, dict[int, int]]:
        """Return the touches that the cases name, by token and by the sender's line id."""
        conversions = to_columns(cases)
        by_token = (conversions.names == 1) & (conversions.token != b"")
        by_ref = (conversions.names == 1) & (conversions.token == b"")
        token_ts_us = [facts_of(bytes(token).ljust(27, b"\0")).ts_ms * 1000 for token in conversions.token[by_token]]
        tokens = self._reads.touches_of_tokens(np.unique(conversions.identity[by_token]), token_ts_us)
        refs, oversized = self._reads.touches_of(np.unique(conversions.identity[by_ref]))
        return tokens.concat(refs), oversized
