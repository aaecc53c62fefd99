"""Read the touches that a batch of conversions may be credited to."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from attribution.core.credits import ConversionCase, to_columns
from attribution.core.journeys import ConversionColumns, Hashes, TouchRows, linked, pending_touches
from attribution.store.touch_table import range_of_tokens
from schemas.values.click_id import facts_of


class TouchSource(Protocol):
    """A source of touches by identity: the table, or the table with stitched persons."""

    def touches_of(
        self, identities: Hashes, from_us: int | None = None, to_us: int | None = None
    ) -> tuple[TouchRows, dict[int, int]]:
        """Return touches with these identities in [from, to], and the oversized identities, whose rows are left out."""
        ...


class TouchReader:
    """Reads candidate touches by identity, named click and named line."""

    def __init__(self, source: TouchSource) -> None:
        self._source = source

    def candidates(self, cases: list[ConversionCase], *, wider: bool = False) -> tuple[TouchRows, dict[int, int]]:
        """Return all candidate touches of the cases in two reads: named and own ones, then those of linked identities.

        With `wider`, also read one window length before and after: those never count, but explain shows them.
        The second value holds the oversized identities, whose touches are left out.
        """
        if not cases:
            return TouchRows.from_rows([]), {}
        conversions = to_columns(cases)
        touches, oversized = self._named_touches(conversions)
        longest_us = int(conversions.window_us.max())
        more_us = longest_us if wider else 0
        first_us = int(conversions.event_ts.min()) - longest_us - more_us
        last_us = int(conversions.event_ts.max()) + more_us
        people = np.unique(conversions.identity[(conversions.names == 0) & (conversions.identity != 0)])
        of_people, more_oversized = self._source.touches_of(people, first_us, last_us)
        oversized |= more_oversized
        touches = touches.concat(of_people).concat(pending_touches(conversions, touches))
        linked_identities = np.setdiff1d(linked(conversions, touches), people)
        of_linked, more_oversized = self._source.touches_of(linked_identities, first_us, last_us)
        return touches.concat(of_linked), oversized | more_oversized

    def _named_touches(self, conversions: ConversionColumns) -> tuple[TouchRows, dict[int, int]]:
        """Return the touches that the conversions name, by token and by the sender's line id."""
        by_token = (conversions.names == 1) & (conversions.token != b"")
        by_ref = (conversions.names == 1) & (conversions.token == b"")
        by_line, oversized = self._source.touches_of(np.unique(conversions.identity[by_ref]))
        return self._touches_of_tokens(conversions, by_token).concat(by_line), oversized

    def _touches_of_tokens(self, conversions: ConversionColumns, by_token: NDArray[np.bool_]) -> TouchRows:
        """Return touches with these tokens' identities. The tokens' times limit the range that is read."""
        identities = np.unique(conversions.identity[by_token])
        if not len(identities):
            return TouchRows.from_rows([])
        tokens = conversions.token[by_token]
        token_ts_us = [facts_of(bytes(token).ljust(27, b"\0")).ts_ms * 1000 for token in tokens]
        return self._source.touches_of(identities, *range_of_tokens(token_ts_us))[0]
