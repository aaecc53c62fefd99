"""Conversions credited straight from a run of touches, in one scan and without a number written per touch.

Windows are those of each touch's lane, offers must agree, lanes of precedence 0 never count; instants are inclusive.
For whole shards, where only sums or winners are wanted; what each touch got is for kernels_rules.py and
kernels_money.py, which come to the same cents. Pure; tests/reference/runs.py has the plain twins.
"""

from typing import Any

import numpy as np
from numba import njit

from attribution.columnar.prefetch import AHEAD, prefetch
from attribution.columnar.touches import LANE_BITS, LANE_MASK, BadColumns, Numbers, Shard, Spans
from attribution.kernels.checks import Ints

RULES = ("first", "last_click", "linear", "set_linear", "position")
"""The rules of one scan, in the order of its sums."""

PARTNERS_MAX = 1 << 24
VALUES_MAX = 2**61
"""Largest sum of values of one scan, minor units: twice of it fits 64 bits."""

_LINE = 8
"""Sums of a partner, padded to one line of the cache."""

_RANK_BITS = 48
"""Below these bits of a rank is a touch's place, above them its precedence: the largest is the latest of the best."""

_BLOCK = 1_024
"""Conversions of one block."""

_BLOCK_PLACES = 1 << 15
"""Touches of one block, unless a single conversion has more: their tags take 128 KB."""

_SHORT_MAX = 24
"""Journeys of up to this many touches are worked in the order of their lengths, longer ones as they come."""

_WHOLE = 5
"""Column of what goes to one partner, or to nobody, whatever the rule."""

_PARTNER = np.uint32(PARTNERS_MAX - 1)
_NEW_BIT = np.uint32(24)
_RANK = np.uint32(LANE_BITS)
"""A tag: the partner's number, a bit for the first touch of its partner, and from here on the precedence."""

_LANE = np.uint32(LANE_MASK)

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
        prefetch(ts, soon)
        prefetch(lane, soon)
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
    values = conversions.value
    largest = max(-int(values.min(initial=0)), int(values.max(initial=0)))
    # Their sum is only worked out where so many of the largest would be too much.
    if largest * len(values) > VALUES_MAX and float(np.abs(values).sum(dtype=np.float64)) > VALUES_MAX:
        raise BadColumns(f"value: all together are above {VALUES_MAX} minor units; take fewer conversions")
    # A partner's sums stand in one line of the cache, nobody's behind them.
    sums = np.zeros((shard.partners + 1, _LINE), np.int64)
    longest = int(_sums_longest(spans.start, spans.stop))
    _sums_of_rules(
        spans.start, spans.stop, touches.ts, touches.lane, touches.partner, lanes.offer, lanes.window_us,
        conversions.ts, conversions.offer, conversions.value, np.empty(max(longest, _BLOCK_PLACES) + 1, np.uint32),
        np.full(shard.partners, -1, np.int64), sums,
    )  # fmt: skip
    return np.ascontiguousarray((sums[:, : len(RULES)] + sums[:, _WHOLE:][:, :1]).T)


@njit(nogil=True, cache=True)
def _sums_longest(start: Ints, stop: Ints) -> int:
    longest = 0
    for c in range(start.shape[0]):
        longest = max(longest, stop[c] - start[c])
    return longest


@njit(nogil=True, cache=True, error_model="numpy")
def _sums_of_rules(
    start: Ints, stop: Ints, ts: Ints, lane: Numbers, partner: Numbers, offer: Numbers, window_us: Ints, of_ts: Ints,
    of_offer: Numbers, of_value: Ints, tags: Numbers, seen: Ints, sums: Ints,
) -> None:  # fmt: skip
    """A block of conversions at a time: which touches count, then money in the order of how many do.

    One loop after the other goes round equally often then, which the processor guesses; in any order it mostly waits.
    """
    ends = np.zeros(_BLOCK + 1, np.int64)
    order, fill = np.empty((_SHORT_MAX + 2, _BLOCK), np.int64), np.empty(_SHORT_MAX + 2, np.int64)
    first = 0
    while first < start.shape[0]:
        block = _place(_sums_scan(first, start, stop, ts, lane, partner, offer, window_us, of_ts, of_offer, tags, ends))
        fill[:] = 0
        for k in range(block):
            length = _place(min(ends[k + _place(1)] - ends[k], _SHORT_MAX + 1))
            order[length, _place(fill[length])] = k
            fill[length] += 1
        for m in range(_place(fill[0])):
            sums[-1, _WHOLE] += of_value[_place(first) + _place(order[0, m])]
        for m in range(_place(fill[1])):
            alone = _place(order[1, m])
            sums[_place(tags[_place(ends[alone])] & _PARTNER), _WHOLE] += of_value[_place(first) + alone]
        for count in range(_place(2), _place(_SHORT_MAX + 2)):
            for m in range(_place(fill[count])):
                r = _place(order[count, m])
                low, c = _place(ends[r]), _place(first) + r
                _sums_of_many(low, _place(ends[r + _place(1)]) - low, of_value[c], np.int64(c), tags, seen, sums)
        first += np.int64(block)  # type: ignore[assignment]


@njit(nogil=True, cache=True, error_model="numpy")
def _sums_scan(
    first: int, start: Ints, stop: Ints, ts: Ints, lane: Numbers, partner: Numbers, offer: Numbers, window_us: Ints,
    of_ts: Ints, of_offer: Numbers, tags: Numbers, ends: Ints,
) -> int:  # fmt: skip
    """Partner and precedence of the touches that count, one after the other, and where each conversion's end.

    Returns how many conversions there are in the block: _BLOCK, or as many as have room in `tags`,
    which has room for any one.
    """
    at, room, final = _place(0), tags.shape[0] - 1, start.shape[0] - 1
    for c in range(first, min(first + _BLOCK, start.shape[0])):
        soon = stop[min(c + AHEAD, final)] - 1
        prefetch(ts, soon)
        prefetch(lane, soon)
        prefetch(partner, soon)
        room -= stop[c] - start[c]
        if room < 0 and c > first:
            return int(c - first)
        when, wanted = of_ts[c], of_offer[c]
        for i in range(_place(start[c]), _place(stop[c])):
            number = lane[i]
            kind = _place(number & _LANE)
            counts = (number > _LANE) & (offer[kind] == wanted) & (when - ts[i] <= window_us[kind])
            # Written in any case, and kept where it counts: no branch, which nobody could guess.
            tags[at] = partner[i] | (number & ~_LANE)
            at += _place(counts)
        ends[c - first + 1] = at
    return int(min(_BLOCK, start.shape[0] - first))


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _sums_of_many(low: Any, count: Any, value: int, c: Any, tags: Numbers, seen: Ints, sums: Ints) -> None:
    """All rules of a journey of two touches and more; its tags begin at `low`."""
    best, different = tags[low], 0
    for k in range(count):
        tag = tags[low + k]
        best = tag if tag >> _RANK >= best >> _RANK else best
        p = _place(tag & _PARTNER)
        new: int = np.int64(seen[p] != c)  # type: ignore[assignment]
        seen[p] = c
        different += new
        tags[low + k] = tag | np.uint32(new << int(_NEW_BIT))
    sums[_place(tags[low] & _PARTNER), 0] += value
    sums[_place(best & _PARTNER), 1] += value
    _sums_of_shares(low, np.int64(count), different, value, tags, sums)


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _sums_of_shares(low: Any, count: Any, different: Any, value: int, tags: Numbers, sums: Ints) -> None:
    """linear, set_linear and position of a journey of two touches and more, of so many different partners."""
    flip = value >> 63  # -1 below 0: (x ^ flip) - flip negates then
    size = (value ^ flip) - flip
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
        tag = tags[low + _place(k)]
        p, new = _place(tag & _PARTNER), np.int64(tag >> _NEW_BIT) & 1
        equal = part + (1 if k < left else 0)
        mine = (of_set + (1 if set_left > 0 else 0)) & -new
        ranked = middle + (1 if k + middle_from <= over else 0)
        sums[p, 2] += (equal ^ flip) - flip
        sums[p, 3] += (mine ^ flip) - flip
        sums[p, 4] += (ranked ^ flip) - flip
        set_left -= new
    # The ends were given a middle's part; now they get their own.
    head, tail = _place(tags[low] & _PARTNER), _place(tags[low + _place(count - 1)] & _PARTNER)
    more = end + (1 if over >= first_from else 0) - middle - (1 if middle_from <= over else 0)
    sums[head, 4] += (more ^ flip) - flip
    more = end + (1 if over >= last_from else 0) - middle - (1 if count - 1 + middle_from <= over else 0)
    sums[tail, 4] += (more ^ flip) - flip


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _sums_quotient(size: int, divisor: int) -> int:
    """Rounded down. Floats divide faster; below 2^51 no quotient that is short of a whole number is rounded to it."""
    if size < 1 << 51:
        quotient: int = np.int64(float(size) / float(divisor))  # type: ignore[assignment]
        return quotient
    return size // divisor
