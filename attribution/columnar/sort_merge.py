"""Sorted runs of touches: a new run by radix sort, two runs by one merge, and the touches of each conversion. Pure.

History is never sorted again: a new day is sorted by itself and merged. tests/reference/runs.py has the plain twins.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from attribution.columnar.touches import (
    LANE_BITS,
    BadColumns,
    Conversions,
    Hashes,
    Numbers,
    Shard,
    Spans,
    Touches,
    check_touches,
)
from attribution.kernels.checks import TS_MAX, Ints

_BUCKET_TOUCHES = 4_096
"""Touches of one bucket, about: 128 KB, so that it is sorted inside the second cache."""

_BUCKET_BITS_MAX = 12

_INSERTION_MAX = 256
"""Touches of one prefix that are sorted by insertion; buckets with more, as of one crowded identity, by numpy."""

_place = np.uintp


def sort_touches(touches: Touches) -> tuple[Touches, int]:
    """The touches in order, each once, and how many were there twice: alike in all that the order knows.

    Radix sort by as many leading bits of the identity hash as tell its touches apart: whole records into buckets,
    then each bucket inside the cache; insertion within what still shares those bits. Raises BadColumns.
    """
    check_touches(touches)
    count = len(touches)
    if count >= 1 << 32:
        raise BadColumns(f"{count} touches are more than one run takes; give shards")
    bits = min(_BUCKET_BITS_MAX, max(1, (count // _BUCKET_TOUCHES).bit_length()))
    digit_bits = max(4, count.bit_length() - bits)
    t = touches
    records = np.empty((count, 4), np.uint64)  # by numpy, which asks for huge pages
    ends = _sort_into_buckets(t.identity, t.ts, t.event, t.partner, t.lane, bits, records)
    out = Touches.empty(count)
    for lo, hi in _sort_buckets(records, ends, bits, digit_bits, *out.columns()):
        order = np.lexsort((out.event[lo:hi], out.lane[lo:hi] >> LANE_BITS, out.ts[lo:hi], out.identity[lo:hi]))
        for column in out.columns():
            column[lo:hi] = column[lo:hi][order]
    return _without_doubles(out)


def _without_doubles(touches: Touches) -> tuple[Touches, int]:
    kept = _sort_first_of_each(touches.identity, touches.ts, touches.event, touches.lane)
    doubles = len(touches) - int(kept.sum())
    return (Touches(*(column[kept] for column in touches.columns())), doubles) if doubles else (touches, 0)


@njit(nogil=True, cache=True)
def _sort_first_of_each(identity: Hashes, ts: Ints, event: Hashes, lane: Numbers) -> NDArray[np.bool_]:
    kept = np.ones(ts.shape[0], np.bool_)
    for i in range(1, ts.shape[0]):
        j = i - 1
        kept[i] = (
            (identity[i] != identity[j]) | (ts[i] != ts[j]) | (event[i] != event[j])
            | (lane[i] >> LANE_BITS != lane[j] >> LANE_BITS)
        )  # fmt: skip
    return kept


@njit(nogil=True, cache=True)
def _sort_into_buckets(
    identity: Hashes, ts: Ints, event: Hashes, partner: Numbers, lane: Numbers, bits: int, records: Hashes
) -> Ints:
    """Records of four words (P, 4) by the leading bits of the identity; returns where each bucket begins and ends."""
    shift, ends = np.uint64(64 - bits), np.zeros((1 << bits) + 1, np.int64)
    for i in range(identity.shape[0]):
        ends[_place(identity[i] >> shift) + _place(1)] += 1
    for b in range(1 << bits):
        ends[b + 1] += ends[b]
    at = ends.copy()
    for i in range(_place(identity.shape[0])):
        bucket = _place(identity[i] >> shift)
        k = _place(at[bucket])
        records[k, 0], records[k, 1], records[k, 2] = identity[i], np.uint64(ts[i]), event[i]
        records[k, 3] = np.uint64(partner[i]) | np.uint64(lane[i]) << np.uint64(32)
        at[bucket] += 1
    return ends


@njit(nogil=True, cache=True)
def _sort_buckets(
    records: Hashes, ends: Ints, bits: int, digit_bits: int,
    identity: Hashes, ts: Ints, event: Hashes, partner: Numbers, lane: Numbers,
) -> list[tuple[int, int]]:  # fmt: skip
    """Write each bucket out as columns in its order. Returns the stretches that are yet to be sorted: crowded buckets.

    Places are ordered, not records, and columns are written from first to last: the cache has what is read, and
    what is written comes in lines.
    """
    above, shift = np.uint64(bits), np.uint64(64 - digit_bits)
    ats = np.empty((1 << digit_bits) + 1, np.int64)
    order = np.empty((ends[1:] - ends[:-1]).max(), np.uint32)
    crowded = [(0, 0)]
    for b in range(ends.shape[0] - 1):
        bucket = records[ends[b] : ends[b + 1]]
        count: int = _place(bucket.shape[0])  # type: ignore[assignment]
        ats[:] = 0
        for i in range(count):
            ats[_place(bucket[i, 0] << above >> shift) + _place(1)] += 1
        is_crowded = ats.max() > _INSERTION_MAX
        for d in range(_place(1 << digit_bits)):
            ats[d + _place(1)] += ats[d]
        for i in range(count):
            digit = _place(bucket[i, 0] << above >> shift)
            order[_place(ats[digit])] = i
            ats[digit] += 1
        if is_crowded:
            crowded.append((ends[b], ends[b + 1]))
        else:
            _sort_insertion(count, bucket, order)
        low = _place(ends[b])
        for k in range(count):
            to, record = low + _place(k), bucket[_place(order[k])]
            identity[to], ts[to], event[to] = record[0], np.int64(record[1]), record[2]
            partner[to] = np.uint32(record[3] & np.uint64(0xFFFFFFFF))
            lane[to] = np.uint32(record[3] >> np.uint64(32))
    return crowded[1:]


@njit(nogil=True, cache=True, inline="always")
def _sort_insertion(count: int, bucket: Hashes, order: Numbers) -> None:
    """Finish an order that is right but for touches that share a prefix: few, and next to each other."""
    for k in range(_place(1), count):
        mine, at = _place(order[k]), _place(k)
        while at > _place(0) and _sort_is_before(bucket[mine], bucket[_place(order[at - _place(1)])]):
            order[at] = order[at - _place(1)]
            at -= _place(1)
        order[at] = mine


@njit(nogil=True, cache=True, inline="always")
def _sort_is_before(record: Hashes, other: Hashes) -> bool:
    """Whether a touch stands before another, strictly."""
    half = np.uint64(32)
    return _merge_is_before(
        record[0], record[1], record[3] >> half, record[2], other[0], other[1], other[3] >> half, other[2]
    )


@njit(nogil=True, cache=True, inline="always")
def _merge_is_before(
    identity: int, ts: int, lane: int, event: int, other_identity: int, other_ts: int, other_lane: int,
    other_event: int,
) -> bool:  # fmt: skip
    """Whether a touch stands before another, strictly."""
    if identity != other_identity:
        return identity < other_identity
    if ts != other_ts:
        return ts < other_ts
    if lane >> LANE_BITS != other_lane >> LANE_BITS:
        return lane >> LANE_BITS < other_lane >> LANE_BITS
    return event < other_event


def merge_touches(history: Touches, new: Touches) -> tuple[Touches, int]:
    """Two sorted runs as one, each touch once, and how many were in both. Raises BadColumns for one out of order."""
    for run in (history, new):
        check_touches(run)
        at = _merge_first_unsorted(run.identity, run.ts, run.event, run.lane)
        if at >= 0:
            raise BadColumns(f"touch {at} of a run stands before the one ahead of it: sort_touches makes a run")
    out = Touches.empty(len(history) + len(new))
    count = _merge_touches_into(*history.columns(), *new.columns(), *out.columns())
    doubles = len(out) - count
    return (Touches(*(column[:count] for column in out.columns())), doubles) if doubles else (out, 0)


@njit(nogil=True, cache=True)
def _merge_first_unsorted(identity: Hashes, ts: Ints, event: Hashes, lane: Numbers) -> int:
    for i in range(1, ts.shape[0]):
        j = i - 1
        if _merge_is_before(identity[i], ts[i], lane[i], event[i], identity[j], ts[j], lane[j], event[j]):
            return i
    return -1


@njit(nogil=True, cache=True)
def _merge_touches_into(
    a_identity: Hashes, a_ts: Ints, a_event: Hashes, a_partner: Numbers, a_lane: Numbers,
    b_identity: Hashes, b_ts: Ints, b_event: Hashes, b_partner: Numbers, b_lane: Numbers,
    identity: Hashes, ts: Ints, event: Hashes, partner: Numbers, lane: Numbers,
) -> int:  # fmt: skip
    """Merge, the history's touch first; a new one that equals the last one written is left out. Returns the count."""
    i, n, at = 0, a_ts.shape[0], 0
    for j in range(b_ts.shape[0]):
        first = i
        while i < n and a_identity[i] < b_identity[j]:
            i += 1
        while i < n and not _merge_is_before(
            b_identity[j], b_ts[j], b_lane[j], b_event[j], a_identity[i], a_ts[i], a_lane[i], a_event[i]
        ):
            i += 1
        at = _merge_copy(first, i, at, a_identity, a_ts, a_event, a_partner, a_lane, identity, ts, event, partner, lane)
        last = at - 1
        if last < 0 or _merge_is_before(
            identity[last], ts[last], lane[last], event[last], b_identity[j], b_ts[j], b_lane[j], b_event[j]
        ):
            identity[at], ts[at], event[at] = b_identity[j], b_ts[j], b_event[j]
            partner[at], lane[at] = b_partner[j], b_lane[j]
            at += 1
    return _merge_copy(i, n, at, a_identity, a_ts, a_event, a_partner, a_lane, identity, ts, event, partner, lane)


@njit(nogil=True, cache=True, inline="always")
def _merge_copy(
    first: int, stop: int, at: int, a_identity: Hashes, a_ts: Ints, a_event: Hashes, a_partner: Numbers,
    a_lane: Numbers, identity: Hashes, ts: Ints, event: Hashes, partner: Numbers, lane: Numbers,
) -> int:  # fmt: skip
    """Copy a stretch of the history; returns where the next touch goes."""
    for k in range(first, stop):
        to = at + k - first
        identity[to], ts[to], event[to], partner[to], lane[to] = (
            a_identity[k],
            a_ts[k],
            a_event[k],
            a_partner[k],
            a_lane[k],
        )
    return at + stop - first


def spans(shard: Shard, conversions: Conversions, lookback_us: int) -> Spans:
    """The touches of each conversion: those of its identity, within the lookback and not after it.

    One merge over both, without a copy of any touch. `lookback_us` is above 0 and bounds every journey. Raises
    BadColumns.
    """
    if not 0 < lookback_us <= TS_MAX:
        raise BadColumns(f"a lookback is longer than 0 and at most {TS_MAX} µs, not {lookback_us}")
    conversions.checked()
    start, stop = np.empty(len(conversions.ts), np.int64), np.empty(len(conversions.ts), np.int64)
    touches = shard.touches
    _spans_range(touches.identity, touches.ts, conversions.identity, conversions.ts, lookback_us, start, stop)
    return Spans(conversions, start, stop)


@njit(nogil=True, cache=True)
def _spans_range(
    identity: Hashes, ts: Ints, of_identity: Hashes, of_ts: Ints, lookback_us: int, start: Ints, stop: Ints
) -> None:
    low, count = 0, ts.shape[0]
    for c in range(of_ts.shape[0]):
        wanted = of_identity[c]
        # Gallop: conversions are few beside touches, so most touches are never looked at.
        step = 1
        while low + step < count and identity[low + step] < wanted:
            low += step
            step *= 2
        while step >= 1:
            if low + step < count and identity[low + step] < wanted:
                low += step
            step //= 2
        while low < count and identity[low] < wanted:
            low += 1
        first = low
        while first < count and identity[first] == wanted and ts[first] < of_ts[c] - lookback_us:
            first += 1
        last = first
        while last < count and identity[last] == wanted and ts[last] <= of_ts[c]:
            last += 1
        start[c], stop[c] = first, last
