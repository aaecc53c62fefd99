"""Touch weights under each attribution rule; one validated function per model. Pure.

All functions take journeys in CSR form, sorted by (ts, precedence, touch id), and the codes of `select_touches`. They
return (P) integer weights, by which `allocate` splits amounts; only their ratios within a journey matter. Touches that
are not ELIGIBLE have weight 0. A journey with an eligible touch has a positive sum. Functions raise ValueError for
shapes that do not match. tests/reference/rules.py has the plain twins.
"""

from decimal import Decimal
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from attribution.kernels.checks import Bytes, Ints, check_instants, check_offsets, check_shapes

Ranks = NDArray[np.int16]

ELIGIBLE = 0
COUPON = 3
"""Precedence of coupons; clicks have 2, impressions 1."""

VECTOR_MAX = 100
"""Maximum length of a credit vector."""

WEIGHT_MAX = 10**9
"""Largest weight of a role or of an element of a credit vector."""

DECAY_ONE = 2**40
"""Weight of the latest eligible touch under time_decay; a million touches stay within the limit of `allocate`."""

_NAMED = 1_000
"""Rank of a named touch: above every precedence, which is a byte."""

_index = np.uintp


# ------------------------------------------------------------------------------------------- single-touch rules


def last_click(offsets: Ints, codes: Bytes, precedence: Bytes, named: Bytes) -> Ints:
    """Weigh the named touch 1; without one, the latest of the highest precedence present.

    `offsets` is (C+1); `codes`, `precedence` (1 or more) and `named` (0 or 1) are (P). See docs/contract.md,
    section 5.
    """
    check_shapes(codes.shape[0], precedence, named)
    return _winners(offsets, codes, np.where(named != 0, _NAMED, precedence.astype(np.int16)), False)


def last_touch(offsets: Ints, codes: Bytes, named: Bytes) -> Ints:
    """Weigh the named touch 1; without one, the latest of any kind. Arguments as in `last_click`."""
    return _winners(offsets, codes, np.where(named != 0, _NAMED, 1), False)


def last_non_direct(offsets: Ints, codes: Bytes, named: Bytes, direct: Bytes) -> Ints:
    """Weigh like last_touch, but a touch with `direct` 1 wins only if no other touch counts. `direct` is (P)."""
    check_shapes(codes.shape[0], direct, named)
    return _winners(offsets, codes, np.where(named != 0, _NAMED, np.where(direct != 0, 1, 2)), False)


def coupon_first(offsets: Ints, codes: Bytes, precedence: Bytes, named: Bytes) -> Ints:
    """Weigh the latest coupon 1, even if another touch is named; without a coupon, weigh like last_click."""
    check_shapes(codes.shape[0], precedence, named)
    clicks = np.where(named != 0, _NAMED, precedence.astype(np.int16))
    return _winners(offsets, codes, np.where(precedence >= COUPON, _NAMED + 1, clicks), False)


def first(offsets: Ints, codes: Bytes, named: Bytes) -> Ints:
    """Weigh the named touch 1; without one, the earliest. Arguments as in `last_click`."""
    return _winners(offsets, codes, np.where(named != 0, _NAMED, 1), True)


def _winners(offsets: Ints, codes: Bytes, ranks: NDArray[np.integer[Any]], is_earliest: bool) -> Ints:
    check_offsets(offsets, codes.shape[0])
    check_shapes(codes.shape[0], ranks)
    weights = np.zeros(codes.shape[0], np.int64)
    _winner_range(0, offsets.shape[0] - 1, offsets, codes, ranks.astype(np.int16), is_earliest, weights)
    return weights


@njit(nogil=True, cache=True)
def _winner_range(
    lo: int, hi: int, offsets: Ints, codes: Bytes, ranks: Ranks, is_earliest: bool, weights: Ints
) -> None:
    for c in range(lo, hi):
        winner = _winner_one(offsets[c], offsets[c + 1], codes, ranks, is_earliest)
        if winner >= 0:
            weights[winner] = 1


@njit(nogil=True, cache=True, inline="always")
def _winner_one(start: int, stop: int, codes: Bytes, ranks: Ranks, is_earliest: bool) -> int:
    """Return the latest (or earliest) eligible touch of the highest rank; -1 without an eligible touch."""
    winner, best = -1, 0
    for i in range(start, stop):
        rank: int = np.int64(ranks[i])  # type: ignore[assignment]
        is_better = (codes[i] == ELIGIBLE) & ((rank > best) | ((rank == best) & (not is_earliest)))
        winner = i if is_better else winner
        best = rank if is_better else best
    return winner


# --------------------------------------------------------------------------------------------- multi-touch rules


def linear(offsets: Ints, codes: Bytes) -> Ints:
    """Weigh each eligible touch 1."""
    check_offsets(offsets, codes.shape[0])
    check_shapes(codes.shape[0], codes)
    weights: Ints = (codes == ELIGIBLE).astype(np.int64)
    return weights


def set_linear(offsets: Ints, codes: Bytes, partner: Ints) -> Ints:
    """Weigh the first eligible touch of each distinct partner 1: equal parts for partners with any number of touches.

    For partners this is the Shapley value of the game in which a coalition is worth the conversions whose journeys
    contain only its members: a sum of unanimity games, each of which is split equally. `partner` (P) is 0 or more.
    """
    check_offsets(offsets, codes.shape[0])
    check_shapes(codes.shape[0], codes, partner)
    if partner.size and int(partner.min()) < 0:
        raise ValueError("partners are numbers from 0")
    dense = partner.astype(np.int64)
    if partner.size and int(partner.max()) >= _DENSE_MAX:
        dense = np.unique(partner, return_inverse=True)[1].astype(np.int64)
    weights = np.zeros(codes.shape[0], np.int64)
    seen = np.full(int(dense.max(initial=0)) + 1, -1, np.int64)
    _set_linear_range(0, offsets.shape[0] - 1, offsets, codes, dense, seen, weights)
    return weights


_DENSE_MAX = 1 << 20
"""Partner ids below this index a table of 8 MB directly; larger ids are renumbered first."""


@njit(nogil=True, cache=True)
def _set_linear_range(
    lo: int, hi: int, offsets: Ints, codes: Bytes, partner: Ints, seen: Ints, weights: Ints
) -> None:  # fmt: skip
    for c in range(lo, hi):
        for i in range(_index(offsets[c]), _index(offsets[c + 1])):
            if codes[i] == ELIGIBLE:
                weights[i] = 1 if seen[partner[i]] != c else 0
                seen[partner[i]] = c  # the latest journey with this partner


def position(offsets: Ints, codes: Bytes, first: int = 40, rest: int = 20, last: int = 40) -> Ints:
    """Weigh the outermost touches `first` and `last`; those between share `rest` equally (U-shaped).

    A single touch takes all. Of two touches, each takes half of `rest` in addition.
    """
    no_stage = np.full(max(0, offsets.shape[0] - 1), -1, np.int64)
    return _roles(offsets, codes, no_stage, (first, 0, last, rest))


def w_shaped(
    offsets: Ints, codes: Bytes, stage: Ints | None = None, first: int = 30, middle: int = 30, last: int = 30,
    rest: int = 10,
) -> Ints:  # fmt: skip
    """Weigh like position, with a third role for the touch that led to a stage such as a lead.

    `stage` (C) is the position of that touch, or -1. If it is -1, not eligible or not given, the middle one of three
    or more touches has the role, the earlier of two middle ones; of one or two touches none has it. A touch with two
    roles takes both. `rest` is shared by the touches without a role, or by those with one if there are no others.
    """
    if stage is None:
        stage = np.full(max(0, offsets.shape[0] - 1), -1, np.int64)
    check_shapes(offsets.shape[0] - 1, stage)
    if stage.size and (int(stage.min()) < -1 or int(stage.max()) >= codes.shape[0]):
        raise ValueError("a stage is the place of a touch, or -1")
    return _roles(offsets, codes, stage, (first, middle, last, rest))


def _roles(offsets: Ints, codes: Bytes, stage: Ints, parts: tuple[int, int, int, int]) -> Ints:
    check_offsets(offsets, codes.shape[0])
    check_shapes(codes.shape[0], codes)
    first, _, last, rest = parts
    if min(parts) < 0 or max(parts) > WEIGHT_MAX or not first + last + rest:
        raise ValueError(f"weights are whole numbers from 0 to {WEIGHT_MAX}, and not only the middle one is above 0")
    weights = np.zeros(codes.shape[0], np.int64)
    _roles_range(0, offsets.shape[0] - 1, offsets, codes, stage, *parts, weights)
    return weights


@njit(nogil=True, cache=True)
def _roles_range(
    lo: int, hi: int, offsets: Ints, codes: Bytes, stage: Ints, first: int, middle: int, last: int, rest: int,
    weights: Ints,
) -> None:  # fmt: skip
    for c in range(lo, hi):
        _roles_one(offsets[c], offsets[c + 1], codes, stage[c], first, middle, last, rest, weights)


@njit(nogil=True, cache=True)
def _roles_one(
    start: int, stop: int, codes: Bytes, stage: int, first: int, middle: int, last: int, rest: int, weights: Ints
) -> None:
    count, head, tail = 0, -1, -1
    for i in range(start, stop):
        if codes[i] == ELIGIBLE:
            head = i if count == 0 else head
            tail = i
            count += 1
    if count == 0:
        return
    if middle and not (start <= stage < stop and codes[stage] == ELIGIBLE):
        stage, seen = -1, 0
        for i in range(start, stop):
            if codes[i] == ELIGIBLE:
                if count >= 3 and seen == (count - 1) // 2:
                    stage = i
                seen += 1
    stage = stage if middle else -1
    roles = (1 if head == tail else 2) + (1 if stage >= 0 and stage != head and stage != tail else 0)
    # Multiply roles by the number of touches that share the rest, so that all weights are integers.
    sharing = count - roles if count > roles else roles
    for i in range(start, stop):
        if codes[i] == ELIGIBLE:
            role = (first if i == head else 0) + (last if i == tail else 0) + (middle if i == stage else 0)
            has_role = i in (head, tail, stage)
            weights[i] = role * sharing + (rest if not has_role or count == roles else 0)


def time_decay(offsets: Ints, codes: Bytes, ts: Ints, half_life_us: int) -> Ints:
    """Weigh each eligible touch by 2^(-age / half-life), relative to the latest one, which has weight DECAY_ONE.

    The age at the conversion cancels out of the shares, so ages are measured from the latest eligible touch, and the
    sum never becomes 0. `ts` (P) is in µs. Powers come from a table and a polynomial in IEEE arithmetic, the same on
    every machine and exact to 2^-40. Raises ValueError unless `half_life_us` is 1 or more.
    """
    check_offsets(offsets, codes.shape[0])
    check_shapes(codes.shape[0], codes, ts)
    check_instants(ts)
    if half_life_us < 1:
        raise ValueError(f"a half-life is 1 µs or longer, not {half_life_us}")
    weights = np.zeros(codes.shape[0], np.int64)
    _time_decay_range(0, offsets.shape[0] - 1, offsets, codes, ts, float(half_life_us), _POWERS, weights)
    return weights


_POWERS = np.array([float(Decimal(2) ** (Decimal(-k) / 32)) for k in range(32)])
"""2^(-k/32), computed with decimals to be independent of the machine's libm."""

_C1, _C2, _C3, _C4, _C5, _C6 = (
    -0.6931471805599453, 0.2402265069591007, -0.055504108664821576, 0.009618129107628477, -0.0013333558146428443,
    0.00015403530393381606,
)  # fmt: skip
"""(-ln 2)^k / k!: coefficients of the series of 2^-x."""


@njit(nogil=True, cache=True)
def _time_decay_range(
    lo: int, hi: int, offsets: Ints, codes: Bytes, ts: Ints, half_life: float, powers: NDArray[np.float64],
    weights: Ints,
) -> None:  # fmt: skip
    for c in range(lo, hi):
        latest = -1
        for i in range(offsets[c], offsets[c + 1]):
            latest = ts[i] if codes[i] == ELIGIBLE else latest
        for i in range(_index(offsets[c]), _index(offsets[c + 1])):
            if codes[i] == ELIGIBLE:
                weights[i] = _time_decay_one(float(latest - ts[i]) / half_life, powers)


@njit(nogil=True, cache=True, inline="always")
def _time_decay_one(lives: float, powers: NDArray[np.float64]) -> int:
    """Return DECAY_ONE × 2^-lives, rounded; 0 beyond 41 half-lives."""
    if lives > 41.0:
        return 0
    whole = int(lives)
    fraction = lives - float(whole)
    step = int(fraction * 32.0)
    x = fraction - float(step) / 32.0
    power = powers[step] * (1.0 + x * (_C1 + x * (_C2 + x * (_C3 + x * (_C4 + x * (_C5 + x * _C6))))))
    return int(power * float(DECAY_ONE >> whole) + 0.5) if whole <= 40 else 0


def custom(offsets: Ints, codes: Bytes, precedence: Bytes, vector: Ints) -> Ints:
    """Weigh the last eligible touch `vector[0]`, the one before it `vector[1]`, and so on; 0 beyond the vector.

    Touches are ordered by precedence, then by time, like impressions by priority in W3C's Attribution Level 1. A
    journey shorter than the vector uses the beginning of the vector. Raises ValueError unless `vector` has 1 to
    VECTOR_MAX weights from 0 to WEIGHT_MAX, the first above 0.
    """
    check_offsets(offsets, codes.shape[0])
    check_shapes(codes.shape[0], codes, precedence)
    if vector.ndim != 1 or not 1 <= vector.shape[0] <= VECTOR_MAX:
        raise ValueError(f"a credit vector has 1 to {VECTOR_MAX} weights")
    check_shapes(vector.shape[0], vector)
    if int(vector.min()) < 0 or int(vector.max()) > WEIGHT_MAX or int(vector[0]) < 1:
        raise ValueError(f"a credit vector's weights are 0 to {WEIGHT_MAX}, and that of the last touch is above 0")
    weights = np.zeros(codes.shape[0], np.int64)
    _custom_range(0, offsets.shape[0] - 1, offsets, codes, precedence, vector, weights)
    return weights


@njit(nogil=True, cache=True)
def _custom_range(
    lo: int, hi: int, offsets: Ints, codes: Bytes, precedence: Bytes, vector: Ints, weights: Ints
) -> None:
    for c in range(lo, hi):
        _custom_one(offsets[c], offsets[c + 1], codes, precedence, vector, weights)


@njit(nogil=True, cache=True)
def _custom_one(start: int, stop: int, codes: Bytes, precedence: Bytes, vector: Ints, weights: Ints) -> None:
    given, level = 0, 256
    while given < vector.shape[0]:
        below = -1
        for i in range(start, stop):
            rank: int = np.int64(precedence[i])  # type: ignore[assignment]
            below = rank if codes[i] == ELIGIBLE and below < rank < level else below
        if below < 0:
            return
        level = below
        for i in range(stop - 1, start - 1, -1):
            if codes[i] == ELIGIBLE and precedence[i] == level and given < vector.shape[0]:
                weights[i] = vector[given]
                given += 1
