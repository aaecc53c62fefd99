"""Kernels of attribution on one core, each compared with the memory bandwidth for the bytes that it reads and writes.

Processor time, best of five, on 12 M touches of 2 M people: clicks and impressions of 200 partners over 45 days, 5 %
of them by bots. Either every person converts, or one in five, so that most touches belong to no conversion, as is
usual. The columnar kernels (`attribution.columnar`) are experimental: no command uses them.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from attribution.columnar.scan import RULES, last_click_winners, sums_of_rules
from attribution.columnar.sort_merge import merge_touches, sort_touches, spans
from attribution.columnar.touches import Conversions, Lanes, Shard, Touches, lane_number
from attribution.kernels import rules, select
from attribution.kernels.allocate import allocate
from benchmarks.measure import Result

PEOPLE = 2_000_000
PARTNERS = 200
DAY_US = 86_400_000_000
START_US = 1_767_225_600_000_000  # 2026-01-01
_OFFER = 7


def run(folder: Path) -> Iterator[Result]:
    """Measure touches per second of each kernel; the peer is numpy's sum over the bytes that the kernel uses."""
    touches, converted_us = people(PEOPLE)
    shard = Shard.build(touches, lanes())
    bandwidth = _bandwidth(touches.ts)
    for part, words in ((1, "every person converts"), (5, "one person in five converts")):
        conversions = conversions_of(touches, converted_us, part)
        found = spans(shard, conversions, 90 * DAY_US)
        winners = np.empty(found.start.shape[0], np.int64)
        seconds = best(lambda found=found, winners=winners: last_click_winners(shard, found, winners))
        yield _result(f"last click with windows, {words}", len(touches), seconds, 12, bandwidth)
        seconds = best(lambda found=found: sums_of_rules(shard, found))
        yield _result(
            f"{len(RULES)} rules to partners' money in one scan, {words}", len(touches), seconds, 16, bandwidth
        )
        seconds = best(lambda conversions=conversions: spans(shard, conversions, 90 * DAY_US))
        yield _result(f"touches of each conversion, {words}", len(touches), seconds, 16, bandwidth)
    yield from _money(touches, bandwidth)
    yield from _runs(touches, bandwidth)


def _money(touches: Touches, bandwidth: float) -> Iterator[Result]:
    """Measure the split of amounts by weights of linear, position and time decay, with one part per touch."""
    offsets = journeys_of(touches)
    count = len(touches)
    codes = np.zeros(count, np.uint8)
    codes[::7] = select.OUTSIDE_WINDOW
    values = np.random.default_rng(4).integers(-(10**6), 10**6, offsets.shape[0] - 1)
    out = np.empty(count, np.int64)
    weights = {
        "linear": rules.linear(offsets, codes),
        "position": rules.position(offsets, codes),
        "time decay": rules.time_decay(offsets, codes, touches.ts, 7 * DAY_US),
    }
    for name, mine in weights.items():
        seconds = best(lambda mine=mine: allocate(offsets, values, mine, out))
        yield _result(f"credits of {name} to money, every touch", count, seconds, 24, bandwidth)


def _runs(touches: Touches, bandwidth: float) -> Iterator[Result]:
    """Measure sorting a new day, a thirtieth of the history, and merging it."""
    day, _ = people(PEOPLE // 30, seed=9)
    order = np.argsort(day.ts, kind="stable")
    arrived = Touches(*(column[order] for column in day.columns()))
    seconds = best(lambda: sort_touches(arrived))
    yield _result("sorting a new day as it came", len(arrived), seconds, 64, bandwidth)
    new, _ = sort_touches(arrived)
    seconds = best(lambda: merge_touches(touches, new))
    yield _result("merging a new day into a run", len(touches) + len(new), seconds, 64, bandwidth)
    yield Result("bytes of a touch", touches.nbytes / len(touches), "B")


def people(count: int, seed: int = 3) -> tuple[Touches, np.ndarray]:
    """Return a sorted run of touches, six per person on average, and the conversion time of each person."""
    random = np.random.default_rng(seed)
    each = random.integers(1, 12, count)
    identity = np.sort(random.integers(1, 2**63, count).astype(np.uint64) * np.uint64(2))
    converted_us = START_US + random.integers(45 * DAY_US, 135 * DAY_US, count)
    who = np.repeat(np.arange(count), each)
    age = random.integers(-DAY_US, 45 * DAY_US, who.shape[0])
    ts = converted_us[who] - age[np.lexsort((-age, who))]
    lane = np.where(random.random(who.shape[0]) < 0.5, lane_number(0, 2), lane_number(1, 1)).astype(np.uint32)
    lane[random.random(who.shape[0]) < 0.05] = lane_number(2, 0)
    partner = random.integers(0, PARTNERS, who.shape[0]).astype(np.uint32)
    event = np.arange(who.shape[0], dtype=np.uint64) + np.uint64(seed << 40)
    touches, _ = sort_touches(Touches(identity[who], ts, event, partner, lane))
    return touches, converted_us


def lanes() -> Lanes:
    """Return lanes for clicks with 30 days, impressions with one day, and bots."""
    return Lanes(np.full(3, _OFFER, np.uint32), np.array([30 * DAY_US, DAY_US, DAY_US]))


def conversions_of(touches: Touches, converted_us: np.ndarray, part: int) -> Conversions:
    """Return a conversion of every `part`-th person."""
    identity = np.unique(touches.identity)[::part]
    count = identity.shape[0]
    values = np.random.default_rng(5).integers(-(10**6), 10**6, count)
    return Conversions(identity, converted_us[::part][:count], np.full(count, _OFFER, np.uint32), values)


def journeys_of(touches: Touches) -> np.ndarray:
    """Return the offsets of the touches of each person."""
    starts = np.flatnonzero(np.concatenate([[True], touches.identity[1:] != touches.identity[:-1]]))
    return np.concatenate([starts, [len(touches)]]).astype(np.int64)


def best(work: Callable[[], object], times: int = 5) -> float:
    """Return the CPU seconds of the best of several calls, after one that compiles."""
    work()
    seconds = []
    for _ in range(times):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds)


def _bandwidth(column: np.ndarray) -> float:
    """Return the bytes per second that numpy sums."""
    return float(column.nbytes) / best(lambda: column.sum())


def _result(hop: str, touches: int, seconds: float, touch_bytes: int, bandwidth: float) -> Result:
    return Result(
        hop, touches / seconds / 1e6, "M touches/s", f"memory at {touch_bytes} B a touch", bandwidth / touch_bytes / 1e6
    )
