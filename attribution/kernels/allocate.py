"""How money follows weights: exact integer parts by largest remainder. Pure.

Kernels are serial on purpose: they release the GIL, so threads may take a range of journeys each, and no thread
count can change a result. tests/reference/kernels.py has the plain twin.

Journeys are short and of every length, so that a loop over one mostly waits for its end to be guessed wrong. Here
they are gathered by length, and journeys of one length are worked side by side: a lane each, no branches.
"""

from typing import Any

import numpy as np
from numba import njit

from attribution.kernels.checks import Ints, Overflow, check_offsets, check_shapes

WEIGHTS_SUM_MAX = 2**60
"""The weights of one journey add up to less, so that its divisions fit 64 bits."""

_LENGTH_MAX = 24
"""Up to this many touches, counting the larger remainders of each beats sorting."""

_BLOCK = 512
"""Journeys looked through at once; then their weights, and room for their parts, are in the second cache."""

_LANES = 128
"""Journeys side by side."""

_ROW = _LANES + 8
"""Numbers of a row of lanes; rows of a power of two would meet in the same lines of the cache."""

_SIZE_FAST = 2**48
"""Below this size a quotient by floats is off by one at most: its error is 4 × 2^-53 of it, an eighth."""

_FINE, _NEGATIVE, _TOO_HEAVY = 0, 1, 2

_place = np.uintp
"""Type of loop variables: numba spares an unsigned index the question whether it counts from the end."""


def allocate(offsets: Ints, amounts: Ints, weights: Ints, out: Ints | None = None) -> Ints:
    """Integer parts of each amount by largest remainder (Hamilton's method); they add up to it exactly.

    Part i is |amount| × w_i / Σw rounded down; the units left over go one each to the largest remainders, the
    earlier touch first; a negative amount gives the negated parts. `offsets` (C+1), `amounts` (C) in any unit,
    `weights` (P) >= 0. A journey of weight 0 gets no parts, whatever its amount. `out` (P) is written to if given,
    which spares a large array's page faults. Raises ValueError for a negative
    weight, Overflow where Σw reaches WEIGHTS_SUM_MAX or an amount is -2^63.
    """
    check_offsets(offsets, weights.shape[0])
    check_shapes(weights.shape[0], weights)
    check_shapes(offsets.shape[0] - 1, amounts)
    if amounts.size and int(amounts.min()) == -(2**63):
        raise Overflow(f"amount {-(2**63)} has no positive counterpart (journey {int(amounts.argmin())})")
    parts = np.empty(weights.shape[0], np.int64) if out is None else out
    check_shapes(weights.shape[0], parts)
    with np.errstate(over="ignore"):  # for products that wrap, whose differences are right; numba never warns of them
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
        for i in range(_place(offsets[first]), _place(offsets[last])):
            bits |= weights[i]
        for c in range(_place(first), _place(last)):
            sizes |= amounts[c] ^ (amounts[c] >> 63)
        if 0 <= bits <= 1:
            for c in range(_place(first), _place(last)):
                _allocate_even(offsets[c], offsets[c + _place(1)], amounts[c], weights, parts)
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
            # Lanes that nobody fills repeat the first, whose parts come out the same.
            waiting[0, n, filled[n] :], waiting[1, n, filled[n] :] = waiting[0, n, 0], waiting[1, n, 0]
            _allocate_lanes(
                n, waiting[0, n], waiting[1, n], weights, parts, rows[0], rows[1], rows[2], rows[3], rows[4]
            )
    return _FINE, 0


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _allocate_even(start: int, stop: int, amount: int, weights: Ints, parts: Ints) -> None:
    """Weights of 0 and 1 only: equal parts, and one unit more for the first ones."""
    total = 0
    for i in range(_place(start), _place(stop)):
        total += weights[i]
    flip = amount >> 63  # -1 below 0: (x ^ flip) - flip negates then
    size = (amount ^ flip) - flip
    divisor = total if total > 0 else 1
    if size < 1 << 31:  # most are, and 32 bits divide in half the time
        part: int = np.int64(np.uint32(size) // np.uint32(divisor))  # type: ignore[assignment]
    else:
        part = size // divisor
    left = size - part * total
    for i in range(_place(start), _place(stop)):
        weight = weights[i]
        mine = (part + (1 if left > 0 else 0)) * weight
        left -= weight
        parts[i] = (mine ^ flip) - flip


@njit(nogil=True, cache=True, error_model="numpy")
def _allocate_block(
    first: int, last: int, offsets: Ints, amounts: Ints, weights: Ints, parts: Ints, rows: Ints, waiting: Ints,
    filled: Ints,
) -> None:  # fmt: skip
    """Journeys wait, by length, until as many are there as lanes; long ones are worked at once."""
    starts, values = waiting[0], waiting[1]
    # Written in order once, so that lines of the cache are there when parts come out of order.
    parts[offsets[first] : offsets[last]] = 0
    for c in range(_place(first), _place(last)):
        length = _place(offsets[c + _place(1)] - offsets[c])
        if length > _place(_LENGTH_MAX):
            _allocate_one(offsets[c], offsets[c + _place(1)], amounts[c], weights, parts)
            continue
        at = _place(filled[length])
        starts[length, at], values[length, at] = offsets[c], amounts[c]
        filled[length] += 1
        if at == _place(_LANES - 1):
            filled[length] = 0
            _allocate_lanes(
                length, starts[length], values[length], weights, parts, rows[0], rows[1], rows[2], rows[3], rows[4]
            )  # fmt: skip


@njit(nogil=True, cache=True, error_model="numpy")
def _allocate_lanes(
    length: Any, starts: Ints, values: Ints, weights: Ints, parts: Ints, mine: Ints, rests: Ints, later: Ints,
    sooner: Ints, heads: Ints,
) -> None:  # fmt: skip
    """Journeys of one length, each in a lane: rows are touches, columns journeys.

    Two rows at a time, a row of weight 0 behind an odd one. Flat arrays and few of them in a loop: the compiler gives
    up on vectors where it has many pairs of rows to tell apart.
    """
    lanes, count, one, two, row = _place(_LANES), _place(length), _place(1), _place(2), _place(_ROW)
    total, size, left, flip = _place(0), _place(_ROW), _place(2 * _ROW), _place(3 * _ROW)
    even, scale = (count + one) & ~one, heads[4 * _ROW :].view(np.float64)
    for m in range(lanes):
        sign = values[m] >> 63  # -1 below 0: (x ^ sign) - sign negates then
        heads[flip + m], heads[size + m], heads[total + m] = sign, (values[m] ^ sign) - sign, 0
    for j in range(_place(0), count, two):
        last = min(j + one, count - one)
        at, there = j * row, -np.int64(last != j)
        for m in range(lanes):
            a, b = weights[_place(starts[m]) + j], weights[_place(starts[m]) + last] & there
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
    # How many remainders are served before each: the larger ones, and the earlier of equal ones. It is `later`, which
    # begins at all behind it, less `sooner`: those behind it that are not served before.
    sooner[: even * row] = 0
    for j in range(_place(0), even, two):
        at, by, behind = j * row, (j + one) * row, np.int64(even - one - j)
        for m in range(lanes):
            earlier = np.int64(rests[at + m] >= rests[by + m])
            later[at + m] = behind - earlier
            later[by + m] = behind - 1 + earlier
    for j in range(two, even, two):
        for k in range(_place(0), j, two):
            at, by = j * row, k * row
            for m in range(lanes):
                r, s = rests[at + m], rests[at + row + m]
                ar, br = np.int64(rests[by + m] >= r), np.int64(rests[by + row + m] >= r)
                a_s, b_s = np.int64(rests[by + m] >= s), np.int64(rests[by + row + m] >= s)
                later[at + m] += ar + br
                later[at + row + m] += a_s + b_s
                sooner[by + m] += ar + a_s
                sooner[by + row + m] += br + b_s
    for j in range(_place(0), count, two):
        last, at = min(j + one, count - one), j * row
        for m in range(lanes):
            sign, over = heads[flip + m], heads[left + m]
            a = mine[at + m] + np.int64(later[at + m] - sooner[at + m] < over)
            b = mine[at + row + m] + np.int64(later[at + row + m] - sooner[at + row + m] < over)
            # The row behind an odd one first: the odd one's own part takes its place.
            parts[_place(starts[m]) + last] = (b ^ sign) - sign
            parts[_place(starts[m]) + j] = (a ^ sign) - sign


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _allocate_part(size: int, weight: int, total: int, scale: float) -> tuple[int, int]:
    """size × weight / total and its remainder, exactly, for sizes up to _SIZE_FAST; `scale` is size / total.

    The quotient by floats is off by one at most. Both products may wrap around 64 bits; their difference does not.
    """
    part: int = np.int64(scale * float(weight))  # type: ignore[assignment]
    rest = size * weight - part * total
    is_short, is_over = rest >= total, rest < 0
    part += (1 if is_short else 0) - (1 if is_over else 0)
    rest += (total if is_over else 0) - (total if is_short else 0)
    return part, rest


@njit(nogil=True, cache=True, error_model="numpy")
def _allocate_checked(start: int, stop: int, amount: int, weights: Ints, parts: Ints) -> int:
    """Any weights and any size. Returns what is wrong with them."""
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
    """One journey by itself: remainders are sorted."""
    total = 0
    for i in range(_place(start), _place(stop)):
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
    order = np.argsort(-rests, kind="mergesort")  # stable: of equal remainders the earlier first
    for k in range(left):
        parts[start + order[k]] += 1
    for i in range(_place(start), _place(stop)):
        parts[i] = (parts[i] ^ flip) - flip


@njit(nogil=True, cache=True, error_model="numpy")
def _allocate_wide(size: int, weight: int, total: int) -> tuple[int, int]:
    """Part and remainder where size × weight passes 64 bits: long division, digit by digit of the size."""
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
