"""Credits of the rules over counted paths, all of them in one scan. Pure.

A rule gives each touch of a path a share of the path's value; the shares of a path add up to 1. Credits are summed in
fixed point of 114 bits, so sums are correct to the last bit of a float and do not depend on the order of rows, on the
names of channels or on the number of shards. tests/reference/paths.py is the plain reference.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from attribution.paths.path_table import COUNT_MAX, Floats, PathTable
from attribution.paths.tokenize import Bytes, Codes, Ints
from schemas.values.model_names import FITTED

FIRST, LAST_TOUCH, LAST_CLICK, LAST_NON_DIRECT, COUPON_FIRST = 0, 1, 2, 3, 4
LINEAR, SET_LINEAR, POSITION, W_SHAPED, TIME_DECAY, CUSTOM = 5, 6, 7, 8, 9, 10
RULES = {
    "first": FIRST, "last_touch": LAST_TOUCH, "last_click": LAST_CLICK, "last_non_direct": LAST_NON_DIRECT,
    "coupon_first": COUPON_FIRST, "linear": LINEAR, "set_linear": SET_LINEAR, "position": POSITION,
    "w_shaped": W_SHAPED, "time_decay": TIME_DECAY, "custom": CUSTOM,
}  # fmt: skip
_COUPON = 3
_FRACTION_BITS = 52
_FRACTION = 1 << _FRACTION_BITS
_WHOLE_BITS = 61


@dataclass(frozen=True)
class Rule:
    """Rule and its parameters: weights in any unit; for time_decay, the half-life in µs."""

    name: str
    parameters: tuple[int, ...] = ()


@dataclass(frozen=True)
class Credits:
    """Credits of each channel (C+1); the last entry is for paths without touches."""

    conversions: Floats
    values: Floats
    squares: Floats
    """Σ conversions × share², for the standard error of a share (intervals.py)."""


def credit_paths(table: PathTable, rules: Sequence[Rule], ignored: Sequence[str] = ()) -> list[Credits]:
    """Compute the credits of each rule, in the order given.

    `ignored` are the channels that last_non_direct skips if a path has others. Raises ValueError for a rule that needs
    times or types if the table has none.
    """
    for rule in rules:
        _check(table, rule)
    count, paths = len(table.names), table.offsets.shape[0] - 1
    kinds = np.array([RULES[rule.name] for rule in rules], np.int64)
    parameters = np.zeros((len(rules), max((len(rule.parameters) for rule in rules), default=0) + 1))
    for m, rule in enumerate(rules):
        parameters[m, 0] = len(rule.parameters)
        parameters[m, 1 : len(rule.parameters) + 1] = rule.parameters
    passed = np.array([name in set(ignored) for name in table.names], np.uint8)
    scales = np.array([_scale(table.conversions), _scale(table.values)])
    sums = np.zeros((len(rules), count + 1, 4), np.int64)
    squares = np.zeros((len(rules), count + 1))
    longest = int(np.diff(table.offsets).max(initial=0))
    kinds_of = table.kinds if table.kinds is not None else np.empty(0, np.uint8)
    ages = table.ages_us if table.ages_us is not None else np.empty(0, np.int64)
    _credit_paths_range(
        0, paths, table.offsets, table.codes, kinds_of, table.kinds is not None, ages, table.conversions,
        table.values, kinds, parameters, passed, scales, np.empty(longest), np.full(count, -1, np.int64), sums, squares,
    )  # fmt: skip
    credits = []
    for m in range(len(rules)):
        both = [_total(sums[m, :, 2 * k], sums[m, :, 2 * k + 1], float(scales[k])) for k in range(2)]
        credits.append(Credits(both[0], both[1], squares[m]))
    return credits


def _check(table: PathTable, rule: Rule) -> None:
    if rule.name == FITTED:
        raise ValueError("fitted(ID) uses the [[fits]] of a program, which a file does not have; use markov or shapley")
    if rule.name == "time_decay" and table.ages_us is None:
        raise ValueError(
            "time_decay needs the time of each touch, which a path table does not have; give an event table, or choose "
            "position or custom"
        )
    if rule.name == "coupon_first" and table.kinds is None:
        raise ValueError(
            "coupon_first needs the type of each touch, which a path table does not have; give an event table"
        )


def _scale(column: Floats) -> float:
    """Return a power of 2 that brings the sum of the column below 2^61, in any order of its rows."""
    largest = float(np.abs(column).max(initial=0.0)) * max(1, column.shape[0])
    return 2.0 ** (_WHOLE_BITS - math.frexp(largest)[1]) if largest else 1.0


def _total(whole: Ints, fraction: Ints, scale: float) -> Floats:
    exact = [(w << _FRACTION_BITS) + f for w, f in zip(whole.tolist(), fraction.tolist(), strict=True)]
    return np.array([math.ldexp(value, -_FRACTION_BITS) / scale for value in exact], np.float64)


def total_of(column: Floats) -> float:
    """Sum a column independently of the order of its rows; whole numbers below 2^53 have exact sums anyway."""
    total = float(column.sum())
    if abs(total) < COUNT_MAX and bool((column == np.floor(column)).all()) and float(np.abs(column).sum()) < COUNT_MAX:
        return total
    return math.fsum(column[column != 0].tolist())


@njit(nogil=True, cache=True)
def _credit_paths_range(
    lo: int, hi: int, offsets: Ints, codes: Codes, kinds: Bytes, has_kinds: bool, ages: Ints, conversions: Floats,
    values: Floats, rules: Ints, parameters: Floats, ignored: Bytes, scales: Floats, shares: Floats, seen: Ints,
    sums: Ints, squares: Floats,
) -> None:  # fmt: skip
    for j in range(lo, hi):
        if conversions[j] == 0.0:
            continue
        start, stop = offsets[j], offsets[j + 1]
        for m in range(rules.shape[0]):
            if start == stop:
                _credit_paths_add(m, ignored.shape[0], 1.0, conversions[j], values[j], scales, sums, squares)
                continue
            if rules[m] < LINEAR:
                winner = _credit_paths_winner(rules[m], start, stop, codes, kinds, has_kinds, ignored)
                _credit_paths_add(m, codes[winner], 1.0, conversions[j], values[j], scales, sums, squares)
                continue
            if rules[m] == SET_LINEAR:
                _credit_paths_set(j * rules.shape[0] + m, start, stop, codes, seen, shares)
            else:
                _credit_paths_shares(rules[m], parameters[m], start, stop, kinds, has_kinds, ages, shares)
            for i in range(stop - start):
                if shares[i] != 0.0:
                    _credit_paths_add(m, codes[start + i], shares[i], conversions[j], values[j], scales, sums, squares)


@njit(nogil=True, cache=True, inline="always")
def _credit_paths_add(
    m: int, channel: int, share: float, conversions: float, value: float, scales: Floats, sums: Ints, squares: Floats
) -> None:
    """Add share × value in fixed point: whole units, and 52 bits of fraction, both exact."""
    scaled = conversions * share * scales[0]
    whole = math.floor(scaled)
    fraction = sums[m, channel, 1] + int((scaled - whole) * _FRACTION)
    sums[m, channel, 0] += int(whole) + (fraction >> _FRACTION_BITS)
    sums[m, channel, 1] = fraction & (_FRACTION - 1)
    scaled = value * share * scales[1]
    whole = math.floor(scaled)
    fraction = sums[m, channel, 3] + int((scaled - whole) * _FRACTION)
    sums[m, channel, 2] += int(whole) + (fraction >> _FRACTION_BITS)
    sums[m, channel, 3] = fraction & (_FRACTION - 1)
    squares[m, channel] += conversions * share * share


@njit(nogil=True, cache=True)
def _credit_paths_winner(
    rule: int, start: int, stop: int, codes: Codes, kinds: Bytes, has_kinds: bool, ignored: Bytes
) -> int:
    """Return the index of the touch that gets everything."""
    if rule == FIRST:
        return start
    winner = stop - 1
    if rule == LAST_NON_DIRECT:
        for i in range(start, stop):
            winner = i if ignored[codes[i]] == 0 else winner
        if ignored[codes[winner]] != 0:
            winner = stop - 1
    elif rule != LAST_TOUCH and has_kinds:  # last_click and coupon_first: a coupon, a click, an impression
        best = 0
        for i in range(start, stop):
            is_better = kinds[i] >= best
            winner = i if is_better else winner
            best = int(kinds[i]) if is_better else best
    return winner


@njit(nogil=True, cache=True)
def _credit_paths_set(stamp: int, start: int, stop: int, codes: Codes, seen: Ints, shares: Floats) -> None:
    """Give equal shares to the first touch of each distinct channel; `stamp` marks channels seen in this path."""
    distinct = 0
    for i in range(start, stop):
        is_new = seen[codes[i]] != stamp
        seen[codes[i]] = stamp
        shares[i - start] = 1.0 if is_new else 0.0
        distinct += 1 if is_new else 0
    for i in range(stop - start):
        shares[i] /= distinct


@njit(nogil=True, cache=True)
def _credit_paths_shares(
    rule: int, parameters: Floats, start: int, stop: int, kinds: Bytes, has_kinds: bool, ages: Ints, shares: Floats
) -> None:
    count = stop - start
    for i in range(count):
        shares[i] = 1.0
    if rule in (POSITION, W_SHAPED):
        # parameters: first, rest, last; or first, middle, last, rest
        middle = parameters[2] if rule == W_SHAPED else 0.0
        rest = parameters[4] if rule == W_SHAPED else parameters[2]
        stage = (count - 1) // 2 if middle > 0.0 and count >= 3 else -1
        with_role = min(count, 3 if stage >= 0 else 2)
        for i in range(count):
            has_role = i == 0 or i == count - 1 or i == stage
            role = (parameters[1] if i == 0 else 0.0) + (parameters[3] if i == count - 1 else 0.0)
            role += middle if i == stage else 0.0
            if count == with_role:
                shares[i] = role + rest / count
            else:
                shares[i] = role if has_role else rest / (count - with_role)
    elif rule == TIME_DECAY:
        youngest = ages[stop - 1]
        for i in range(count):
            shares[i] = 2.0 ** (-(ages[start + i] - youngest) / parameters[1])
    elif rule == CUSTOM:
        _credit_paths_custom(parameters, start, count, kinds, has_kinds, shares)
    total = 0.0
    for i in range(count):
        total += shares[i]
    for i in range(count):
        shares[i] /= total


@njit(nogil=True, cache=True)
def _credit_paths_custom(
    parameters: Floats, start: int, count: int, kinds: Bytes, has_kinds: bool, shares: Floats
) -> None:
    """Assign the weights by precedence, then backwards in time, until they are used up."""
    for i in range(count):
        shares[i] = 0.0
    given, reach = 0, int(parameters[0])
    for level in range(_COUPON, 0, -1):
        if level != 1 and not has_kinds:
            continue
        for i in range(count - 1, -1, -1):
            if given < reach and (not has_kinds or kinds[start + i] == level):
                given += 1
                shares[i] = parameters[given]
