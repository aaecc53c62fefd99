"""Compiled loops over journeys: which touches count, what they weigh, and how money follows weights. Pure.

Journeys are in CSR form: the touches of conversion c are `offsets[c]:offsets[c + 1]`, sorted by (ts, precedence,
touch id). Each kernel has three layers: a checked function that allocates, `_x_range` over conversions lo to hi,
and `_x_one` over one journey. tests/reference/kernels.py has the plain twin of each.

Serial on purpose: they release the GIL, so threads may take a range each, and no thread count can change a
result.
"""

from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Weigh = Callable[[Ints, Bytes, Bytes, Bytes], Ints]

ELIGIBLE, OTHER_OFFER, AFTER_CONVERSION, OUTSIDE_WINDOW, BOT = 0, 1, 2, 3, 4
"""What `select_touches` says of a touch; the first that applies."""

INT64_MAX = 2**63 - 1
_TS_MAX = 2**62
_SELECTION_SORT_MAX = 24
"""Up to this many touches, picking the largest remainder k times beats sorting."""


_place = np.uintp
"""Type of loop variables: numba spares an unsigned index the question whether it counts from the end."""


class Overflow(ValueError):
    """A product of amount and weight does not fit 64 bits; the message says where."""


# ------------------------------------------------------------------------------------------- which touches count


def select_touches(
    offsets: Ints, touch_ts: Ints, is_bot: Bytes, same_offer: Bytes, conversion_ts: Ints, window_us: Ints
) -> Bytes:
    """Why each touch does not count, or ELIGIBLE (contract 5).

    A touch counts if it is of the conversion's offer, not a bot's, and 0 <= conversion - touch <= window.
    `offsets` (C+1), `conversion_ts` (C), the others (P), one per touch; instants and windows in µs, windows
    inclusive. Returns (P) codes. Raises ValueError if shapes do not fit or an instant is out of range.
    """
    _check_offsets(offsets, touch_ts.shape[0])
    _check_shapes(touch_ts.shape[0], is_bot, same_offer, window_us)
    _check_shapes(offsets.shape[0] - 1, conversion_ts)
    for instants in (touch_ts, conversion_ts, window_us):
        if instants.size and (int(instants.min()) < 0 or int(instants.max()) > _TS_MAX):
            raise ValueError(f"instants and windows are 0 to {_TS_MAX} µs")
    codes = np.empty(touch_ts.shape[0], np.uint8)
    _select_touches_range(
        0, conversion_ts.shape[0], offsets, touch_ts, is_bot, same_offer, conversion_ts, window_us, codes
    )
    return codes


@njit(nogil=True, cache=True)
def _select_touches_range(
    lo: int, hi: int, offsets: Ints, touch_ts: Ints, is_bot: Bytes, same_offer: Bytes, conversion_ts: Ints,
    window_us: Ints, codes: Bytes,
) -> None:  # fmt: skip
    for c in range(lo, hi):
        _select_touches_one(
            offsets[c], offsets[c + 1], touch_ts, is_bot, same_offer, conversion_ts[c], window_us, codes
        )


@njit(nogil=True, cache=True, inline="always")
def _select_touches_one(
    start: int, stop: int, touch_ts: Ints, is_bot: Bytes, same_offer: Bytes, conversion_ts: int, window_us: Ints,
    codes: Bytes,
) -> None:  # fmt: skip
    for i in range(_place(start), _place(stop)):
        age = conversion_ts - touch_ts[i]
        # From the weakest word to the strongest, without branches: windows are too irregular to be guessed.
        code = BOT if is_bot[i] != 0 else ELIGIBLE
        code = OUTSIDE_WINDOW if age > window_us[i] else code
        code = AFTER_CONVERSION if age < 0 else code
        code = OTHER_OFFER if same_offer[i] == 0 else code
        codes[i] = code


# ---------------------------------------------------------------------------------------------- what they weigh


def last_click(offsets: Ints, codes: Bytes, precedence: Bytes, named: Bytes) -> Ints:
    """Weights of last_click: 1 for the winner, 0 for all others (contract 5).

    The winner is the latest eligible named touch; without one the latest of the highest precedence present.
    `offsets` (C+1); `codes` of `select_touches`, `precedence` (1 or more) and `named` (0 or 1) are (P). A journey
    without an eligible touch has no winner.
    """
    _check_offsets(offsets, codes.shape[0])
    _check_shapes(codes.shape[0], precedence, named)
    weights = np.zeros(codes.shape[0], np.int64)
    _last_click_range(0, offsets.shape[0] - 1, offsets, codes, precedence, named, weights)
    return weights


@njit(nogil=True, cache=True)
def _last_click_range(
    lo: int, hi: int, offsets: Ints, codes: Bytes, precedence: Bytes, named: Bytes, weights: Ints
) -> None:
    for c in range(lo, hi):
        winner = _last_click_one(offsets[c], offsets[c + 1], codes, precedence, named)
        if winner >= 0:
            weights[winner] = 1


@njit(nogil=True, cache=True, inline="always")
def _last_click_one(start: int, stop: int, codes: Bytes, precedence: Bytes, named: Bytes) -> int:
    winner, best = -1, 0
    for i in range(start, stop):
        # A named touch stands above every precedence, which is a byte.
        rank = 256 if named[i] != 0 else int(precedence[i])
        is_better = (codes[i] == ELIGIBLE) & (rank >= best)
        winner = i if is_better else winner
        best = rank if is_better else best
    return winner


def linear(offsets: Ints, codes: Bytes, precedence: Bytes, named: Bytes) -> Ints:
    """Weights of linear: 1 for each eligible touch (contract 5). Arguments as of `last_click`."""
    _check_offsets(offsets, codes.shape[0])
    _check_shapes(codes.shape[0], precedence, named)
    weights = np.zeros(codes.shape[0], np.int64)
    _linear_range(0, offsets.shape[0] - 1, offsets, codes, weights)
    return weights


@njit(nogil=True, cache=True)
def _linear_range(lo: int, hi: int, offsets: Ints, codes: Bytes, weights: Ints) -> None:
    for c in range(lo, hi):
        _linear_one(offsets[c], offsets[c + 1], codes, weights)


@njit(nogil=True, cache=True, inline="always")
def _linear_one(start: int, stop: int, codes: Bytes, weights: Ints) -> None:
    for i in range(_place(start), _place(stop)):
        weights[i] = 1 if codes[i] == ELIGIBLE else 0


# ----------------------------------------------------------------------------------- how money follows weights


def allocate(offsets: Ints, amounts: Ints, weights: Ints) -> Ints:
    """Integer parts of each amount by largest remainder (Hamilton's method); they add up to it exactly.

    Part i is |amount| × w_i / Σw rounded down; the units left over go one each to the largest remainders, the
    earlier touch first; a negative amount gives the negated parts. `offsets` (C+1), `amounts` (C) in any unit,
    `weights` (P) >= 0. A journey of weight 0 gets no parts, whatever its amount. Raises ValueError for a negative
    weight, Overflow where |amount| × w or Σw passes 64 bits.
    """
    _check_offsets(offsets, weights.shape[0])
    _check_shapes(offsets.shape[0] - 1, amounts)
    _check_products(offsets, amounts, weights)
    parts = np.zeros(weights.shape[0], np.int64)
    longest = int(np.diff(offsets).max(initial=0))
    _allocate_range(0, amounts.shape[0], offsets, amounts, weights, parts, np.empty(longest, np.int64))
    return parts


@njit(nogil=True, cache=True, error_model="numpy")
def _allocate_range(lo: int, hi: int, offsets: Ints, amounts: Ints, weights: Ints, parts: Ints, scratch: Ints) -> None:
    for c in range(lo, hi):
        start: int = _place(offsets[c])  # type: ignore[assignment]
        stop: int = _place(offsets[c + 1])  # type: ignore[assignment]
        _allocate_one(start, stop, amounts[c], weights, parts, scratch)


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _allocate_one(start: int, stop: int, amount: int, weights: Ints, parts: Ints, scratch: Ints) -> None:
    total = 0
    for i in range(start, stop):
        total += weights[i]
    if total == 0 or amount == 0:
        return
    sign = 1 if amount > 0 else -1
    size = amount * sign
    left, weight, part, rest = size, 0, 0, 0
    is_even = True  # all remainders are equal, but for zeros
    for i in range(start, stop):
        if weights[i] != weight:  # most touches weigh the same as the one before, and divisions are dear
            weight = weights[i]
            part = size * weight // total
            remainder = size * weight - part * total
            is_even = is_even and (rest == 0 or remainder == 0 or rest == remainder)
            rest = remainder if remainder != 0 else rest
        parts[i] = part * sign
        left -= part
    if left > 0 and is_even:
        _allocate_even(start, stop, left, sign, size, total, weights, parts)
    elif left > 0:
        _allocate_uneven(start, stop, left, sign, size, total, weights, parts, scratch)


@njit(nogil=True, cache=True, inline="always")
def _allocate_even(
    start: int, stop: int, left: int, sign: int, size: int, total: int, weights: Ints, parts: Ints
) -> None:
    """One unit each to the first `left` parts that have a remainder."""
    for i in range(start, stop):
        is_given = (left > 0) & (size * weights[i] != parts[i] * sign * total)
        parts[i] += sign if is_given else 0
        left -= 1 if is_given else 0


@njit(nogil=True, cache=True)
def _allocate_uneven(
    start: int, stop: int, left: int, sign: int, size: int, total: int, weights: Ints, parts: Ints, scratch: Ints
) -> None:
    """One unit each to the `left` largest remainders, the earlier first."""
    count = stop - start
    for j in range(count):
        scratch[j] = size * weights[start + j] - parts[start + j] * sign * total
    if count <= _SELECTION_SORT_MAX:
        for _ in range(left):
            best = 0
            for j in range(1, count):
                if scratch[j] > scratch[best]:
                    best = j
            scratch[best] = -1
            parts[start + _place(best)] += sign
    else:
        order = np.argsort(-scratch[:count], kind="mergesort")  # stable: of equal remainders the earlier first
        for k in range(left):
            parts[start + _place(order[k])] += sign


# ------------------------------------------------------------------------------------------------------- checks


def _check_offsets(offsets: Ints, touches: int) -> None:
    if offsets.ndim != 1 or offsets.shape[0] < 1 or offsets[0] != 0 or offsets[-1] != touches:
        raise ValueError("offsets are one more than journeys, from 0 to the number of touches")
    if offsets.shape[0] > 1 and int(np.diff(offsets).min()) < 0:
        raise ValueError("offsets never fall")


def _check_shapes(length: int, *arrays: Ints | Bytes) -> None:
    for array in arrays:
        if array.shape != (length,):
            raise ValueError(f"an array of {length} is wanted, this one has shape {array.shape}")


def _check_products(offsets: Ints, amounts: Ints, weights: Ints) -> None:
    if not weights.size or not amounts.size:
        return
    if int(weights.min()) < 0:
        raise ValueError("weights are 0 or more")
    heaviest = int(weights.max())
    # Bounds over all rows are cheap and nearly always enough; only if they fail is each journey looked at.
    largest = max(int(amounts.max()), -int(amounts.min()))
    if largest * heaviest <= INT64_MAX and heaviest * weights.shape[0] <= INT64_MAX:
        return
    for c in range(amounts.shape[0]):
        mine = [int(w) for w in weights[offsets[c] : offsets[c + 1]]]
        if abs(int(amounts[c])) * max(mine, default=0) > INT64_MAX or sum(mine) > INT64_MAX:
            raise Overflow(f"amount {int(amounts[c])} times its weights does not fit 64 bits (journey {c})")
