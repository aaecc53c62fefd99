"""Sorted runs of touches and scans over them, compared with their plain twins."""

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.columnar import scan
from attribution.columnar import sort_merge as runs
from attribution.columnar.touches import (
    LANE_BITS,
    BadColumns,
    Conversions,
    Lanes,
    Shard,
    Touches,
    check_touches,
    lane_number,
)
from tests.reference import runs as plain
from tests.reference.runs import Seen

pytestmark = pytest.mark.kernel

# Hashes that share leading bits, so that sorting has more to do than its first passes.
IDENTITIES = (1, 2, 2**42, 2**42 + 1, 2**60, 2**63, 2**64 - 1)
LANES = ((7, 6), (7, 2), (8, 9))
seen = st.builds(
    Seen, st.sampled_from(IDENTITIES), st.integers(0, 9), st.integers(0, 3), st.integers(0, 5), st.integers(0, 3),
    st.integers(0, 2),
)  # fmt: skip


def columns(touches: Sequence[Seen]) -> Touches:
    kinds = (np.uint64, np.int64, np.uint64, np.uint32, np.uint32)
    rows = [(t.identity, t.ts, t.event, t.partner, lane_number(t.lane, t.precedence)) for t in touches]
    parts = list(zip(*rows, strict=True)) if rows else [()] * 5
    return Touches(*(np.array(part, kind) for part, kind in zip(parts, kinds, strict=True)))


def plainly(touches: Touches) -> list[Seen]:
    rows = zip(*(column.tolist() for column in touches.columns()), strict=True)
    return [Seen(a, b, e >> LANE_BITS, c, d, e & (1 << LANE_BITS) - 1) for a, b, c, d, e in rows]


def keys(touches: Sequence[Seen]) -> list[tuple[int, ...]]:
    return [t[:4] for t in touches]


@given(st.lists(seen, max_size=40))
@settings(max_examples=100, deadline=None)
def test_sort(touches: list[Seen]) -> None:
    found, doubles = runs.sort_touches(columns(touches))
    # Of touches that differ only in what the order does not know, either may stand.
    assert keys(plainly(found)) == keys(plain.sort(touches))
    assert doubles == len(touches) - len(found)


@pytest.mark.parametrize("count", [0, 1, 600])
def test_sort_one_identity_and_one_time(count: int) -> None:
    touches = [Seen(2**62, 5, 1, event, 1, 0) for event in range(count)]
    mixed = touches.copy()
    Random(3).shuffle(mixed)
    assert plainly(runs.sort_touches(columns(mixed))[0]) == touches


@given(st.lists(seen, max_size=30), st.lists(seen, max_size=30))
@settings(max_examples=100, deadline=None)
def test_merge(history: list[Seen], new: list[Seen]) -> None:
    a, b = (runs.sort_touches(columns(touches))[0] for touches in (history, new))
    found, doubles = runs.merge_touches(a, b)
    assert keys(plainly(found)) == keys(plain.merge(plainly(a), plainly(b)))
    assert doubles == len(a) + len(b) - len(found)
    whole, _ = runs.sort_touches(columns([*history, *new]))
    assert keys(plainly(whole)) == keys(plainly(found))


def shard_of(touches: list[Seen]) -> Shard:
    lanes = Lanes(np.array([o for o, _ in LANES], np.uint32), np.array([w for _, w in LANES], np.int64))
    return Shard.build(runs.sort_touches(columns(touches))[0], lanes)


conversion = st.tuples(
    st.sampled_from(IDENTITIES), st.integers(0, 12), st.sampled_from([7, 8]), st.integers(-99, 10**6)
)


def conversions_of(rows: list[tuple[int, int, int, int]]) -> Conversions:
    kinds = (np.uint64, np.int64, np.uint32, np.int64)
    parts = list(zip(*rows, strict=True)) if rows else [()] * 4
    return Conversions(*(np.array(part, kind) for part, kind in zip(parts, kinds, strict=True)))


@given(st.lists(seen, max_size=40), st.lists(conversion, max_size=12), st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_scans(touches: list[Seen], rows: list[tuple[int, int, int, int]], lookback_us: int) -> None:
    rows.sort()
    shard = shard_of(touches)
    mine = plainly(shard.touches)
    spans = runs.spans(shard, conversions_of(rows), lookback_us)
    wanted = plain.spans(mine, [row[:2] for row in rows], lookback_us)
    assert [list(range(a, b)) for a, b in zip(spans.start, spans.stop, strict=True)] == wanted
    good = [plain.eligible(mine, places, row[1], row[2], LANES) for places, row in zip(wanted, rows, strict=True)]
    winners = []
    for places in good:
        weights = plain.last_click([mine[i].precedence for i in places], [0] * len(places))
        winners.append(places[weights.index(1)] if places else -1)
    assert scan.last_click_winners(shard, spans).tolist() == winners
    out = np.empty(len(rows), np.int64)
    assert scan.last_click_winners(shard, spans, out) is out
    journeys = [(places, row[3]) for places, row in zip(good, rows, strict=True)]
    assert scan.sums_of_rules(shard, spans).tolist() == plain.sums(mine, journeys, shard.partners)


@given(st.lists(seen, max_size=40), st.lists(conversion, max_size=12), st.randoms(), st.integers(1, 4))
@settings(max_examples=50, deadline=None)
def test_shards_and_order_do_not_change_sums(
    touches: list[Seen], rows: list[tuple[int, int, int, int]], random: Any, shards: int
) -> None:
    """An identity is in one shard only; the sums of the shards add up to the sums of all."""
    touches = plain.sort(touches)
    rows.sort()
    whole = shard_of(touches)
    wanted = scan.sums_of_rules(whole, runs.spans(whole, conversions_of(rows), 10))
    total = np.zeros((5, 5), np.int64)
    random.shuffle(touches)
    for number in range(shards):
        shard = shard_of([t for t in touches if t.identity % shards == number])
        spans = runs.spans(shard, conversions_of([r for r in rows if r[0] % shards == number]), 10)
        sums = scan.sums_of_rules(shard, spans)
        total[:, : sums.shape[1] - 1] += sums[:, :-1]
        total[:, 4] += sums[:, -1]
    assert total[:, : wanted.shape[1] - 1].tolist() == wanted[:, :-1].tolist()
    assert total[:, 4].tolist() == wanted[:, -1].tolist()


@pytest.mark.parametrize("places", [40, scan._BLOCK_PLACES])
@pytest.mark.parametrize("value", [0, 1, 10**6, 2**50, 2**51 - 1])
def test_sums_of_many_conversions(monkeypatch: pytest.MonkeyPatch, places: int, value: int) -> None:
    """Cover several blocks, blocks limited by touches, and journeys of all lengths."""
    monkeypatch.setattr(scan, "_BLOCK_PLACES", places)
    random = Random(8)
    touches, rows = [], []
    for who in range(1, scan._BLOCK + 90):
        each = random.choice([0, 1, 2, 3, 5, 9]) if who % 99 else random.choice([23, 24, 25, 26, 60])
        touches += [
            Seen(who, random.randint(0, 9), random.randint(0, 3), e, random.randint(0, 6), random.randint(0, 2))
            for e in range(each)
        ]
        rows += [(who, 9, random.choice([7, 7, 8]), random.randint(-value, value))] * random.choice([0, 1, 1, 2])
    shard = shard_of(touches)
    spans = runs.spans(shard, conversions_of(rows), 10)
    mine = plainly(shard.touches)
    good = [
        plain.eligible(mine, range(a, b), row[1], row[2], LANES)
        for a, b, row in zip(spans.start.tolist(), spans.stop.tolist(), rows, strict=True)
    ]
    journeys = [(places, row[3]) for places, row in zip(good, rows, strict=True)]
    assert scan.sums_of_rules(shard, spans).tolist() == plain.sums(mine, journeys, shard.partners)


@pytest.mark.parametrize("size", [2**51 - 1, 2**51, 2**60, 2**61 - 3])
def test_sums_of_the_largest_values(size: int) -> None:
    touches = [Seen(1, at, 2, at, at % 3, 0) for at in range(4, 10)]
    shard = shard_of(touches)
    for value in (size, -size):
        spans = runs.spans(shard, conversions_of([(1, 9, 7, value)]), 10)
        wanted = plain.sums(plainly(shard.touches), [(list(range(6)), value)], shard.partners)
        assert scan.sums_of_rules(shard, spans).tolist() == wanted


def test_a_touch_is_32_bytes() -> None:
    assert Touches.empty(10).nbytes == 320


GOOD = columns([Seen(1, 1, 2, 1, 1, 0)])
LANE = Lanes(np.array([7], np.uint32), np.array([5]))
ONE = conversions_of([(1, 2, 7, 5)])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: check_touches(Touches(*(c.astype(np.float64) for c in GOOD.columns()))), "array of uint64"),
        (lambda: check_touches(Touches(GOOD.identity[:0], *GOOD.columns()[1:])), "columns must have the same length"),
        (lambda: runs.sort_touches(columns([Seen(1, -1, 2, 1, 1, 0)])), "ts: instants"),
        (lambda: Shard.build(columns([Seen(1, 1, 2, 1, 1, 3)]), LANE), "there is no lane 3"),
        (lambda: Shard.build(GOOD, Lanes(LANE.offer, np.array([0]))), "windows must be above 0"),
        (lambda: Shard.build(GOOD, Lanes(LANE.offer, np.array([-5]))), "windows must be above 0"),
        (lambda: runs.spans(Shard.build(GOOD, LANE), ONE, 0), "lookback_us must be 1 to"),
        (lambda: runs.spans(Shard.build(GOOD, LANE), conversions_of([(2, 1, 7, 1), (1, 1, 7, 1)]), 5), "sorted by"),
        (lambda: runs.spans(Shard.build(GOOD, LANE), conversions_of([(1, 3, 7, 1), (1, 1, 7, 1)]), 5), "sorted by"),
        (lambda: runs.spans(Shard.build(GOOD, LANE), conversions_of([(1, 3, 7, -(2**63))]), 5), "value: -2"),
        (lambda: runs.merge_touches(GOOD, columns([Seen(3, 1, 2, 1, 1, 0), Seen(2, 1, 2, 1, 1, 0)])), "touch 1 of"),
        (lambda: lane_number(0, 16), "the precedence 0 to 15"),
        (lambda: lane_number(1 << LANE_BITS, 1), "the index must be 0 to"),
        (lambda: large(2**61 + 1), "the sum is above"),
    ],
)  # fmt: skip
def test_bad_columns_are_named(call: Any, said: str) -> None:
    with pytest.raises(BadColumns, match=said):
        call()


def large(value: int) -> Any:
    shard = Shard.build(GOOD, LANE)
    return scan.sums_of_rules(shard, runs.spans(shard, conversions_of([(1, 2, 7, value), (1, 3, 7, value)]), 5))
