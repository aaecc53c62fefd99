"""Exact Markov chain of counted paths: transition counts and removal effects. Pure.

A state of order k is the last k channels (fewer at the beginning of a path), so every touch leads to one state; a
path begins in the start state and ends converted or not. Moves from a state to itself are left out: they change
neither the probability to convert nor the removal effects, and cost precision. Removing a channel sends every
move into one of its states to the end that did not convert (Anderl et al. 2016; as do-attribution's
`redirect_to_null`, but for all channels from one inverse).
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numba import njit
from threadpoolctl import threadpool_limits

from attribution.paths.path_table import Floats, PathTable
from attribution.paths.tokenize import Codes, Ints

STATES_MAX = 4_000
"""Maximum number of states for a dense inverse; above it, each channel's removal is iterated."""
ORDER_MAX = 20
ZERO_CONVERSIONS = "no path converts, so removing a channel changes nothing; give paths with conversions"


class BadOrder(ValueError):
    """Error for an order of which no chain can be built; the message says why."""


@dataclass(frozen=True)
class States:
    """State after each touch (P), and the last channel of each state (S)."""

    codes: Codes
    channel: Codes


@dataclass(frozen=True)
class Chain:
    """Counts of moves (S+1, S+2): from each state and the start (last row) to each state, converted, not converted."""

    counts: Floats
    states: States


@dataclass(frozen=True)
class Removal:
    """Removal effects (C): the fraction of conversions that the chain loses without the channel.

    `conversion` is the probability to convert; `visits` (S+1) expected visits of each state from the start, the
    start's own last; `values` (S+3) the probability to convert from each state, the start, and both ends.
    `without` holds both for each channel removed: (S+1, C) and (S+3, C).
    """

    effects: Floats
    conversion: float
    visits: Floats
    values: Floats
    without: tuple[Floats, Floats] | None


def states_of(table: PathTable, order: int) -> States:
    """Find the states of order k. Raises BadOrder if k channels do not fit into 63 bits."""
    count = len(table.names)
    if not 1 <= order <= ORDER_MAX:
        raise BadOrder(f"the order of markov is 1 to {ORDER_MAX}, not {order}")
    if order == 1:
        return States(table.codes, np.arange(count, dtype=np.int32))
    base = count + 1
    if base**order >= 2**63:
        raise BadOrder(f"order {order} is too high for {count} channels; choose a lower one")
    keys = table.codes.astype(np.int64) + 1
    place = np.arange(keys.shape[0]) - np.repeat(table.offsets[:-1], np.diff(table.offsets))
    own = keys.copy()
    for back in range(1, order):
        earlier = np.zeros_like(keys)
        earlier[back:] = own[: keys.shape[0] - back]
        keys += np.where(place >= back, earlier, 0) * base**back
    found = pa.array(keys).dictionary_encode()
    listed = found.dictionary.to_numpy()
    by_key = np.argsort(listed, kind="stable")
    rank = np.empty(listed.shape[0], np.int32)
    rank[by_key] = np.arange(listed.shape[0], dtype=np.int32)
    return States(rank[found.indices.to_numpy()], (listed[by_key] % base - 1).astype(np.int32))


def count_transitions(table: PathTable, states: States) -> Chain:
    """Count all moves, each path as often as it converted and did not convert."""
    size = states.channel.shape[0]
    counts = np.zeros((size + 1, size + 2))
    _count_transitions_range(
        0, table.offsets.shape[0] - 1, table.offsets, states.codes, table.conversions, table.nulls, counts
    )
    return Chain(counts, states)


@njit(nogil=True, cache=True)
def _count_transitions_range(
    lo: int, hi: int, offsets: Ints, states: Codes, conversions: Floats, nulls: Floats, counts: Floats
) -> None:
    start = counts.shape[0] - 1
    for j in range(lo, hi):
        weight = conversions[j] + nulls[j]
        if weight == 0.0:
            continue
        before = start
        for i in range(offsets[j], offsets[j + 1]):
            state = int(states[i])
            if state != before:
                counts[before, state] += weight
                before = state
        counts[before, start] += conversions[j]
        counts[before, start + 1] += nulls[j]


def removal_effects(chain: Chain, channels: int, with_details: bool = False) -> Removal:
    """Compute the removal effects of all channels from one inverse.

    With N = (I - Q)^-1 over the states, visits v = p N from the start and B = N r: a channel of one state k takes
    v_k / N_kk × B_k, the chance to pass k and convert from there; one with states K takes v_K N_KK^-1 B_K. Both are
    divided by B at the start. `with_details` keeps the matrices for intervals.
    """
    counts = chain.counts
    size = counts.shape[0] - 1
    sums = counts.sum(axis=1, keepdims=True)
    moves = np.divide(counts, sums, out=np.zeros_like(counts), where=sums > 0)
    with threadpool_limits(1, "blas"):  # the result must not depend on the number of threads
        inverse = np.linalg.inv(np.eye(size) - moves[:size, :size])
        visits = moves[size, :size] @ inverse
        values = inverse @ moves[:size, size]
        conversion = float(moves[size, :size] @ values + moves[size, size])
        lost = np.zeros(channels)
        taken: list[tuple[np.ndarray[tuple[int], np.dtype[np.intp]], Floats, Floats]] = []
        for channel in range(channels):
            mine = np.flatnonzero(chain.states.channel == channel)
            if mine.size == 1:
                first = visits[mine] / inverse[mine, mine]
            else:
                first = np.linalg.solve(inverse[np.ix_(mine, mine)].T, visits[mine])
            lost[channel] = first @ values[mine]
            if with_details:
                taken.append((mine, first, np.linalg.solve(inverse[np.ix_(mine, mine)], values[mine])))
        effects = lost / conversion if conversion > 0 else np.full(channels, np.nan)
        whole = np.concatenate([values, [conversion, 1.0, 0.0]])
        seen = np.concatenate([visits, [1.0]])
        if not with_details:
            return Removal(effects, conversion, seen, whole, None)
        seen_without, value_without = np.empty((size + 1, channels)), np.empty((size + 3, channels))
        for channel, (mine, first, back) in enumerate(taken):
            seen_without[:size, channel] = visits - first @ inverse[mine]
            seen_without[size, channel] = 1.0
            value_without[:size, channel] = values - inverse[:, mine] @ back
            value_without[size:, channel] = conversion - lost[channel], 1.0, 0.0
            seen_without[mine, channel] = 0.0
            value_without[mine, channel] = 0.0
    return Removal(effects, conversion, seen, whole, (seen_without, value_without))
