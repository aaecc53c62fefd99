"""The first choice of a plan for each partner, where one offer has 100,000 plans, compared with the linear rule."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from attribution.core.plans import PlanBook
from benchmarks.measure import Result
from program.entries import Plan
from tests.reference.plans import fitting

PLANS = 100_000
_CHOICES, _LINEAR_CHOICES = 100_000, 100


def run(_folder: Path) -> Iterator[Result]:
    """Measure microseconds of a choice, and of making the index."""
    plans = [Plan(1, percent_e6=5_000_000)]
    plans += [Plan(1, partner, percent_e6=8_000_000 + partner) for partner in range(1, PLANS)]
    partners = Random(7).sample(range(1, PLANS), k=_CHOICES - 1)
    started = time.perf_counter()
    book = PlanBook(plans)
    building_us = (time.perf_counter() - started) * 1e6 / PLANS
    indexed_us = _microseconds(lambda partner: book.choose(1, "1", partner), partners)
    linear_us = _microseconds(lambda partner: fitting(plans, 1, "1", partner), partners[:_LINEAR_CHOICES])
    assert all(book.choose(1, "1", p).plan == fitting(plans, 1, "1", p)[0] for p in partners[:_LINEAR_CHOICES])
    yield Result(
        "choose among 100,000 plans of one offer",
        indexed_us,
        "us",
        "linear rule",
        linear_us,
        f"the rule takes {linear_us / indexed_us:,.0f} times as long",
    )
    yield Result("index of 100,000 plans, per plan", building_us, "us")


def _microseconds(choose: Callable[[int], object], partners: list[int]) -> float:
    started = time.perf_counter()
    for partner in partners:
        choose(partner)
    return (time.perf_counter() - started) * 1e6 / len(partners)
