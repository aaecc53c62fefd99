"""Conversions credited straight from a run of touches, in one scan and without a number written per touch.

Windows are those of each touch's lane, offers must agree, lanes of precedence 0 never count; instants are inclusive.
For whole shards, where only sums or winners are wanted; what each touch got is for kernels_rules.py and
kernels_money.py, which come to the same cents. Pure; tests/reference/runs.py has the plain twins.
"""

from typing import Any

import numpy as np
from numba import njit

from attribution.kernels_checks import Ints
from attribution.kernels_fetch import AHEAD, fetch
from attribution.touches import LANE_BITS, LANE_MASK, BadColumns, Numbers, Shard, Spans

RULES = ("first", "last_click", "linear", "set_linear", "position")
"""The rules of one scan, in the order of its sums."""

PARTNERS_MAX = 1 << 24
VALUES_MAX = 2**61
"""Largest sum of values of one scan, minor units: twice of it fits 64 bits."""

_LINE = 8
"""Sums of a partner, padded to one line of the cache."""

_RANK_BITS = 48
"""Below these bits of a rank is a touch's place, above them its precedence: the largest is the latest of the best."""

_place = np.uintp


def last_click_winners(shard: Shard, spans: Spans, out: Ints | None = None) -> Ints:
    """Place of the touch that last_click credits, for each conversion (C); -1 where none counts.

    Journeys are read backwards, and only until no earlier touch can win. `out` (C) is written to if given.
    """
    touches, lanes, conversions = shard.touches, shard.lanes, spans.conversions
    winners = np.empty(spans.start.shape[0], np.int64) if out is None else out
    _last_click_winners(
        spans.start, spans.stop, touches.ts, touches.lane, lanes.offer, lanes.window_us, conversions.ts,
        conversions.offer, shard.precedence, winners,
    )  # fmt: skip
    return winners


@njit(nogil=True, cache=True)
def _last_click_winners(
    start: Ints, stop: Ints, ts: Ints, lane: Numbers, offer: Numbers, window_us: Ints, of_ts: Ints, of_offer: Numbers,
    highest: int, winners: Ints,
) -> None:  # fmt: skip
    enough, final = highest << _RANK_BITS, start.shape[0] - 1
    for c in range(start.shape[0]):
        soon = stop[min(c + AHEAD, final)] - 1
        fetch(ts, soon)
        fetch(lane, soon)
        when, wanted, best = of_ts[c], of_offer[c], 0
        i, low = _place(stop[c]), _place(start[c])
        # Three at once, the earliest again where there are fewer: where one suffices cannot be guessed, and a wrong
        # guess costs more than two touches.
        while (i > low) & (best < enough):
            room = i - low
            second, third = i - min(room, _place(2)), i - min(room, _place(3))
            latest = _last_click_rank(i - _place(1), ts, lane, offer, window_us, when, wanted)
            before = _last_click_rank(second, ts, lane, offer, window_us, when, wanted)
            earliest = _last_click_rank(third, ts, lane, offer, window_us, when, wanted)
            # Of two at a time: the compiler makes branches of a max of four.
            best = max(best, max(max(latest, before), earliest))
            i = third
        winners[c] = best & (1 << _RANK_BITS) - 1 if best > 0 else -1


@njit(nogil=True, cache=True, inline="always")
def _last_click_rank(
    i: Any, ts: Ints, lane: Numbers, offer: Numbers, window_us: Ints, when: int, wanted: int
) -> int:  # fmt: skip
    """Precedence and place of a touch in one number, or 0 if it does not count."""
    kind = _place(lane[i] & LANE_MASK)
    precedence: int = np.int64(lane[i] >> LANE_BITS)  # type: ignore[assignment]
    counts = (precedence > 0) & (offer[kind] == wanted) & (when - ts[i] <= window_us[kind])
    # A mask in place of a choice, which would become a branch that nobody can guess.
    return ((precedence << _RANK_BITS) + np.int64(i)) & -np.int64(counts)  # type: ignore[return-value]


def sums_of_rules(shard: Shard, spans: Spans) -> Ints:
    """What each rule of RULES gives each partner, in minor units: (5, partners + 1), the last column is nobody's.

    Each conversion's value is split by largest remainder, the earlier touch first, as `allocate` would; position is
    40/20/40. Raises BadColumns where values are too large for a sum in 64 bits, or numbers of partners for a table.
    """
    touches, lanes, conversions = shard.touches, shard.lanes, spans.conversions
    if shard.partners > PARTNERS_MAX:
        raise BadColumns(f"partner: numbers are below {PARTNERS_MAX}; number the partners anew")
    if float(np.abs(conversions.value).sum(dtype=np.float64)) > VALUES_MAX:
        raise BadColumns(f"value: all together are above {VALUES_MAX} minor units; take fewer conversions")
    # A partner's sums stand in one line of the cache, nobody's behind them.
    sums = np.zeros((shard.partners + 1, _LINE), np.int64)
    longest = int((spans.stop - spans.start).max(initial=0))
    _sums_of_rules(
        spans.start, spans.stop, touches.ts, touches.lane, touches.partner, lanes.offer, lanes.window_us,
        conversions.ts, conversions.offer, conversions.value, np.empty((2, longest + 1), np.int64),
        np.full(shard.partners, -1, np.int64), sums,
    )  # fmt: skip
    return np.ascontiguousarray(sums[:, : len(RULES)].T)


@njit(nogil=True, cache=True, error_model="numpy")
def _sums_of_rules(
    start: Ints, stop: Ints, ts: Ints, lane: Numbers, partner: Numbers, offer: Numbers, window_us: Ints, of_ts: Ints,
    of_offer: Numbers, of_value: Ints, scratch: Ints, seen: Ints, sums: Ints,
) -> None:  # fmt: skip
    mine, is_new = scratch[0], scratch[1]
    for c in range(start.shape[0]):
        when, wanted, value = of_ts[c], of_offer[c], of_value[c]
        count, best, different = 0, 0, 0
        for i in range(_place(start[c]), _place(stop[c])):
            kind = _place(lane[i] & LANE_MASK)
            precedence: int = np.int64(lane[i] >> LANE_BITS)  # type: ignore[assignment]
            counts = (precedence > 0) & (offer[kind] == wanted) & (when - ts[i] <= window_us[kind])
            # Written in any case, and kept where it counts; sums and masks in place of choices, which would become
            # branches that nobody can guess.
            hit: int = np.int64(counts)  # type: ignore[assignment]
            p = _place(partner[i])
            was = seen[p]
            new: int = hit & np.int64(was != c)  # type: ignore[assignment]
            mine[_place(count)] = p
            is_new[_place(count)] = new
            seen[p] = was ^ ((was ^ c) & -hit)
            best = max(best, ((precedence << _RANK_BITS) + np.int64(i)) & -hit)  # type: ignore[assignment]
            count += hit
            different += new
        if count == 0:
            sums[-1, : len(RULES)] += value
        elif count == 1:
            sums[mine[0], : len(RULES)] += value
        else:
            sums[mine[0], 0] += value
            sums[_place(partner[_place(best & (1 << _RANK_BITS) - 1)]), 1] += value
            _sums_of_many(count, different, value, mine, is_new, sums)


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _sums_of_many(count: int, different: int, value: int, mine: Ints, is_new: Ints, sums: Ints) -> None:
    """linear, set_linear and position of a journey of two touches and more, of so many different partners."""
    sign = 1 if value >= 0 else -1
    size = value * sign
    part, of_set = _sums_quotient(size, count), _sums_quotient(size, different)
    left, set_left = size - part * count, size - of_set * different
    # position: 2/5 for the first and the last, 1/5 shared by those between; of two touches each takes half.
    between = max(count - 2, 1)
    end = _sums_quotient(2 * size, 5) if count > 2 else part
    middle = _sums_quotient(size, 5 * between) if count > 2 else 0
    over = size - 2 * end - (count - 2) * middle
    end_rest, middle_rest = (2 * size - 5 * end) * between, size - 5 * between * middle
    # Units that are over go to the largest remainders, the earlier touch first: who is served from which unit on.
    first_from = count - 1 if (end_rest < middle_rest) & (count > 2) else 1
    last_from = 2 if (end_rest > middle_rest) | (count == 2) else count
    middle_from = 2 if end_rest > middle_rest else 1 if end_rest == middle_rest else 0
    for k in range(count):
        p = mine[k]
        sums[p, 2] += (part + (1 if k < left else 0)) * sign
        sums[p, 3] += (of_set + (1 if set_left > 0 else 0)) * is_new[k] * sign
        sums[p, 4] += (middle + (1 if k + middle_from <= over else 0)) * sign
        set_left -= is_new[k]
    # The ends were given a middle's part; now they get their own.
    sums[mine[0], 4] += (end + (1 if over >= first_from else 0) - middle - (1 if middle_from <= over else 0)) * sign
    as_middle = middle + (1 if count - 1 + middle_from <= over else 0)
    sums[mine[count - 1], 4] += (end + (1 if over >= last_from else 0) - as_middle) * sign


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _sums_quotient(size: int, divisor: int) -> int:
    """Rounded down; 32 bits divide in half the time, and nearly always do."""
    if size < 1 << 31:
        small: int = np.int64(np.uint32(size) // np.uint32(divisor))  # type: ignore[assignment]
        return small
    return size // divisor
