"""Sort touches into a run by radix sort, merge two sorted runs, and find the touches of each conversion. Pure.

History is never sorted again: the touches of a new day are sorted separately and merged. tests/reference/runs.py has
the plain twins.
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
"""Approximate touches per bucket: 128 KB, so that it is sorted within the L2 cache."""

_BUCKET_BITS_MAX = 12

_INSERTION_MAX = 256
"""Maximum touches of one prefix for insertion sort. Buckets with more are sorted by numpy."""

_index = np.uintp


def sort_touches(touches: Touches) -> tuple[Touches, int]:
    """Return the touches sorted and without duplicates, and the number of duplicates: touches with equal sort keys.

    This is a radix sort by leading bits of the identity hash: whole records into buckets, then each bucket within the
    cache, then insertion sort of touches that share these bits. Raises BadColumns.
    """
    check_touches(touches)
    count = len(touches)
    if count >= 1 << 32:
        raise BadColumns(f"{count} touches exceed the limit of 2^32 of one run; split them into shards")
    bits = min(_BUCKET_BITS_MAX, max(1, (count // _BUCKET_TOUCHES).bit_length()))
    digit_bits = max(4, count.bit_length() - bits)
    t = touches
    records = np.empty((count, 4), np.uint64)  # allocated by numpy, which requests huge pages
    ends = _sort_into_buckets(t.identity, t.ts, t.event, t.partner, t.lane, bits, records)
    out = Touches.empty(count)
    for lo, hi in _sort_buckets(records, ends, bits, digit_bits, *out.columns()):
        order = np.lexsort((out.event[lo:hi], out.lane[lo:hi] >> LANE_BITS, out.ts[lo:hi], out.identity[lo:hi]))
        for column in out.columns():
            column[lo:hi] = column[lo:hi][order]
    return _without_duplicates(out)


def _without_duplicates(touches: Touches) -> tuple[Touches, int]:
    kept = _sort_first_of_each(touches.identity, touches.ts, touches.event, touches.lane)
    duplicates = len(touches) - int(kept.sum())
    return (Touches(*(column[kept] for column in touches.columns())), duplicates) if duplicates else (touches, 0)


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
    """Write records of four words (P, 4) by leading bits of the identity. Returns the bounds of the buckets."""
    shift, ends = np.uint64(64 - bits), np.zeros((1 << bits) + 1, np.int64)
    for i in range(identity.shape[0]):
        ends[_index(identity[i] >> shift) + _index(1)] += 1
    for b in range(1 << bits):
        ends[b + 1] += ends[b]
    at = ends.copy()
    for i in range(_index(identity.shape[0])):
        bucket = _index(identity[i] >> shift)
        k = _index(at[bucket])
        records[k, 0], records[k, 1], records[k, 2] = identity[i], np.uint64(ts[i]), event[i]
        records[k, 3] = np.uint64(partner[i]) | np.uint64(lane[i]) << np.uint64(32)
        at[bucket] += 1
    return ends


@njit(nogil=True, cache=True)
def _sort_buckets(
    records: Hashes, ends: Ints, bits: int, digit_bits: int,
    identity: Hashes, ts: Ints, event: Hashes, partner: Numbers, lane: Numbers,
) -> list[tuple[int, int]]:  # fmt: skip
    """Write the sorted columns of each bucket. Returns the ranges of buckets that are too full and remain unsorted.

    Indices are sorted instead of records, and columns are written in order, so reads hit the cache and writes fill
    whole cache lines.
    """
    above, shift = np.uint64(bits), np.uint64(64 - digit_bits)
    ats = np.empty((1 << digit_bits) + 1, np.int64)
    order = np.empty((ends[1:] - ends[:-1]).max(), np.uint32)
    overfull = [(0, 0)]
    for b in range(ends.shape[0] - 1):
        bucket = records[ends[b] : ends[b + 1]]
        count: int = _index(bucket.shape[0])  # type: ignore[assignment]
        ats[:] = 0
        for i in range(count):
            ats[_index(bucket[i, 0] << above >> shift) + _index(1)] += 1
        is_overfull = ats.max() > _INSERTION_MAX
        for d in range(_index(1 << digit_bits)):
            ats[d + _index(1)] += ats[d]
        for i in range(count):
            digit = _index(bucket[i, 0] << above >> shift)
            order[_index(ats[digit])] = i
            ats[digit] += 1
        if is_overfull:
            overfull.append((ends[b], ends[b + 1]))
        else:
            _sort_insertion(count, bucket, order)
        low = _index(ends[b])
        for k in range(count):
            to, record = low + _index(k), bucket[_index(order[k])]
            identity[to], ts[to], event[to] = record[0], np.int64(record[1]), record[2]
            partner[to] = np.uint32(record[3] & np.uint64(0xFFFFFFFF))
            lane[to] = np.uint32(record[3] >> np.uint64(32))
    return overfull[1:]


@njit(nogil=True, cache=True, inline="always")
def _sort_insertion(count: int, bucket: Hashes, order: Numbers) -> None:
    """Finish an order in which only the few adjacent touches with a common prefix are unsorted."""
    for k in range(_index(1), count):
        mine, at = _index(order[k]), _index(k)
        while at > _index(0) and _sort_is_before(bucket[mine], bucket[_index(order[at - _index(1)])]):
            order[at] = order[at - _index(1)]
            at -= _index(1)
        order[at] = mine


@njit(nogil=True, cache=True, inline="always")
def _sort_is_before(record: Hashes, other: Hashes) -> bool:
    """Return True if a touch sorts strictly before another."""
    half = np.uint64(32)
    return _merge_is_before(
        record[0], record[1], record[3] >> half, record[2], other[0], other[1], other[3] >> half, other[2]
    )


@njit(nogil=True, cache=True, inline="always")
def _merge_is_before(
    identity: int, ts: int, lane: int, event: int, other_identity: int, other_ts: int, other_lane: int,
    other_event: int,
) -> bool:  # fmt: skip
    """Return True if a touch sorts strictly before another."""
    if identity != other_identity:
        return identity < other_identity
    if ts != other_ts:
        return ts < other_ts
    if lane >> LANE_BITS != other_lane >> LANE_BITS:
        return lane >> LANE_BITS < other_lane >> LANE_BITS
    return event < other_event


def merge_touches(history: Touches, new: Touches) -> tuple[Touches, int]:
    """Merge two sorted runs without duplicates; also returns the number of duplicates.

    Raises BadColumns if a run is not sorted.
    """
    for run in (history, new):
        check_touches(run)
        at = _merge_first_unsorted(run.identity, run.ts, run.event, run.lane)
        if at >= 0:
            raise BadColumns(f"touch {at} of a run is out of order; sort the touches with sort_touches first")
    out = Touches.empty(len(history) + len(new))
    count = _merge_touches_into(*history.columns(), *new.columns(), *out.columns())
    duplicates = len(out) - count
    return (Touches(*(column[:count] for column in out.columns())), duplicates) if duplicates else (out, 0)


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
    """Merge, the touch of `a` first; a touch of `b` that equals the last one written is left out. Returns the count."""
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
    """Copy a range of the history. Returns the position of the next touch."""
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
    """Find the touches of each conversion: those of its identity within the lookback, and not later.

    This is one merge that copies no touch. `lookback_us` is above 0 and limits every journey. Raises BadColumns.
    """
    if not 0 < lookback_us <= TS_MAX:
        raise BadColumns(f"lookback_us must be 1 to {TS_MAX}, not {lookback_us}")
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
        # Galloping search: there are far fewer conversions than touches, so most touches are never read.
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
