"""Split amounts by weights into exact integer parts, by largest remainder. Pure.

tests/reference/kernels.py has the plain twin.

Journeys are short and of any length, so a per-journey loop is dominated by branch mispredictions. This kernel groups
journeys by length and processes each group in parallel lanes, without branches.
"""

from typing import Any

import numpy as np
from numba import njit

from attribution.kernels.checks import Ints, Overflow, check_offsets, check_shapes

WEIGHTS_SUM_MAX = 2**60
"""Upper bound, exclusive, of the sum of weights of one journey, so that divisions fit 64 bits."""

_LENGTH_MAX = 24
"""Up to this many touches, counting larger remainders is faster than sorting."""

_BLOCK = 512
"""Journeys per block; their weights and parts fit the L2 cache."""

_LANES = 128
"""Number of journeys processed in parallel."""

_ROW = _LANES + 8
"""Length of a row of lanes. Rows of a power of two would map to the same cache lines."""

_SIZE_FAST = 2**48
"""Below this size, a floating-point quotient is off by at most one: its error is 4 × 2^-53 of it, an eighth."""

_FINE, _NEGATIVE, _TOO_HEAVY = 0, 1, 2

_index = np.uintp
"""Unsigned index: skips numba's negative-index check."""


def allocate(offsets: Ints, amounts: Ints, weights: Ints, out: Ints | None = None) -> Ints:
    """Split each amount into integer parts by largest remainder (Hamilton's method); they add up to it exactly.

    Part i is |amount| × w_i / Σw rounded down. The remaining units go one each to the largest remainders, the earlier
    touch first. A negative amount gives the negated parts. `offsets` is (C+1), `amounts` (C) in any unit, `weights`
    (P) >= 0. A journey whose weights are all 0 gets parts of 0. The result is written to `out` (P) if given, which
    avoids page faults of a new array. Raises ValueError for a negative weight, and Overflow if Σw reaches
    WEIGHTS_SUM_MAX or an amount is -2^63.
    """
    check_offsets(offsets, weights.shape[0])
    check_shapes(weights.shape[0], weights)
    check_shapes(offsets.shape[0] - 1, amounts)
    if amounts.size and int(amounts.min()) == -(2**63):
        raise Overflow(f"amount {-(2**63)} has no positive counterpart (journey {int(amounts.argmin())})")
    parts = np.empty(weights.shape[0], np.int64) if out is None else out
    check_shapes(weights.shape[0], parts)
    with np.errstate(over="ignore"):  # products may wrap, but their differences are exact; numba does not warn of them
        fault, at = _allocate_range(0, amounts.shape[0], offsets, amounts, weights, parts)
    if fault == _NEGATIVE:
        raise ValueError(f"weights are 0 or more (journey {at})")
    if fault == _TOO_HEAVY:
        raise Overflow(f"the weights of journey {at} add up to {WEIGHTS_SUM_MAX} or more")
    return parts


@njit(nogil=True, cache=True, error_model="numpy")
def _allocate_range(lo: int, hi: int, offsets: Ints, amounts: Ints, weights: Ints, parts: Ints) -> tuple[int, int]:
    rows = np.empty((5, _LENGTH_MAX * _ROW), np.int64)
    waiting = np.empty((2, _LENGTH_MAX + 1, _ROW), np.int64)
    filled = np.zeros(_LENGTH_MAX + 1, np.int64)
    for first in range(lo, hi, _BLOCK):
        last = min(first + _BLOCK, hi)
        bits, sizes = 0, 0
        for i in range(_index(offsets[first]), _index(offsets[last])):
            bits |= weights[i]
        for c in range(_index(first), _index(last)):
            sizes |= amounts[c] ^ (amounts[c] >> 63)
        if 0 <= bits <= 1:
            for c in range(_index(first), _index(last)):
                _allocate_even(offsets[c], offsets[c + _index(1)], amounts[c], weights, parts)
            continue
        heaviest = float(bits) * float(offsets[last] - offsets[first])
        if bits > 0 and sizes < _SIZE_FAST and heaviest < float(WEIGHTS_SUM_MAX):
            _allocate_block(first, last, offsets, amounts, weights, parts, rows, waiting, filled)
            continue
        for c in range(first, last):
            fault = _allocate_checked(offsets[c], offsets[c + 1], amounts[c], weights, parts)
            if fault != _FINE:
                return fault, c
    for n in range(1, _LENGTH_MAX + 1):
        if filled[n] > 0:
            # Pad unused lanes with copies of lane 0; their results are identical.
            waiting[0, n, filled[n] :], waiting[1, n, filled[n] :] = waiting[0, n, 0], waiting[1, n, 0]
            _allocate_lanes(
                _index(n), waiting[0, n], waiting[1, n], weights, parts, rows[0], rows[1], rows[2], rows[3], rows[4]
            )
    return _FINE, 0


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _allocate_even(start: int, stop: int, amount: int, weights: Ints, parts: Ints) -> None:
    """Split by weights of 0 and 1: equal parts, and one more unit for the first ones."""
    total = 0
    for i in range(_index(start), _index(stop)):
        total += weights[i]
    flip = amount >> 63  # -1 below 0: (x ^ flip) - flip negates then
    size = (amount ^ flip) - flip
    divisor = total if total > 0 else 1
    if size < 1 << 31:  # the common case; 32-bit division takes half the time
        part: int = np.int64(np.uint32(size) // np.uint32(divisor))  # type: ignore[assignment]
    else:
        part = size // divisor
    left = size - part * total
    for i in range(_index(start), _index(stop)):
        weight = weights[i]
        mine = (part + (1 if left > 0 else 0)) * weight
        left -= weight
        parts[i] = (mine ^ flip) - flip


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _allocate_block(
    first: int, last: int, offsets: Ints, amounts: Ints, weights: Ints, parts: Ints, rows: Ints, waiting: Ints,
    filled: Ints,
) -> None:  # fmt: skip
    """Buffer journeys by length until a full set of lanes is available; process long journeys immediately."""
    starts, values = waiting[0], waiting[1]
    # Touch the cache lines in order, because the parts are written out of order.
    parts[offsets[first] : offsets[last]] = 0
    for c in range(_index(first), _index(last)):
        length = _index(offsets[c + _index(1)] - offsets[c])
        if length > _index(_LENGTH_MAX):
            _allocate_one(offsets[c], offsets[c + _index(1)], amounts[c], weights, parts)
            continue
        at = _index(filled[length])
        starts[length, at], values[length, at] = offsets[c], amounts[c]
        filled[length] += 1
        if at == _index(_LANES - 1):
            filled[length] = 0
            _allocate_lanes(
                length, starts[length], values[length], weights, parts, rows[0], rows[1], rows[2], rows[3], rows[4]
            )  # fmt: skip


@njit(nogil=True, cache=True, error_model="numpy")
def _allocate_lanes(
    length: Any, starts: Ints, values: Ints, weights: Ints, parts: Ints, mine: Ints, rests: Ints, later: Ints,
    sooner: Ints, heads: Ints,
) -> None:  # fmt: skip
    """Process journeys of one length, one per lane: rows are touches, columns are journeys.

    Two rows are processed at a time; an odd number is padded with a row of weight 0. Arrays are flat and few per
    loop, because the compiler does not vectorise loops with many possible aliases.
    """
    lanes, count, one, two, row = _index(_LANES), _index(length), _index(1), _index(2), _index(_ROW)
    total, size, left, flip = _index(0), _index(_ROW), _index(2 * _ROW), _index(3 * _ROW)
    even, scale = (count + one) & ~one, heads[4 * _ROW :].view(np.float64)
    for m in range(lanes):
        sign = values[m] >> 63  # -1 below 0: (x ^ sign) - sign negates then
        heads[flip + m], heads[size + m], heads[total + m] = sign, (values[m] ^ sign) - sign, 0
    for j in range(_index(0), count, two):
        last = min(j + one, count - one)
        at, there = j * row, -np.int64(last != j)
        for m in range(lanes):
            a, b = weights[_index(starts[m]) + j], weights[_index(starts[m]) + last] & there
            mine[at + m], mine[at + row + m] = a, b
            heads[total + m] += a + b
    for m in range(lanes):
        heads[left + m] = heads[size + m] if heads[total + m] > 0 else 0
        heads[total + m] = max(heads[total + m], 1)
        scale[m] = float(heads[size + m]) / float(heads[total + m])
    for j in range(even):
        at = j * row
        for m in range(lanes):
            mine[at + m], rests[at + m] = _allocate_part(
                heads[size + m], mine[at + m], heads[total + m], scale[m]
            )  # fmt: skip
            heads[left + m] -= mine[at + m]
    # Rank of each remainder: the number of larger ones, and of equal ones of earlier touches. It is computed as
    # `later`, which starts with all following touches, minus `sooner`, the following touches that rank lower.
    sooner[: even * row] = 0
    for j in range(_index(0), even, two):
        at, by, behind = j * row, (j + one) * row, np.int64(even - one - j)
        for m in range(lanes):
            earlier = np.int64(rests[at + m] >= rests[by + m])
            later[at + m] = behind - earlier
            later[by + m] = behind - 1 + earlier
    for j in range(two, even, two):
        for k in range(_index(0), j, two):
            at, by = j * row, k * row
            for m in range(lanes):
                r, s = rests[at + m], rests[at + row + m]
                ar, br = np.int64(rests[by + m] >= r), np.int64(rests[by + row + m] >= r)
                a_s, b_s = np.int64(rests[by + m] >= s), np.int64(rests[by + row + m] >= s)
                later[at + m] += ar + br
                later[at + row + m] += a_s + b_s
                sooner[by + m] += ar + a_s
                sooner[by + row + m] += br + b_s
    for j in range(_index(0), count, two):
        last, at = min(j + one, count - one), j * row
        for m in range(lanes):
            sign, over = heads[flip + m], heads[left + m]
            a = mine[at + m] + np.int64(later[at + m] - sooner[at + m] < over)
            b = mine[at + row + m] + np.int64(later[at + row + m] - sooner[at + row + m] < over)
            # Write the padding row first; the part of the odd row then overwrites it.
            parts[_index(starts[m]) + last] = (b ^ sign) - sign
            parts[_index(starts[m]) + j] = (a ^ sign) - sign


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _allocate_part(size: int, weight: int, total: int, scale: float) -> tuple[int, int]:
    """Return size × weight / total and its remainder, exactly, for sizes below _SIZE_FAST; `scale` is size / total.

    The floating-point quotient is off by at most one. Both products may wrap at 64 bits; their difference is exact.
    """
    part: int = np.int64(scale * float(weight))  # type: ignore[assignment]
    rest = size * weight - part * total
    is_short, is_over = rest >= total, rest < 0
    part += (1 if is_short else 0) - (1 if is_over else 0)
    rest += (total if is_over else 0) - (total if is_short else 0)
    return part, rest


@njit(nogil=True, cache=True, error_model="numpy")
def _allocate_checked(start: int, stop: int, amount: int, weights: Ints, parts: Ints) -> int:
    """Process one journey with weights and amount of any size. Returns the fault found, or _FINE."""
    room, is_heavy = WEIGHTS_SUM_MAX, False
    for i in range(start, stop):
        if weights[i] < 0:
            return _NEGATIVE
        is_heavy |= weights[i] >= room
        room -= 0 if is_heavy else weights[i]
    if is_heavy:
        return _TOO_HEAVY
    _allocate_one(start, stop, amount, weights, parts)
    return _FINE


@njit(nogil=True, cache=True, error_model="numpy")
def _allocate_one(start: int, stop: int, amount: int, weights: Ints, parts: Ints) -> None:
    """Process one journey of any length."""
    total = 0
    for i in range(_index(start), _index(stop)):
        total += weights[i]
    flip = amount >> 63
    left = (amount ^ flip) - flip if total > 0 else 0
    size, total = left, max(total, 1)
    rests = np.empty(stop - start, np.int64)
    scale = float(size) / float(total)
    for j in range(stop - start):
        if size < _SIZE_FAST:
            part, rests[j] = _allocate_part(size, weights[start + j], total, scale)
        else:
            part, rests[j] = _allocate_wide(size, weights[start + j], total)
        parts[start + j] = part
        left -= part
    # Bisect for the smallest remainder that at most `left` remainders exceed: compiling a sort takes seconds.
    low, bound = -1, total - 1
    while bound - low > 1:
        middle = (low + bound) >> 1
        larger = 0
        for j in range(stop - start):
            larger += 1 if rests[j] > middle else 0
        if larger <= left:
            bound = middle
        else:
            low = middle
    ties = left
    for j in range(stop - start):
        ties -= 1 if rests[j] > bound else 0
    for j in range(stop - start):
        unit = 1 if rests[j] > bound else 0
        if rests[j] == bound and ties > 0:
            unit, ties = 1, ties - 1
        parts[start + j] = ((parts[start + j] + unit) ^ flip) - flip


@njit(nogil=True, cache=True, error_model="numpy")
def _allocate_wide(size: int, weight: int, total: int) -> tuple[int, int]:
    """Return part and remainder if size × weight exceeds 64 bits, by long division over digits of the size."""
    bits = 0
    while total >> bits:
        bits += 1
    digit_bits = 61 - bits  # then rest × 2^digit_bits + digit × weight < 2^62, as weight <= total < 2^bits
    digits = 1
    while size >> (digits * digit_bits):
        digits += 1
        if digits * digit_bits >= 63:
            break
    part, rest = 0, 0
    for d in range(digits - 1, -1, -1):
        digit = (size >> (d * digit_bits)) & ((1 << digit_bits) - 1)
        over = (rest << digit_bits) + digit * weight
        part = (part << digit_bits) + over // total
        rest = over % total
    return part, rest
