"""May one touch count for several conversions? By default it may; a run can be told to use touches up. Pure.

`reset`: a touch that counted for a conversion counts for no later one. `consume`: one that had a part of it counts
for no later one under the same model; the others stay. Later means (event_ts, conversion_id).
"""

from dataclasses import replace

import numpy as np
from numba import njit

from attribution.core.journeys import Journeys
from attribution.core.weights import NO_FITS, Fits, weigh
from attribution.kernels import select
from attribution.kernels.checks import Ints, check_offsets, check_shapes


def waves(offsets: Ints, touch: Ints, order: Ints) -> Ints:
    """When to work each journey (C), so that no two that share a touch are worked at once, and earlier ones first.

    `touch` (P) numbers the touches from 0, `order` (C) lists the journeys, the earliest first. Wave 0 is worked
    first. Raises ValueError for shapes that do not fit.
    """
    check_offsets(offsets, touch.shape[0])
    check_shapes(offsets.shape[0] - 1, order)
    found = np.zeros(order.shape[0], np.int64)
    free_at = np.zeros(int(touch.max(initial=-1)) + 1, np.int64)
    _waves_range(offsets, touch, order, free_at, found)
    return found


@njit(nogil=True, cache=True)
def _waves_range(offsets: Ints, touch: Ints, order: Ints, free_at: Ints, found: Ints) -> None:
    for c in order:
        wave = 0
        for i in range(offsets[c], offsets[c + 1]):
            wave = max(wave, free_at[touch[i]])
        for i in range(offsets[c], offsets[c + 1]):
            free_at[touch[i]] = wave + 1
        found[c] = wave


def used_up(journeys: Journeys, order: Ints, model: str | None, fits: Fits = NO_FITS) -> Journeys:
    """The journeys with USED where an earlier conversion has used a touch up.

    By `consume` under the model; by `reset` if the model is None. `order` (C) lists conversions, the earliest first.
    """
    wave_of = waves(journeys.offsets, journeys.touch, order)
    codes, used = journeys.codes.copy(), np.zeros(journeys.touches.ts.shape[0], bool)
    conversion = np.repeat(np.arange(order.shape[0]), np.diff(journeys.offsets))
    for wave in range(int(wave_of.max(initial=-1)) + 1):
        places = np.flatnonzero(wave_of[conversion] == wave)
        touch = journeys.touch[places]
        mine = codes[places]
        mine[(mine == select.ELIGIBLE) & used[touch]] = select.USED
        codes[places] = mine
        if model is None:
            used[touch[mine == select.ELIGIBLE]] = True
        else:
            used[touch[weigh(model, _at(journeys, wave_of == wave, places, mine), fits) > 0]] = True
    return replace(journeys, codes=codes)


def _at(journeys: Journeys, chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], places: Ints, codes: select.Bytes
        ) -> Journeys:  # fmt: skip
    """The chosen conversions' journeys alone; `places` and `codes` are theirs."""
    offsets = np.concatenate([[0], np.cumsum(np.diff(journeys.offsets)[chosen])]).astype(np.int64)
    return Journeys(
        offsets, journeys.touch[places], journeys.named[places], journeys.winner[places],
        journeys.precedence[places], journeys.direct[places],
        codes, journeys.touches,
    )  # fmt: skip
