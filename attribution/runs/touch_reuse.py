"""Reuse of touches by several conversions: unlimited by default, and a run can restrict it. Pure.

`reset`: a touch that counted for one conversion counts for no later one. `consume`: a touch with credit from one
conversion counts for no later one under the same model. Conversions are ordered by (event_ts, conversion_id).
"""

from dataclasses import replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from attribution.core.journeys import Journeys
from attribution.core.weights import NO_FITS, Fits, weigh
from attribution.kernels import select
from attribution.kernels.checks import Bytes, Ints, check_offsets, check_shapes


def waves(offsets: Ints, touch: Ints, order: Ints) -> Ints:
    """Assign each journey (C) to a wave, so that journeys of one wave share no touch and earlier ones are first.

    `touch` (P) numbers the touches from 0; `order` (C) lists the journeys, the earliest first. Wave 0 is computed
    first. Raises ValueError for shapes that do not match.
    """
    check_offsets(offsets, touch.shape[0])
    check_shapes(offsets.shape[0] - 1, order)
    wave_of = np.zeros(order.shape[0], np.int64)
    free_at = np.zeros(int(touch.max(initial=-1)) + 1, np.int64)
    _waves_range(offsets, touch, order, free_at, wave_of)
    return wave_of


@njit(nogil=True, cache=True)
def _waves_range(offsets: Ints, touch: Ints, order: Ints, free_at: Ints, wave_of: Ints) -> None:
    for c in order:
        wave = 0
        for i in range(offsets[c], offsets[c + 1]):
            wave = max(wave, free_at[touch[i]])
        for i in range(offsets[c], offsets[c + 1]):
            free_at[touch[i]] = wave + 1
        wave_of[c] = wave


def used_up(journeys: Journeys, order: Ints, model: str | None, fits: Fits = NO_FITS) -> Journeys:
    """Return the journeys with code USED for touches that an earlier conversion has used.

    With a model, rule `consume` applies; with None, rule `reset`. `order` (C) lists conversions, the earliest first.
    """
    wave_of = waves(journeys.offsets, journeys.touch, order)
    codes, used = journeys.codes.copy(), np.zeros(journeys.touches.ts.shape[0], bool)
    conversion = np.repeat(np.arange(order.shape[0]), np.diff(journeys.offsets))
    for wave in range(int(wave_of.max(initial=-1)) + 1):
        positions = np.flatnonzero(wave_of[conversion] == wave)
        touch = journeys.touch[positions]
        wave_codes = codes[positions]
        wave_codes[(wave_codes == select.ELIGIBLE) & used[touch]] = select.USED
        codes[positions] = wave_codes
        if model is None:
            used[touch[wave_codes == select.ELIGIBLE]] = True
        else:
            used[touch[weigh(model, _take(journeys, wave_of == wave, positions, wave_codes), fits) > 0]] = True
    return replace(journeys, codes=codes)


def _take(journeys: Journeys, chosen: NDArray[np.bool_], positions: Ints, codes: Bytes) -> Journeys:
    """Return the journeys of the chosen conversions; `positions` and `codes` belong to them."""
    offsets = np.concatenate([[0], np.cumsum(np.diff(journeys.offsets)[chosen])]).astype(np.int64)
    return Journeys(
        offsets, journeys.touch[positions], journeys.named[positions], journeys.winner[positions],
        journeys.precedence[positions], journeys.direct[positions],
        codes, journeys.touches,
    )  # fmt: skip
