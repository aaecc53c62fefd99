"""Confidence intervals of shares by the infinitesimal jackknife. Pure.

A path that converted n times and did not m times is n + m observations. The share's derivative by an observation's
weight is its influence U, and the variance of the share is Σ U² (Jaeckel 1972; Efron 1982): the limit of a bootstrap
that resamples journeys, without sampling.
"""

import numpy as np
from numba import njit

from attribution.paths.markov import Chain, Removal
from attribution.paths.path_table import Floats, PathTable
from attribution.paths.tokenize import Codes, Ints

Z_95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""

_ROUNDING = 1e-13


def interval(shares: Floats, errors: Floats) -> tuple[Floats, Floats]:
    """Return 95 % intervals, clipped to the range of a share."""
    low, high = shares - Z_95 * errors, shares + Z_95 * errors
    return np.clip(low, np.minimum(shares, 0.0), 1.0), np.clip(high, 0.0, np.maximum(shares, 1.0))


def rule_errors(shares: Floats, squares: Floats, total: float) -> Floats:
    """Return standard errors of a rule's shares; a channel's share is the mean of its shares w of conversions.

    U = (w - share) / total, so that Σ U² = (Σ w² - total × share²) / total².
    """
    if total <= 0:
        return np.full(shares.shape[0], np.nan)
    spread = squares - total * shares**2
    # The difference of equal terms is rounding noise; its root would be an error of 10^-8 instead of 0.
    spread[spread < _ROUNDING * squares] = 0.0
    return np.sqrt(spread) / total


def markov_errors(table: PathTable, chain: Chain, removal: Removal, total: float, unattributed: float) -> Floats:
    """Return standard errors of the shares of markov (C+1); the last one is that of paths without touches.

    `total` and `unattributed` count conversions. `removal` has details. A channel's share is its removal effect
    over their sum, times the part of the conversions that has touches.
    """
    effects = removal.effects
    if not np.isfinite(effects).all() or effects.sum() <= 0 or total <= 0:
        return np.full(effects.shape[0] + 1, np.nan)
    touched = (total - unattributed) / total
    gains, values = _gradients(chain, removal)
    sums = np.zeros(effects.shape[0])
    _influence_range(
        0, table.offsets.shape[0] - 1, table.offsets, chain.states.codes, table.conversions, table.nulls, gains,
        values, effects, touched, total, np.empty(effects.shape[0] + 1), sums,
    )  # fmt: skip
    rest = np.sqrt(max(touched * (1 - touched), 0.0) / total)
    return np.append(np.sqrt(sums), rest)


def _gradients(chain: Chain, removal: Removal) -> tuple[Floats, Floats]:
    """Return the factors of a move's effect on removal effects: a → b adds gains[a] × (values[b] - values[a]).

    From dB = Σ visits[a] / count[a] × (value[b] - value[a]) for the whole chain, its last column, and for each
    chain without a channel; an effect is 1 - B_without / B.
    """
    assert removal.without is not None
    visits, values = removal.without
    counts = chain.counts.sum(axis=1)
    per_move = np.divide(1.0, counts, out=np.zeros_like(counts), where=counts > 0)
    whole = removal.conversion
    gains = np.column_stack([-visits * per_move[:, None] / whole, removal.visits * per_move / whole])
    return np.ascontiguousarray(gains), np.ascontiguousarray(np.column_stack([values, removal.values]))


@njit(nogil=True, cache=True, error_model="numpy")
def _influence_range(
    lo: int, hi: int, offsets: Ints, states: Codes, conversions: Floats, nulls: Floats, gains: Floats,
    values: Floats, effects: Floats, touched: float, total: float, moved: Floats, sums: Floats,
) -> None:  # fmt: skip
    """Add Σ U² of the shares of paths lo to hi to `sums`. The rows of `gains` and `values` are states."""
    channels, start = effects.shape[0], gains.shape[0] - 1
    effects_sum = 0.0
    for k in range(channels):
        effects_sum += effects[k]
    for j in range(lo, hi):
        if conversions[j] == 0.0 and nulls[j] == 0.0:
            continue
        for k in range(channels + 1):
            moved[k] = 0.0
        before = start
        for i in range(offsets[j], offsets[j + 1]):
            state = int(states[i])
            if state != before:
                for k in range(channels + 1):
                    moved[k] += gains[before, k] * (values[state, k] - values[before, k])
                before = state
        for end in range(2):  # converted, and not
            weight = conversions[j] if end == 0 else nulls[j]
            if weight == 0.0:
                continue
            last = start + 1 + end
            whole = moved[channels] + gains[before, channels] * (values[last, channels] - values[before, channels])
            of_sum = 0.0
            for k in range(channels):
                of_effect = moved[k] + gains[before, k] * (values[last, k] - values[before, k])
                of_sum += of_effect + (1.0 - effects[k]) * whole
            of_touched = 0.0 if end == 1 else ((1.0 if before != start else 0.0) - touched) / total
            for k in range(channels):
                of_effect = moved[k] + gains[before, k] * (values[last, k] - values[before, k])
                of_effect += (1.0 - effects[k]) * whole
                share = effects[k] / effects_sum
                influence = touched * (of_effect - share * of_sum) / effects_sum + share * of_touched
                sums[k] += weight * influence * influence
