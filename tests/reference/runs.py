"""Plain twins of attribution/columnar/sort_merge.py and scan.py: sorted lists of tuples."""

from collections.abc import Sequence
from typing import NamedTuple

from tests.reference.kernels import allocate_one
from tests.reference.rules import last_click, roles, set_linear


class Seen(NamedTuple):
    """A touch; the first four fields are the sort key of runs."""

    identity: int
    ts: int
    precedence: int
    event: int
    partner: int
    lane: int


def sort(touches: Sequence[Seen]) -> list[Seen]:
    """Return the first of each (identity, ts, precedence, event), sorted."""
    found: dict[tuple[int, ...], Seen] = {}
    for touch in sorted(touches, key=lambda t: t[:4]):
        found.setdefault(touch[:4], touch)
    return list(found.values())


def merge(history: Sequence[Seen], new: Sequence[Seen]) -> list[Seen]:
    """Merge two runs; a touch that is in both is taken from the history."""
    return sort([*history, *new])


def spans(touches: Sequence[Seen], conversions: Sequence[tuple[int, int]], lookback_us: int) -> list[list[int]]:
    """Return the indices of the touches of each (identity, ts)."""
    return [
        [i for i, t in enumerate(touches) if t.identity == who and 0 <= when - t.ts <= lookback_us]
        for who, when in conversions
    ]


def eligible(
    touches: Sequence[Seen], places: Sequence[int], when: int, offer: int, lanes: Sequence[tuple[int, int]]
) -> list[int]:
    """Return the indices whose lane has the offer, a sufficient window, and a precedence above 0."""
    return [
        i for i in places
        if touches[i].precedence > 0 and lanes[touches[i].lane][0] == offer
        and when - touches[i].ts <= lanes[touches[i].lane][1]
    ]  # fmt: skip


def sums(touches: Sequence[Seen], journeys: Sequence[tuple[list[int], int]], partners: int) -> list[list[int]]:
    """Return minor units by rule and partner for (eligible indices, value); the last column is unattributed."""
    found = [[0] * (partners + 1) for _ in range(5)]
    for places, value in journeys:
        who = [touches[i].partner for i in places]
        if not who:
            for row in found:
                row[partners] += value
            continue
        shares = roles(len(who), 40, 20, 40)
        common = 10 * max(1, len(who)) * max(1, len(who) - 2)
        weights = [
            [1, *[0] * (len(who) - 1)],
            last_click([touches[i].precedence for i in places], [0] * len(who)),
            [1] * len(who),
            set_linear(who),
            [int(share * common) for share in shares],
        ]
        for row, mine in zip(found, weights, strict=True):
            for partner, part in zip(who, allocate_one(value, mine), strict=True):
                row[partner] += part
    return found
