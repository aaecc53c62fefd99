"""Reuse of touches and identity maps, compared with their plain twins."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.core.journeys import Journeys, TouchRows
from attribution.core.weights import weigh
from attribution.kernels import select
from attribution.runs.identity_map import EMPTY_MAP, IdentityMap, stitch
from attribution.runs.touch_reuse import used_up, waves
from tests.reference import reuse as plain

pytestmark = pytest.mark.kernel


@st.composite
def shared(draw: st.DrawFn) -> tuple[list[list[int]], list[int]]:
    """Draw journeys over eight touches in order, and the order of the journeys."""
    journeys = draw(st.lists(st.lists(st.integers(0, 7), unique=True, max_size=5).map(sorted), max_size=6))
    return journeys, draw(st.permutations(range(len(journeys))))


def csr(journeys: list[list[int]]) -> tuple[Any, Any]:
    offsets = np.cumsum([0, *map(len, journeys)]).astype(np.int64)
    return offsets, np.array([touch for journey in journeys for touch in journey], np.int64)


@given(shared())
@settings(max_examples=150, deadline=None)
def test_waves(case: tuple[list[list[int]], list[int]]) -> None:
    journeys, order = case
    offsets, touch = csr(journeys)
    assert waves(offsets, touch, np.array(order, np.int64)).tolist() == plain.waves(journeys, order)


@given(shared(), st.sampled_from(["linear", "last_click", "first", "position"]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_used_up(case: tuple[list[list[int]], list[int]], model: str, is_reset: bool) -> None:
    """Compare with one conversion after the other and a set of used touches."""
    journeys, order = case
    offsets, touch = csr(journeys)
    whole = _journeys(offsets, touch)
    found = used_up(whole, np.array(order, np.int64), None if is_reset else model)
    gone: set[int] = set()
    for c in order:
        mine = journeys[c]
        codes = [select.USED if t in gone else select.ELIGIBLE for t in mine]
        assert found.codes[offsets[c] : offsets[c + 1]].tolist() == codes
        alone = _journeys(np.array([0, len(mine)]), np.array(mine, np.int64), np.array(codes, np.uint8))
        weights = [1] * len(mine) if is_reset else weigh(model, alone).tolist()
        gone |= {t for t, code, weight in zip(mine, codes, weights, strict=True) if code == 0 and weight}


def _journeys(offsets: Any, touch: Any, codes: Any = None) -> Journeys:
    count, zeros = touch.shape[0], np.zeros(touch.shape[0], np.uint8)
    touches = TouchRows.from_rows([(n, n, 1, bytes([n + 1]) * 27, 1, 1 + n % 3, 0, 0, 0, 0) for n in range(8)])
    return Journeys(
        offsets, touch, zeros, zeros, zeros + 2, zeros, np.zeros(count, np.uint8) if codes is None else codes, touches
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12), st.integers(10, 12))
@settings(max_examples=150, deadline=None)
def test_stitch(edges: list[tuple[int, int]], count: int) -> None:
    left, right = np.array([a for a, _ in edges], np.int64), np.array([b for _, b in edges], np.int64)
    assert stitch(left, right, count).tolist() == plain.stitch(edges, count)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=12), st.randoms())
@settings(max_examples=100, deadline=None)
def test_an_identity_map_does_not_depend_on_the_order_of_edges(edges: list[tuple[int, int]], random: Any) -> None:
    one = IdentityMap.from_edges(np.array(edges, np.uint64))
    random.shuffle(edges)
    other = IdentityMap.from_edges(np.array([(b, a) for a, b in edges] + edges[:1], np.uint64))
    assert one.version == other.version and len(one.version) == 32
    assert (one.identity.tolist(), one.canonical.tolist()) == (other.identity.tolist(), other.canonical.tolist())
    roots = plain.stitch(edges, 10)
    everyone = np.arange(10, dtype=np.uint64)
    assert one.canonical_of(everyone).tolist() == roots
    person = [n for n in range(10) if roots[n] == roots[edges[0][0]]]
    assert one.members(np.array([edges[0][1]], np.uint64)).tolist() == person


def test_groups_above_the_limit_are_not_joined() -> None:
    edges = np.array([(1, n) for n in range(2, 6)] + [(7, 8)], np.uint64)
    found = IdentityMap.from_edges(edges, members_max=4)
    assert found.canonical_of(np.array([1, 5, 8], np.uint64)).tolist() == [1, 5, 7]
    assert found.version != IdentityMap.from_edges(edges).version


def test_bad_edges_are_refused() -> None:
    assert IdentityMap.from_edges(np.zeros((0, 2), np.uint64)) is EMPTY_MAP
    assert EMPTY_MAP.canonical_of(np.array([4], np.uint64)).tolist() == [4]
    for edges in (np.zeros((1, 3), np.uint64), np.ones((1, 2), np.int64), np.array([[0, 1]], np.uint64)):
        with pytest.raises(ValueError):
            IdentityMap.from_edges(edges)
    with pytest.raises(ValueError, match="nodes are 0 to 1"):
        stitch(np.array([0]), np.array([2]), 2)
    with pytest.raises(ValueError, match="one length"):
        stitch(np.array([0]), np.array([0, 1]), 2)
