"""Credit the conversions of a shard in one scan of its touches, without writing a value per touch. Pure.

Windows are those of each touch's lane, offers must match, and lanes of precedence 0 never count; windows are inclusive.
The scan computes only sums or winners. kernels/rules.py and kernels/allocate.py compute the result of each touch, with
the same cents. tests/reference/runs.py has the plain twins.
"""

from typing import Any

import numpy as np
from numba import njit

from attribution.columnar.prefetch import AHEAD, prefetch
from attribution.columnar.touches import LANE_BITS, LANE_MASK, BadColumns, Numbers, Shard, Spans
from attribution.kernels.checks import Ints

RULES = ("first", "last_click", "linear", "set_linear", "position")
"""Rules of one scan, in the order of its sums."""

PARTNERS_MAX = 1 << 24
VALUES_MAX = 2**61
"""Largest sum of values of one scan, in minor units; twice this value fits 64 bits."""

_LINE = 8
"""Sums of a partner, padded to one cache line."""

_RANK_BITS = 48
"""Low bits of a rank: position of the touch. High bits: precedence. The largest rank is the latest of the best."""

_BLOCK = 1_024
"""Conversions per block."""

_BLOCK_PLACES = 1 << 15
"""Touches per block, unless a single conversion has more; their tags take 128 KB."""

_SHORT_MAX = 24
"""Journeys of up to this many touches are processed in order of length, longer ones afterwards."""

_WHOLE = 5
"""Column of amounts that are the same under every rule: journeys of one touch, or of none."""

_PARTNER = np.uint32(PARTNERS_MAX - 1)
_NEW_BIT = np.uint32(24)
_RANK = np.uint32(LANE_BITS)
"""Layout of a tag: partner id, a bit for the first touch of the partner, and from this bit the precedence."""

_LANE = np.uint32(LANE_MASK)

_index = np.uintp


def last_click_winners(shard: Shard, spans: Spans, out: Ints | None = None) -> Ints:
    """Return the position of the touch that last_click credits, for each conversion (C); -1 if no touch counts.

    Journeys are read backwards, until no earlier touch can win. The result is written to `out` (C) if given.
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
        i, low = _index(stop[c]), _index(start[c])
        # Read three touches per step, repeating the earliest if there are fewer. A branch after each touch would be
        # mispredicted often, which costs more than two touches.
        while (i > low) & (best < enough):
            room = i - low
            second, third = i - min(room, _index(2)), i - min(room, _index(3))
            latest = _last_click_rank(i - _index(1), ts, lane, offer, window_us, when, wanted)
            before = _last_click_rank(second, ts, lane, offer, window_us, when, wanted)
            earliest = _last_click_rank(third, ts, lane, offer, window_us, when, wanted)
            # Nested max of two: the compiler turns a max of four into branches.
            best = max(best, max(max(latest, before), earliest))
            i = third
        winners[c] = best & (1 << _RANK_BITS) - 1 if best > 0 else -1


@njit(nogil=True, cache=True, inline="always")
def _last_click_rank(
    i: Any, ts: Ints, lane: Numbers, offer: Numbers, window_us: Ints, when: int, wanted: int
) -> int:  # fmt: skip
    """Return precedence and position of a touch as one number, or 0 if it does not count."""
    kind = _index(lane[i] & LANE_MASK)
    precedence: int = np.int64(lane[i] >> LANE_BITS)  # type: ignore[assignment]
    counts = (precedence > 0) & (offer[kind] == wanted) & (when - ts[i] <= window_us[kind])
    # A mask instead of a conditional, which would become an unpredictable branch.
    return ((precedence << _RANK_BITS) + np.int64(i)) & -np.int64(counts)  # type: ignore[return-value]


def sums_of_rules(shard: Shard, spans: Spans) -> Ints:
    """Sum the amounts of each partner under each rule of RULES, in minor units: (5, partners + 1).

    The last column is the unattributed amount. Each value is split by largest remainder, the earlier touch first, like
    in `allocate`; position is 40/20/40. Raises BadColumns if the sum of values exceeds 64 bits, or a partner id the
    table.
    """
    touches, lanes, conversions = shard.touches, shard.lanes, spans.conversions
    if shard.partners > PARTNERS_MAX:
        raise BadColumns(f"partner: numbers are below {PARTNERS_MAX}; renumber the partners")
    values = conversions.value
    largest = max(-int(values.min(initial=0)), int(values.max(initial=0)))
    # Compute the sum only if the largest value times the number of values is too large.
    if largest * len(values) > VALUES_MAX and float(np.abs(values).sum(dtype=np.float64)) > VALUES_MAX:
        raise BadColumns(f"value: the sum is above {VALUES_MAX} minor units; use fewer conversions")
    # The sums of a partner fill one cache line. The last row is the unattributed amount.
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
    """Process blocks of conversions: find the touches that count, then sum the amounts in order of their number.

    Consecutive loops then have the same length, so branches are predicted; in any other order mispredictions dominate.
    """
    ends = np.zeros(_BLOCK + 1, np.int64)
    order, fill = np.empty((_SHORT_MAX + 2, _BLOCK), np.int64), np.empty(_SHORT_MAX + 2, np.int64)
    first = 0
    while first < start.shape[0]:
        block = _index(_sums_scan(first, start, stop, ts, lane, partner, offer, window_us, of_ts, of_offer, tags, ends))
        fill[:] = 0
        for k in range(block):
            length = _index(min(ends[k + _index(1)] - ends[k], _SHORT_MAX + 1))
            order[length, _index(fill[length])] = k
            fill[length] += 1
        for m in range(_index(fill[0])):
            sums[-1, _WHOLE] += of_value[_index(first) + _index(order[0, m])]
        for m in range(_index(fill[1])):
            single = _index(order[1, m])
            sums[_index(tags[_index(ends[single])] & _PARTNER), _WHOLE] += of_value[_index(first) + single]
        for count in range(_index(2), _index(_SHORT_MAX + 2)):
            for m in range(_index(fill[count])):
                r = _index(order[count, m])
                low, c = _index(ends[r]), _index(first) + r
                _sums_of_many(low, _index(ends[r + _index(1)]) - low, of_value[c], np.int64(c), tags, seen, sums)
        first += np.int64(block)  # type: ignore[assignment]


@njit(nogil=True, cache=True, error_model="numpy")
def _sums_scan(
    first: int, start: Ints, stop: Ints, ts: Ints, lane: Numbers, partner: Numbers, offer: Numbers, window_us: Ints,
    of_ts: Ints, of_offer: Numbers, tags: Numbers, ends: Ints,
) -> int:  # fmt: skip
    """Write the tags of the touches that count, one after the other, and the end of each conversion's tags.

    Returns the number of conversions in the block: _BLOCK, or as many as fit in `tags`, which is large enough for any
    single conversion.
    """
    at, room, final = _index(0), tags.shape[0] - 1, start.shape[0] - 1
    for c in range(first, min(first + _BLOCK, start.shape[0])):
        soon = stop[min(c + AHEAD, final)] - 1
        prefetch(ts, soon)
        prefetch(lane, soon)
        prefetch(partner, soon)
        room -= stop[c] - start[c]
        if room < 0 and c > first:
            return int(c - first)
        when, wanted = of_ts[c], of_offer[c]
        for i in range(_index(start[c]), _index(stop[c])):
            number = lane[i]
            kind = _index(number & _LANE)
            counts = (number > _LANE) & (offer[kind] == wanted) & (when - ts[i] <= window_us[kind])
            # Always write, and advance only if the touch counts: this avoids an unpredictable branch.
            tags[at] = partner[i] | (number & ~_LANE)
            at += _index(counts)
        ends[c - first + 1] = at
    return int(min(_BLOCK, start.shape[0] - first))


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _sums_of_many(low: Any, count: Any, value: int, c: Any, tags: Numbers, seen: Ints, sums: Ints) -> None:
    """Add the amounts of a journey of at least two touches under all rules; its tags begin at `low`."""
    best, different = tags[low], 0
    for k in range(count):
        tag = tags[low + k]
        best = tag if tag >> _RANK >= best >> _RANK else best
        p = _index(tag & _PARTNER)
        new: int = np.int64(seen[p] != c)  # type: ignore[assignment]
        seen[p] = c
        different += new
        tags[low + k] = tag | np.uint32(new << int(_NEW_BIT))
    sums[_index(tags[low] & _PARTNER), 0] += value
    sums[_index(best & _PARTNER), 1] += value
    _sums_of_shares(low, np.int64(count), different, value, tags, sums)


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _sums_of_shares(low: Any, count: Any, different: Any, value: int, tags: Numbers, sums: Ints) -> None:
    """Add the amounts of linear, set_linear and position for a journey of at least two touches.

    `different` is the number of distinct partners.
    """
    flip = value >> 63  # -1 below 0: (x ^ flip) - flip negates then
    size = (value ^ flip) - flip
    part, of_set = _sums_quotient(size, count), _sums_quotient(size, different)
    left, set_left = size - part * count, size - of_set * different
    # position: 2/5 each for the first and the last, 1/5 shared by those between; two touches take half each.
    between = max(count - 2, 1)
    end = _sums_quotient(2 * size, 5) if count > 2 else part
    middle = _sums_quotient(size, 5 * between) if count > 2 else 0
    over = size - 2 * end - (count - 2) * middle
    end_rest, middle_rest = (2 * size - 5 * end) * between, size - 5 * between * middle
    # Remaining units go to the largest remainders, the earlier touch first. Each *_from is the number of units from
    # which the first, the last or a middle touch gets one.
    first_from = count - 1 if (end_rest < middle_rest) & (count > 2) else 1
    last_from = 2 if (end_rest > middle_rest) | (count == 2) else count
    middle_from = 2 if end_rest > middle_rest else 1 if end_rest == middle_rest else 0
    for k in range(count):
        tag = tags[low + _index(k)]
        p, new = _index(tag & _PARTNER), np.int64(tag >> _NEW_BIT) & 1
        equal = part + (1 if k < left else 0)
        mine = (of_set + (1 if set_left > 0 else 0)) & -new
        ranked = middle + (1 if k + middle_from <= over else 0)
        sums[p, 2] += (equal ^ flip) - flip
        sums[p, 3] += (mine ^ flip) - flip
        sums[p, 4] += (ranked ^ flip) - flip
        set_left -= new
    # The outermost touches got the part of a middle touch; add the difference to their own part.
    head, tail = _index(tags[low] & _PARTNER), _index(tags[low + _index(count - 1)] & _PARTNER)
    more = end + (1 if over >= first_from else 0) - middle - (1 if middle_from <= over else 0)
    sums[head, 4] += (more ^ flip) - flip
    more = end + (1 if over >= last_from else 0) - middle - (1 if count - 1 + middle_from <= over else 0)
    sums[tail, 4] += (more ^ flip) - flip


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _sums_quotient(size: int, divisor: int) -> int:
    """Divide, rounding down. Float division is faster, and below 2^51 it never rounds up to the next integer."""
    if size < 1 << 51:
        quotient: int = np.int64(float(size) / float(divisor))  # type: ignore[assignment]
        return quotient
    return size // divisor
