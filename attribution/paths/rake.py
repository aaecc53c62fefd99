"""Credits of each converting path whose totals follow given shares, by iterative proportional fitting. Pure.

A removal effect measures the worth of a channel for the whole program, not for one conversion. Here each path splits
its conversions among its own channels by their weights, and the weights are adjusted until the totals match the given
shares (Deming and Stephan 1940). An exact match is not always possible: a channel that converts alone keeps all of
those conversions. The remaining difference is the gap.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from attribution.paths.path_table import Floats
from attribution.paths.shapley import Coalitions
from attribution.paths.tokenize import Ints

GAP_MIN = 1e-12
SWEEPS_MAX = 1_000


@dataclass(frozen=True)
class Raked:
    """Weights (C) by which the distinct channels of a path split it, and the resulting totals."""

    weights: Floats
    conversions: Floats
    values: Floats
    gap: float
    """Half of Σ |share - given share|: the part of these conversions that differs from the given shares."""
    sweeps: int


def in_order(coalitions: Coalitions, values: Floats) -> tuple[Coalitions, Floats]:
    """Sort coalitions and their values, so that sums do not depend on the order of rows."""
    bounds, members = pa.py_buffer(8 * coalitions.offsets), pa.py_buffer(coalitions.members.astype(">i8"))
    sets = pa.LargeBinaryArray.from_buffers(pa.large_binary(), values.shape[0], [None, bounds, members])
    columns = {"set": sets, "conversions": coalitions.conversions, "value": values}
    order = pc.sort_indices(pa.table(columns), [(name, "ascending") for name in columns]).to_numpy()
    sizes, starts = np.diff(coalitions.offsets)[order], coalitions.offsets[:-1][order]
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    places = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], sizes)
    ordered = Coalitions(
        offsets, coalitions.members[places], coalitions.conversions[order], coalitions.journeys[order],
        coalitions.rows[order],
    )  # fmt: skip
    return ordered, values[order]


def rake(coalitions: Coalitions, values: Floats, start: Floats, shares: Floats) -> Raked:
    """Fit weights to `shares` (C, adding up to 1), from `start` (C, 0 for a channel that gets nothing).

    `values` has one entry for each coalition. A coalition whose channels all have weight 0 is split equally. Raises
    ValueError for a weight or share below 0.
    """
    if (start < 0).any() or (shares < 0).any() or not np.isfinite(start).all():
        raise ValueError("weights and shares are 0 or more")
    weights, total = start.astype(np.float64), float(coalitions.conversions.sum())
    sums, gap, sweeps = np.zeros((2, start.shape[0])), 0.0, 0
    while True:
        sums[:] = 0.0
        _rake_range(
            0, values.shape[0], coalitions.offsets, coalitions.members, coalitions.conversions, values, weights, sums
        )
        if total <= 0:
            break
        before, gap = gap, float(np.abs(sums[0] / total - shares).sum() / 2)
        is_settled = sweeps > 0 and abs(before - gap) < GAP_MIN
        if gap < GAP_MIN or is_settled or sweeps == SWEEPS_MAX:
            break
        weights *= np.divide(shares * total, sums[0], out=np.ones_like(shares), where=sums[0] > 0)
        largest = weights.max(initial=0.0)
        weights = weights / largest if largest > 0 else weights
        sweeps += 1
    return Raked(weights, sums[0].copy(), sums[1].copy(), gap, sweeps)


@njit(nogil=True, cache=True, error_model="numpy")
def _rake_range(
    lo: int, hi: int, offsets: Ints, members: Ints, conversions: Floats, values: Floats, weights: Floats, sums: Floats
) -> None:
    for s in range(lo, hi):
        if conversions[s] == 0.0:
            continue
        whole = 0.0
        for i in range(offsets[s], offsets[s + 1]):
            whole += weights[members[i]]
        for i in range(offsets[s], offsets[s + 1]):
            share = weights[members[i]] / whole if whole > 0.0 else 1.0 / (offsets[s + 1] - offsets[s])
            sums[0, members[i]] += conversions[s] * share
            sums[1, members[i]] += values[s] * share
