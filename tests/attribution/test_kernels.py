"""Each kernel gives the result of its plain twin. Runs with and without the JIT (make test)."""

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import config

from attribution.kernels import rules, select
from attribution.kernels.allocate import WEIGHTS_SUM_MAX, allocate
from attribution.kernels.checks import INT64_MAX, Bytes, Ints, Overflow
from tests.reference import kernels as plain

pytestmark = pytest.mark.kernel
MANY = 60 if config.DISABLE_JIT else 300
"""Examples of slow kernels: as plain Python one takes 50 ms, and is there to find wrong indices."""

WORDS = {
    select.ELIGIBLE: "eligible",
    select.OTHER_OFFER: "other_offer",
    select.AFTER_CONVERSION: "after_conversion",
    select.OUTSIDE_WINDOW: "outside_window",
    select.BOT: "bot",
}


def ints(values: Any) -> Ints:
    return np.array(values, np.int64)


def small(values: Any) -> Bytes:
    return np.array(values, np.uint8)


@st.composite
def journeys(draw: st.DrawFn, touches_max: int = 6) -> tuple[list[int], int]:
    lengths = draw(st.lists(st.integers(0, touches_max), max_size=5))
    offsets = [0]
    for length in lengths:
        offsets.append(offsets[-1] + length)
    return offsets, offsets[-1]


@given(st.data(), journeys())
@settings(max_examples=200, deadline=None)
def test_select_touches(data: st.DataObject, shape: tuple[list[int], int]) -> None:
    offsets, count = shape
    instants = st.integers(0, 12)
    bits = st.lists(st.integers(0, 1), min_size=count, max_size=count)
    ts = data.draw(st.lists(instants, min_size=count, max_size=count))
    windows = data.draw(st.lists(st.integers(0, 6), min_size=count, max_size=count))
    when = data.draw(st.lists(instants, min_size=len(offsets) - 1, max_size=len(offsets) - 1))
    bots, same, confirmed = data.draw(bits), data.draw(bits), data.draw(bits)
    codes = select.select_touches(
        ints(offsets), ints(ts), small(bots), small(same), small(confirmed), ints(when), ints(windows)
    )
    assert [WORDS[int(code)] for code in codes] == plain.select_touches(
        offsets, ts, bots, same, confirmed, when, windows
    )


@pytest.mark.parametrize(("age", "code"), [(0, select.ELIGIBLE), (10, select.ELIGIBLE), (11, select.OUTSIDE_WINDOW)])
def test_the_window_is_inclusive(age: int, code: int) -> None:
    found = select.select_touches(
        ints([0, 1]), ints([100 - age]), small([0]), small([1]), small([0]), ints([100]), ints([10])
    )
    assert found.tolist() == [code]


@given(st.data(), journeys())
@settings(max_examples=200, deadline=None)
@pytest.mark.parametrize("model", ["last_click", "linear"])
def test_models(model: str, data: st.DataObject, shape: tuple[list[int], int]) -> None:
    offsets, count = shape
    codes = data.draw(st.lists(st.integers(0, 4), min_size=count, max_size=count))
    precedence = data.draw(st.lists(st.integers(1, 3), min_size=count, max_size=count))
    named = data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))
    found = {
        "last_click": lambda: rules.last_click(ints(offsets), small(codes), small(precedence), small(named)),
        "linear": lambda: rules.linear(ints(offsets), small(codes)),
    }
    eligible = [code == select.ELIGIBLE for code in codes]
    assert found[model]().tolist() == getattr(plain, model)(offsets, eligible, precedence, named)


@given(st.data(), journeys(40))
@settings(max_examples=MANY, deadline=None)
def test_allocate(data: st.DataObject, shape: tuple[list[int], int]) -> None:
    offsets, count = shape
    amounts = data.draw(st.lists(st.integers(-(10**15), 10**15), min_size=len(offsets) - 1, max_size=len(offsets) - 1))
    weights = data.draw(st.lists(st.integers(0, 50), min_size=count, max_size=count))
    parts = allocate(ints(offsets), ints(amounts), ints(weights)).tolist()
    assert parts == plain.allocate(offsets, amounts, weights)
    for c, amount in enumerate(amounts):
        lo, hi = offsets[c], offsets[c + 1]
        assert sum(parts[lo:hi]) == (amount if sum(weights[lo:hi]) else 0)


def test_allocate_by_hand() -> None:
    offsets = ints([0, 3, 6, 8, 8])
    parts = allocate(offsets, ints([1000, -1000, 1, 5]), ints([1, 1, 1, 1, 1, 1, 0, 2]))
    assert parts.tolist() == [334, 333, 333, -334, -333, -333, 0, 1]


def test_allocate_largest_numbers() -> None:
    assert allocate(ints([0, 2]), ints([INT64_MAX]), ints([1, 0])).tolist() == [INT64_MAX, 0]
    heavy = [WEIGHTS_SUM_MAX // 3, WEIGHTS_SUM_MAX // 3, WEIGHTS_SUM_MAX // 3 - 1]
    for amount in (INT64_MAX, -INT64_MAX, 10**12, 1):
        assert allocate(ints([0, 3]), ints([amount]), ints(heavy)).tolist() == plain.allocate_one(amount, heavy)
    with pytest.raises(Overflow, match="journey 1"):
        allocate(ints([0, 1, 3]), ints([1, 1]), ints([1, WEIGHTS_SUM_MAX - 1, 1]))
    with pytest.raises(Overflow, match="journey 0"):
        allocate(ints([0, 2]), ints([1]), ints([INT64_MAX, INT64_MAX]))
    with pytest.raises(Overflow, match="journey 0"):
        allocate(ints([0, 1]), ints([-(2**63)]), ints([1]))


@given(st.data(), journeys(30))
@settings(max_examples=MANY, deadline=None)
def test_allocate_by_large_weights(data: st.DataObject, shape: tuple[list[int], int]) -> None:
    """Cover the long division, where amount × weight exceeds 64 bits, and floats below that."""
    offsets, count = shape
    conversions = len(offsets) - 1
    amounts = data.draw(st.lists(st.integers(-INT64_MAX, INT64_MAX), min_size=conversions, max_size=conversions))
    largest = data.draw(st.sampled_from([7, 2**22, 2**40, WEIGHTS_SUM_MAX // 30 - 1]))
    weights = data.draw(st.lists(st.integers(0, largest), min_size=count, max_size=count))
    out = np.full(count, 77, np.int64)
    assert allocate(ints(offsets), ints(amounts), ints(weights), out) is out
    assert out.tolist() == plain.allocate(offsets, amounts, weights)


@pytest.mark.parametrize("size", [10**6, 2**48 - 1, 2**48, 2**60])
@pytest.mark.parametrize("heaviest", [1, 9, 2**40])
def test_allocate_many_journeys_of_all_lengths(size: int, heaviest: int) -> None:
    """Cover several blocks, more journeys of one length than lanes, and journeys too long for lanes."""
    random = Random(5)
    lengths = [*random.choices([0, 1, 2, 23, 24, 25, 60], k=100), *[3] * 300, *random.choices(range(9), k=700)]
    offsets = np.cumsum([0, *lengths]).tolist()
    amounts = [random.randint(-size, size) for _ in lengths]
    weights = [random.choice([0, 1, random.randint(0, heaviest)]) for _ in range(offsets[-1])]
    parts = allocate(ints(offsets), ints(amounts), ints(weights)).tolist()
    assert parts == plain.allocate(offsets, amounts, weights)


def test_allocate_names_the_journey_of_a_negative_weight_in_any_block() -> None:
    weights = [2] * 1_000
    weights[777] = -1
    with pytest.raises(ValueError, match="journey 777"):
        allocate(ints(range(1_001)), ints([5] * 1_000), ints(weights))


@pytest.mark.parametrize(
    "call",
    [
        lambda: allocate(ints([0, 2]), ints([1]), ints([1])),
        lambda: allocate(ints([0, 1]), ints([1, 2]), ints([1])),
        lambda: allocate(ints([0, 1]), ints([1]), ints([-1])),
        lambda: allocate(ints([0, 2, 1]), ints([1, 1]), ints([1])),
        lambda: rules.last_click(ints([0, 1]), small([0]), small([1, 1]), small([0])),
        lambda: rules.linear(ints([1, 1]), small([0])),
        lambda: select.select_touches(
            ints([0, 1]), ints([-1]), small([0]), small([1]), small([0]), ints([5]), ints([1])
        ),
    ],
)
def test_wrong_shapes_are_refused(call: Any) -> None:
    with pytest.raises(ValueError):
        call()
