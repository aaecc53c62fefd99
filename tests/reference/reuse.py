"""Plain twins of attribution/runs/touch_reuse.py and attribution/runs/identity_map.py."""

from collections.abc import Sequence


def waves(journeys: Sequence[Sequence[int]], order: Sequence[int]) -> list[int]:
    """Return, for each journey, one more than the latest wave of earlier journeys that share a touch with it."""
    found: dict[int, int] = {}
    for at, c in enumerate(order):
        earlier = [found[b] for b in order[:at] if set(journeys[b]) & set(journeys[c])]
        found[c] = max(earlier, default=-1) + 1
    return [found[c] for c in range(len(journeys))]


def stitch(edges: Sequence[tuple[int, int]], count: int) -> list[int]:
    """Return the smallest node that each node is connected to, by following edges until nothing changes."""
    smallest = list(range(count))
    for _ in range(count):
        for a, b in edges:
            smallest[a] = smallest[b] = min(smallest[a], smallest[b])
    return smallest
