"""Shapley values of games between channels: exact up to 20 channels, sampled beyond. Pure.

In the usual game, the worth of a coalition is the conversions of the journeys that need no other channel. It is a sum
of unanimity games, each of which Shapley splits equally (Shapley 1953), so its value is the rule set_linear and needs
no code here. In the game `rate`, the worth is the rate at which those journeys convert; a channel that lowers the rate
has a negative value.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from attribution.paths.path_table import Floats, PathTable, Progress, no_progress
from attribution.paths.tokenize import Ints

EXACT_CHANNELS_MAX = 20
SAMPLES_DEFAULT, SAMPLES_MIN, SAMPLES_MAX = 2_000, 4, 1_000_000
_BLOCK = 256
"""Permutations per batch."""


@dataclass(frozen=True)
class Coalitions:
    """Channel sets of journeys: members in CSR form, and how often each set converted and occurred.

    There is one entry for each path with touches; `rows` are the paths.
    """

    offsets: Ints
    members: Ints
    conversions: Floats
    journeys: Floats
    rows: Ints


@dataclass(frozen=True)
class Sampled:
    """Means of the sampled marginal values (C), and their standard errors."""

    values: Floats
    errors: Floats


def shapley_exact(worths: Floats) -> Floats:
    """Compute Shapley values (C) of a game given as 2^C worths, coalition S at index Σ 2^i over its channels i.

    φ_i = Σ over S without i of |S|! (C - |S| - 1)! / C! × (v(S + i) - v(S)). Raises ValueError if there are not 2^C
    worths, C from 0 to 20, or one is not finite.
    """
    channels = max(0, worths.shape[0].bit_length() - 1)
    if worths.ndim != 1 or worths.shape[0] != 1 << channels or channels > EXACT_CHANNELS_MAX:
        raise ValueError(f"a game of C channels has 2^C worths, C at most {EXACT_CHANNELS_MAX}")
    if not np.isfinite(worths).all():
        raise ValueError("every worth of a game is a finite number")
    sizes = np.zeros(1, np.int64)
    for _ in range(max(0, channels - 1)):
        sizes = np.concatenate([sizes, sizes + 1])
    weights = np.ones(max(1, channels))
    for size in range(1, channels):  # |S|! (C-|S|-1)! / C!, first for |S| = 0
        weights[size] = weights[size - 1] * size / (channels - size)
    weights /= channels or 1
    values = np.zeros(channels)
    for i in range(channels):
        pairs = worths.reshape(-1, 2, 1 << i)
        values[i] = float((pairs[:, 1, :] - pairs[:, 0, :]).ravel() @ weights[sizes])
    return values


def coalitions_of(table: PathTable) -> Coalitions:
    """Return the distinct channels of each path that has any."""
    count = len(table.names)
    row = np.repeat(np.arange(table.offsets.shape[0] - 1), np.diff(table.offsets))
    pairs = np.unique(row * max(1, count) + table.codes)
    rows, members = np.divmod(pairs, max(1, count))
    kept, sizes = np.unique(rows, return_counts=True)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    return Coalitions(offsets, members, table.conversions[kept], table.conversions[kept] + table.nulls[kept], kept)


def rate_worths(coalitions: Coalitions, channels: int) -> Floats:
    """Compute the worths (2^C) of the game `rate`."""
    masks = np.bitwise_or.reduceat(np.left_shift(1, coalitions.members), coalitions.offsets[:-1])
    sums = []
    for column in (coalitions.conversions, coalitions.journeys):
        inside = np.bincount(masks, column, 1 << channels)
        for i in range(channels):  # zeta transform: each set's sum over its subsets
            halves = inside.reshape(-1, 2, 1 << i)
            halves[:, 1, :] += halves[:, 0, :]
        sums.append(inside)
    return np.divide(sums[0], sums[1], out=np.zeros(1 << channels), where=sums[1] > 0)


def sample_rate(
    coalitions: Coalitions, channels: int, samples: int, seed: int, progress: Progress = no_progress
) -> Sampled:
    """Estimate Shapley values of the game `rate` from `samples` random orders, half of them reverses of the others.

    Channels are numbered by their counts, not by their names, so that renaming changes nothing. `progress` is in
    pairs of orders. Raises ValueError for fewer than 4 samples.
    """
    if not SAMPLES_MIN <= samples <= SAMPLES_MAX:
        raise ValueError(f"samples are {SAMPLES_MIN} to {SAMPLES_MAX}, not {samples}")
    at = _by_counts(coalitions, channels)
    random = np.random.Generator(np.random.PCG64(seed))
    pairs, sums, squares = samples // 2, np.zeros(channels), np.zeros(channels)
    for begin in range(0, pairs, _BLOCK):
        orders = np.tile(at, (min(_BLOCK, pairs - begin), 1))
        random.permuted(orders, axis=1, out=orders)
        means = (marginals(coalitions, orders) + marginals(coalitions, orders[:, ::-1].copy())) / 2
        sums += means.sum(axis=0)
        squares += (means**2).sum(axis=0)
        progress(min(begin + _BLOCK, pairs), pairs)
    values = sums / pairs
    variance = np.maximum(squares / pairs - values**2, 0.0) * pairs / (pairs - 1)
    return Sampled(values, np.sqrt(variance / pairs))


def _by_counts(coalitions: Coalitions, channels: int) -> Ints:
    """Sort channels by journeys, conversions and the channels next to them; equal ones by number."""
    sizes = np.repeat(np.diff(coalitions.offsets), np.diff(coalitions.offsets))
    rows = np.repeat(np.arange(coalitions.journeys.shape[0]), np.diff(coalitions.offsets))
    keys = [
        np.bincount(coalitions.members, column, channels)
        for column in (sizes * coalitions.conversions[rows], coalitions.conversions[rows], coalitions.journeys[rows])
    ]
    order: Ints = np.lexsort(keys).astype(np.int64)
    return order


def marginals(coalitions: Coalitions, orders: Ints) -> Floats:
    """Return how much each channel adds to the rate in each of the `orders` (M, C), as (M, C) by channel."""
    count, channels = orders.shape
    if not np.array_equal(np.sort(orders, axis=1), np.tile(np.arange(channels), (count, 1))):
        raise ValueError("an order names every channel once")
    added = np.empty((count, channels))
    _marginals_range(
        0, count, orders, coalitions.offsets, coalitions.members, coalitions.conversions, coalitions.journeys,
        np.empty(channels, np.int64), np.empty((channels, 2)), added,
    )  # fmt: skip
    return added


@njit(nogil=True, cache=True, error_model="numpy")
def _marginals_range(
    lo: int, hi: int, orders: Ints, offsets: Ints, members: Ints, conversions: Floats, journeys: Floats,
    rank: Ints, joined: Floats, added: Floats,
) -> None:  # fmt: skip
    channels = orders.shape[1]
    for m in range(lo, hi):
        for r in range(channels):
            rank[orders[m, r]] = r
            joined[r, 0] = 0.0
            joined[r, 1] = 0.0
        for s in range(offsets.shape[0] - 1):
            last = 0  # a coalition is complete when its last member has been added
            for i in range(offsets[s], offsets[s + 1]):
                last = max(last, rank[members[i]])
            joined[last, 0] += conversions[s]
            joined[last, 1] += journeys[s]
        converted, came, before = 0.0, 0.0, 0.0
        for r in range(channels):
            converted += joined[r, 0]
            came += joined[r, 1]
            worth = converted / came if came > 0.0 else 0.0
            added[m, orders[m, r]] = worth - before
            before = worth
