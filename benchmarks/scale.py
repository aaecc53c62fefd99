"""Memory and time of the experimental columnar kernels by number of touches: `python -m benchmarks.scale 1 10 100`.

Numbers are millions of touches, in shards of at most 12.5 M, which are processed one after the other on one core. One
person in five converts. docs/operate/scale.md has the figures.
"""

import resource
import sys
import time
from collections.abc import Callable

import numpy as np

from attribution.columnar.scan import last_click_winners, sums_of_rules
from attribution.columnar.sort_merge import merge_touches, sort_touches, spans
from attribution.columnar.touches import Shard, Touches
from benchmarks.bench_kernels import DAY_US, conversions_of, lanes, people
from benchmarks.measure import machine

SHARD_TOUCHES_MAX = 12_500_000
_TOUCHES_PER_PERSON = 6


class Clock:
    """CPU seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def took(self, what: str, work: Callable[[], object]) -> object:
        started = time.process_time()
        result = work()
        self.seconds[what] = self.seconds.get(what, 0.0) + time.process_time() - started
        return result


def measure(wanted: int) -> str:
    """Measure time and memory for a number of touches; print one line per step."""
    clock = Clock()
    shards = -(-wanted // SHARD_TOUCHES_MAX)
    kept: list[Shard] = []
    conversions = 0
    for number in range(shards):
        count = wanted // shards // _TOUCHES_PER_PERSON
        history, converted_us = people(count, seed=10 + number)
        day, _ = people(count // 30, seed=1_000 + number)
        arrived = Touches(*(column[np.argsort(day.ts, kind="stable")] for column in day.columns()))
        new = clock.took("sorting the new day", lambda arrived=arrived: sort_touches(arrived)[0])
        whole = clock.took("merging it", lambda a=history, b=new: merge_touches(a, b)[0])
        shard = Shard.build(whole, lanes())
        asked = conversions_of(history, converted_us, 5)
        found = clock.took("touches of each conversion", lambda s=shard, c=asked: spans(s, c, 90 * DAY_US))
        clock.took("last click", lambda s=shard, f=found: last_click_winners(s, f))
        clock.took("five rules", lambda s=shard, f=found: sums_of_rules(s, f))
        conversions += asked.ts.shape[0]
        kept.append(shard)
    touches = sum(len(shard.touches) for shard in kept)
    columns = sum(shard.touches.nbytes for shard in kept)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    head = (
        f"{touches:,} touches, {conversions:,} conversions, {shards} shard(s): columns {columns / 2**30:.2f} GiB, "
        f"process at most {peak / 2**30:.2f} GiB\n"
    )
    return head + "".join(f"  {what:<28} {seconds:8.3f} s\n" for what, seconds in clock.seconds.items())


def main() -> None:
    """Measure each number of the command line, after a small one that compiles the kernels."""
    sys.stdout.write(f"{machine()}\n")
    sys.stdout.flush()
    measure(10_000)
    for text in sys.argv[1:] or ["1", "10"]:
        sys.stdout.write(measure(int(text) * 1_000_000))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
