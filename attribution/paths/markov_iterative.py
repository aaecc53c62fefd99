"""Removal effects of chains too large for a dense inverse, by iterating many removals at a time. Pure.

The conversions of a chain without a channel are Σ_t p Q_k^t r, where Q_k lacks the moves into the channel's states. The
sum ends when at most `TAIL_MAX` of all journeys have not ended, which bounds the error. It converges, because every
counted journey ends.
"""

import numpy as np
import pyarrow as pa
from numba import njit

from attribution.paths.markov import States
from attribution.paths.path_table import Floats, PathTable, Progress, no_progress
from attribution.paths.tokenize import Codes, Ints

TAIL_MAX = 1e-14
STEPS_MAX = 1_000_000
WORK_MAX = 3 * 10**10
"""Maximum number of states and moves that all steps for some channels visit: about twenty seconds."""
_LANES = 16
"""Channels per pass: two cache lines of floats per state."""


class NoEnd(ValueError):
    """Error for a chain that does not converge within the allowed steps; the message names the fix."""


def iterated_effects(table: PathTable, states: States, channels: int, progress: Progress = no_progress) -> Floats:
    """Compute removal effects (C) as `markov.removal_effects` does; `progress` is in channels. Raises NoEnd."""
    moves = sparse_moves(table, states.codes, states.channel.shape[0])
    found = conversions_without(*moves, states.channel, np.arange(-1, channels), progress)
    return 1 - found[1:] / found[0] if found[0] > 0 else np.full(channels, np.nan)


def sparse_moves(table: PathTable, states: Codes, size: int) -> tuple[Ints, Codes, Floats, Floats]:
    """Return the chain in CSR form: offsets (S+2), targets and probabilities of moves, and chances to convert (S+1).

    Row S is the start. `states` (P) are the state after each touch.
    """
    weights = table.conversions + table.nulls
    lengths = np.diff(table.offsets)
    row = np.repeat(np.arange(lengths.shape[0]), lengths)
    is_first = np.zeros(states.shape[0], np.bool_)
    is_first[table.offsets[:-1][lengths > 0]] = True
    before = np.where(is_first, size, np.roll(states, 1)).astype(np.int64)
    moves = (before != states) & (weights[row] > 0)
    keys = pa.array((before * (size + 1) + states)[moves]).dictionary_encode()
    times = np.bincount(keys.indices.to_numpy(), weights[row][moves], len(keys.dictionary))
    listed = keys.dictionary.to_numpy()
    order = np.argsort(listed, kind="stable")
    sources, targets = np.divmod(listed[order], size + 1)
    last = np.full(lengths.shape[0], size)
    last[lengths > 0] = states[table.offsets[1:][lengths > 0] - 1]
    converted = np.bincount(last, table.conversions, size + 1)
    ended = np.bincount(last, weights, size + 1)
    out = np.bincount(sources, times[order], size + 1) + ended
    offsets = np.zeros(size + 2, np.int64)
    offsets[1:] = np.cumsum(np.bincount(sources, minlength=size + 1))
    chance = np.divide(converted, out, out=np.zeros(size + 1), where=out > 0)
    return offsets, targets.astype(np.int32), times[order] / out[sources], chance


def conversions_without(
    offsets: Ints, targets: Codes, probabilities: Floats, chance: Floats, channel: Codes, removed: Ints,
    progress: Progress = no_progress,
) -> Floats:  # fmt: skip
    """Compute P(converted | start) of a chain without each of the `removed` channels (R); -1 removes none.

    `channel` (S) is the last channel of each state. Raises NoEnd if the sum converges too slowly.
    """
    found = np.empty(removed.shape[0])
    steps_max = min(STEPS_MAX, WORK_MAX // ((chance.shape[0] + targets.shape[0]) * _LANES))
    for begin in range(0, removed.shape[0], _LANES):
        lanes = removed[begin : begin + _LANES]
        mass = np.zeros((2, chance.shape[0], lanes.shape[0]))
        sums = np.zeros(lanes.shape[0])
        steps = _conversions_without_steps(
            offsets, targets, probabilities, chance, channel, lanes, mass, sums, TAIL_MAX, steps_max
        )
        if steps == steps_max:
            raise NoEnd(
                f"after {steps} steps journeys of this chain of {chance.shape[0] - 1} states have not ended; choose a "
                "lower order of markov"
            )
        found[begin : begin + _LANES] = sums
        progress(begin + lanes.shape[0], removed.shape[0])
    return found


@njit(nogil=True, cache=True)
def _conversions_without_steps(
    offsets: Ints, targets: Codes, probabilities: Floats, chance: Floats, channel: Codes, removed: Ints, mass: Floats,
    sums: Floats, tail_max: float, steps_max: int,
) -> int:  # fmt: skip
    """Move the mass of all lanes step by step; `mass` is two buffers (2, S+1, lanes) of zeros."""
    start, lanes = chance.shape[0] - 1, removed.shape[0]
    for k in range(lanes):
        mass[0, start, k] = 1.0
    for step in range(steps_max):
        here, there = step % 2, 1 - step % 2
        left = 0.0
        for a in range(start + 1):
            for k in range(lanes):
                sums[k] += mass[here, a, k] * chance[a]
        for a in range(start + 1):
            carried = 0.0
            for k in range(lanes):
                carried = max(carried, mass[here, a, k])
            if carried == 0.0:
                continue
            for i in range(offsets[a], offsets[a + 1]):
                b = targets[i]
                for k in range(lanes):
                    mass[there, b, k] += mass[here, a, k] * probabilities[i]
            for k in range(lanes):
                mass[here, a, k] = 0.0
        for b in range(start):
            for k in range(lanes):
                if channel[b] == removed[k]:
                    mass[there, b, k] = 0.0
                left += mass[there, b, k]
        if left <= tail_max:
            return step
    return steps_max
