"""Compiled loops over journeys: which touches count, what they weigh, and how money follows weights. Pure.

Journeys are in CSR form: the touches of conversion c are `offsets[c]:offsets[c + 1]`, sorted by (ts, precedence,
touch id). Each kernel has three layers: a checked function that allocates, `_x_range` over conversions lo to hi,
and `_x_one` over one journey. tests/reference/ has the plain twin of each. Here is the first step; rules that
weigh are in kernels_rules.py, money in kernels_money.py, whole shards in kernels_scan.py and kernels_runs.py.

Serial on purpose: they release the GIL, so threads may take a range each, and no thread count can change a
result.
"""

import numpy as np
from numba import njit

from attribution.kernels.allocate import allocate
from attribution.kernels.checks import Bytes, Ints, Overflow, check_instants, check_offsets, check_shapes

ELIGIBLE, OTHER_OFFER, AFTER_CONVERSION, OUTSIDE_WINDOW, BOT = 0, 1, 2, 3, 4
"""What `select_touches` says of a touch; the first that applies."""

PARTNER_INACTIVE, USED = 5, 6
"""What may be said of a touch that would count otherwise."""

_place = np.uintp
"""Type of loop variables: numba spares an unsigned index the question whether it counts from the end."""


def select_touches(
    offsets: Ints, touch_ts: Ints, is_bot: Bytes, same_offer: Bytes, confirmed: Bytes, conversion_ts: Ints,
    window_us: Ints,
) -> Bytes:  # fmt: skip
    """Why each touch does not count, or ELIGIBLE (contract 5).

    A touch counts if it is of the conversion's offer, not a bot's, and 0 <= conversion - touch <= window. A touch that
    the conversion confirms (names by its signed id) is never a bot's and never after it: whoever holds the id followed
    the link before, whatever clocks and headers say.
    `offsets` (C+1), `conversion_ts` (C), the others (P), one per touch; instants and windows in µs, windows
    inclusive. Returns (P) codes. Raises ValueError if shapes do not fit or an instant is out of range.
    """
    check_offsets(offsets, touch_ts.shape[0])
    check_shapes(touch_ts.shape[0], is_bot, same_offer, confirmed, window_us)
    check_shapes(offsets.shape[0] - 1, conversion_ts)
    check_shapes(touch_ts.shape[0], touch_ts)
    check_instants(touch_ts, conversion_ts, window_us)
    codes = np.empty(touch_ts.shape[0], np.uint8)
    _select_touches_range(
        0, conversion_ts.shape[0], offsets, touch_ts, is_bot, same_offer, confirmed, conversion_ts, window_us, codes
    )
    return codes


@njit(nogil=True, cache=True)
def _select_touches_range(
    lo: int, hi: int, offsets: Ints, touch_ts: Ints, is_bot: Bytes, same_offer: Bytes, confirmed: Bytes,
    conversion_ts: Ints, window_us: Ints, codes: Bytes,
) -> None:  # fmt: skip
    for c in range(lo, hi):
        _select_touches_one(
            offsets[c], offsets[c + 1], touch_ts, is_bot, same_offer, confirmed, conversion_ts[c], window_us, codes
        )


@njit(nogil=True, cache=True, inline="always")
def _select_touches_one(
    start: int, stop: int, touch_ts: Ints, is_bot: Bytes, same_offer: Bytes, confirmed: Bytes, conversion_ts: int,
    window_us: Ints, codes: Bytes,
) -> None:  # fmt: skip
    for i in range(_place(start), _place(stop)):
        age = conversion_ts - touch_ts[i]
        # From the weakest word to the strongest, without branches: windows are too irregular to be guessed.
        code = BOT if is_bot[i] > confirmed[i] else ELIGIBLE
        code = OUTSIDE_WINDOW if age > window_us[i] else code
        code = AFTER_CONVERSION if age < 0 and confirmed[i] == 0 else code
        code = OTHER_OFFER if same_offer[i] == 0 else code
        codes[i] = code


__all__ = [
    "AFTER_CONVERSION", "BOT", "ELIGIBLE", "OTHER_OFFER", "OUTSIDE_WINDOW", "PARTNER_INACTIVE", "USED",
    "Bytes", "Ints", "Overflow", "allocate", "select_touches",
]  # fmt: skip
