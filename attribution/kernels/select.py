"""Select the touches that count, in compiled loops over journeys. Pure.

Journeys are in CSR form: the touches of conversion c are `offsets[c]:offsets[c + 1]`, sorted by (ts, precedence,
touch id). Each kernel of this package has three layers: a function that validates and allocates, `_x_range` over
conversions lo to hi, and `_x_one` over one journey. tests/reference/ has a plain twin of each. The next steps are in
rules.py (weights) and allocate.py (amounts).

Kernels are serial. They release the GIL, so threads may process separate ranges, and the number of threads cannot
change a result.
"""

import numpy as np
from numba import njit

from attribution.kernels.checks import Bytes, Ints, check_instants, check_offsets, check_shapes

ELIGIBLE, OTHER_OFFER, AFTER_CONVERSION, OUTSIDE_WINDOW, BOT = 0, 1, 2, 3, 4
"""Codes of `select_touches`; a touch gets the strongest that applies."""

PARTNER_INACTIVE, USED = 5, 6
"""Codes that later steps give to eligible touches."""

_index = np.uintp
"""Unsigned index: skips numba's negative-index check."""


def select_touches(
    offsets: Ints, touch_ts: Ints, is_bot: Bytes, same_offer: Bytes, confirmed: Bytes, conversion_ts: Ints,
    window_us: Ints,
) -> Bytes:  # fmt: skip
    """Return a code (P) for each touch: ELIGIBLE, or the reason why it does not count (docs/contract.md, section 5).

    A touch counts if it has the conversion's offer, is not a bot's, and 0 <= conversion - touch <= window. A touch that
    the conversion confirms (names by its signed id) counts even if it is marked as a bot's or is later than the
    conversion: the holder of the id followed the link earlier, whatever clocks and headers say.

    `offsets` is (C+1), `conversion_ts` (C), the others (P), one per touch. Times and windows are in µs, windows
    inclusive. Raises ValueError for shapes that do not match or a time out of range.
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
    for i in range(_index(start), _index(stop)):
        age = conversion_ts - touch_ts[i]
        # Later assignments win. Branch-free, because window checks are unpredictable.
        code = BOT if is_bot[i] > confirmed[i] else ELIGIBLE
        code = OUTSIDE_WINDOW if age > window_us[i] else code
        code = AFTER_CONVERSION if age < 0 and confirmed[i] == 0 else code
        code = OTHER_OFFER if same_offer[i] == 0 else code
        codes[i] = code
