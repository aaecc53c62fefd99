"""How money follows weights: exact integer parts by largest remainder. Pure.

Kernels are serial on purpose: they release the GIL, so threads may take a range of journeys each, and no thread
count can change a result. tests/reference/kernels.py has the plain twin.
"""

import numpy as np
from numba import njit

from attribution.kernels_checks import Ints, Overflow, check_offsets, check_shapes

WEIGHTS_SUM_MAX = 2**60
"""The weights of one journey add up to less, so that its divisions fit 64 bits."""

_COUNTED_MAX = 24
"""Up to this many touches, counting the larger remainders of each beats sorting."""

_FLOAT_EXACT = 2**53
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
    with np.errstate(over="ignore"):  # for sums that wrap, which are found out; numba never warns of them
        fault, at = _allocate_range(0, amounts.shape[0], offsets, amounts, weights, parts)
    if fault == _NEGATIVE:
        raise ValueError(f"weights are 0 or more (journey {at})")
    if fault == _TOO_HEAVY:
        raise Overflow(f"the weights of journey {at} add up to {WEIGHTS_SUM_MAX} or more")
    return parts


@njit(nogil=True, cache=True, error_model="numpy")
def _allocate_range(lo: int, hi: int, offsets: Ints, amounts: Ints, weights: Ints, parts: Ints) -> tuple[int, int]:
    scratch = np.empty(_COUNTED_MAX, np.int64)
    for c in range(lo, hi):
        start: int = _place(offsets[c])  # type: ignore[assignment]
        stop: int = _place(offsets[c + 1])  # type: ignore[assignment]
        amount = amounts[c]
        total, bits = 0, 0
        for i in range(start, stop):
            total += weights[i]
            bits |= weights[i]
        if 0 <= bits <= 1:
            _allocate_even(start, stop, amount, total, weights, parts)
        else:
            if offsets[c + 1] - offsets[c] > scratch.shape[0]:
                scratch = np.empty(2 * (offsets[c + 1] - offsets[c]), np.int64)
            fault = _allocate_one(start, stop, amount, total, bits, weights, parts, scratch)
            if fault != _FINE:
                return fault, c
    return _FINE, 0


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _allocate_even(start: int, stop: int, amount: int, total: int, weights: Ints, parts: Ints) -> None:
    """Weights of 0 and 1 only: equal parts, and one unit more for the first ones."""
    flip = amount >> 63  # -1 below 0: (x ^ flip) - flip negates then
    size = (amount ^ flip) - flip
    divisor = total if total > 0 else 1
    if size < 1 << 31:  # most are, and 32 bits divide in half the time
        part: int = np.int64(np.uint32(size) // np.uint32(divisor))  # type: ignore[assignment]
    else:
        part = size // divisor
    left = size - part * total
    for i in range(start, stop):
        weight = weights[i]
        mine = (part + (1 if left > 0 else 0)) * weight
        left -= weight
        parts[i] = (mine ^ flip) - flip


@njit(nogil=True, cache=True, error_model="numpy")
def _allocate_one(
    start: int, stop: int, amount: int, total: int, bits: int, weights: Ints, parts: Ints, rests: Ints
) -> int:
    """Any weights. Returns what is wrong with them."""
    if bits < 0:
        return _NEGATIVE
    count: int = np.int64(stop - start)  # type: ignore[assignment]
    if float(bits) * float(count) >= float(WEIGHTS_SUM_MAX) and _allocate_is_too_heavy(start, stop, weights):
        return _TOO_HEAVY
    flip = amount >> 63
    size = (amount ^ flip) - flip
    left = size
    if float(size) * float(bits) < _FLOAT_EXACT:
        # Products are exact as floats, so the quotient is off by one at most.
        inverse = 1.0 / float(total)
        for j in range(count):
            product = size * weights[start + _place(j)]
            part: int = np.int64(float(product) * inverse)  # type: ignore[assignment]
            rest = product - part * total
            part += (1 if rest >= total else 0) - (1 if rest < 0 else 0)
            parts[start + _place(j)] = part
            rests[j] = product - part * total
            left -= part
    else:
        left = _allocate_wide(start, stop, size, total, weights, parts, rests)
    _allocate_left(start, stop, left, parts, rests)
    for i in range(start, stop):
        parts[i] = (parts[i] ^ flip) - flip
    return _FINE


@njit(nogil=True, cache=True)
def _allocate_is_too_heavy(start: int, stop: int, weights: Ints) -> bool:
    """Whether the weights add up to WEIGHTS_SUM_MAX or more; a plain sum of them may have wrapped around."""
    room = WEIGHTS_SUM_MAX
    for i in range(start, stop):
        if weights[i] >= room:
            return True
        room -= weights[i]
    return False


@njit(nogil=True, cache=True, error_model="numpy")
def _allocate_wide(start: int, stop: int, size: int, total: int, weights: Ints, parts: Ints, rests: Ints) -> int:
    """Parts and remainders where size × weight passes 64 bits: long division, digit by digit of the size."""
    bits = 0
    while total >> bits:
        bits += 1
    digit_bits = 61 - bits  # then rest × 2^digit_bits + digit × weight < 2^62, as weight <= total < 2^bits
    digits = 1
    while size >> (digits * digit_bits):
        digits += 1
        if digits * digit_bits >= 63:
            break
    left = size
    for j in range(stop - start):
        weight = weights[start + j]
        part, rest = 0, 0
        for d in range(digits - 1, -1, -1):
            digit = (size >> (d * digit_bits)) & ((1 << digit_bits) - 1)
            over = (rest << digit_bits) + digit * weight
            part = (part << digit_bits) + over // total
            rest = over % total
        parts[start + j] = part
        rests[j] = rest
        left -= part
    return left


@njit(nogil=True, cache=True)
def _allocate_left(start: int, stop: int, left: int, parts: Ints, rests: Ints) -> None:
    """One unit each to the `left` largest remainders, the earlier first."""
    count: int = np.int64(stop - start)  # type: ignore[assignment]
    if left <= 0:
        return
    if count <= _COUNTED_MAX:
        for j in range(count):
            mine, above = rests[j], 0
            for k in range(count):
                above += 1 if (rests[k] > mine) | ((rests[k] == mine) & (k < j)) else 0
            parts[start + _place(j)] += 1 if above < left else 0
    else:
        order = np.argsort(-rests[:count], kind="mergesort")  # stable: of equal remainders the earlier first
        for k in range(left):
            parts[start + _place(order[k])] += 1
