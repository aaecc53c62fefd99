"""Each rule gives the weights of its plain twin. Runs with and without the JIT (make test)."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.kernels import rules, select
from attribution.kernels.allocate import allocate
from tests.reference import rules as plain

pytestmark = pytest.mark.kernel

DAY_US = 86_400_000_000


class Batch(NamedTuple):
    """Journeys in the form that kernels take."""

    offsets: Any
    codes: Any
    precedence: Any
    named: Any
    direct: Any
    ts: Any
    partner: Any

    def eligible(self, c: int) -> list[int]:
        places = range(int(self.offsets[c]), int(self.offsets[c + 1]))
        return [i for i in places if self.codes[i] == select.ELIGIBLE]


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    lengths = draw(st.lists(st.integers(0, 7), max_size=5))
    offsets = np.concatenate([[0], np.cumsum(np.array(lengths, np.int64))]).astype(np.int64)
    count = int(offsets[-1])

    def column(low: int, high: int) -> Any:
        return draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    ts = np.array(column(0, 5), np.int64) * DAY_US
    for lo, hi in pairwise(offsets):
        ts[lo:hi].sort()
    bits = [np.array(column(low, high), np.uint8) for low, high in ((0, 2), (1, 3), (0, 1), (0, 1))]
    bits[0][bits[0] == 2] = 0
    return Batch(offsets, *bits, ts, np.array(column(1, 4), np.int64))


def each(batch: Batch, weights: Any, twin: Callable[[list[int]], list[Any]]) -> None:
    """Check that touches that do not count have weight 0, and that eligible ones have the ratios of the twin."""
    assert not weights[batch.codes != select.ELIGIBLE].any()
    for c in range(len(batch.offsets) - 1):
        places = batch.eligible(c)
        wanted = twin(places)
        total, whole = sum(wanted), int(weights[places].sum()) if places else 0
        assert [Fraction(int(w), whole or 1) for w in weights[places]] == [Fraction(w) / (total or 1) for w in wanted]
        assert bool(places) == bool(whole)


@given(batches())
@settings(max_examples=120, deadline=None)
def test_single_touch_rules(b: Batch) -> None:
    each(b, rules.last_click(b.offsets, b.codes, b.precedence, b.named),
         lambda at: plain.winner(b.precedence[at].tolist(), b.named[at].tolist()))  # fmt: skip
    each(b, rules.last_touch(b.offsets, b.codes, b.named), lambda at: plain.last_touch(b.named[at].tolist()))
    each(b, rules.first(b.offsets, b.codes, b.named), lambda at: plain.first(b.named[at].tolist()))
    each(b, rules.last_non_direct(b.offsets, b.codes, b.named, b.direct),
         lambda at: plain.last_non_direct(b.named[at].tolist(), b.direct[at].tolist()))  # fmt: skip
    each(b, rules.coupon_first(b.offsets, b.codes, b.precedence, b.named),
         lambda at: plain.coupon_first(b.precedence[at].tolist(), b.named[at].tolist()))  # fmt: skip


@given(batches(), st.lists(st.integers(0, 50), min_size=4, max_size=4))
@settings(max_examples=120, deadline=None)
def test_multi_touch_rules(b: Batch, parts: list[int]) -> None:
    each(b, rules.linear(b.offsets, b.codes), lambda at: plain.linear(len(at)))
    each(b, rules.set_linear(b.offsets, b.codes, b.partner), lambda at: plain.set_linear(b.partner[at].tolist()))
    first, middle, last, rest = parts[0] + 1, *parts[1:]
    each(b, rules.position(b.offsets, b.codes, first, rest, last), lambda at: plain.roles(len(at), first, rest, last))
    each(b, rules.w_shaped(b.offsets, b.codes, None, first, middle, last, rest),
         lambda at: plain.roles(len(at), first, rest, last, middle))  # fmt: skip
    vector = np.array([first, middle, last][: 1 + parts[3] % 3], np.int64)
    each(b, rules.custom(b.offsets, b.codes, b.precedence, vector),
         lambda at: plain.custom(b.precedence[at].tolist(), vector.tolist()))  # fmt: skip


@given(batches(), st.integers(1, 4 * DAY_US))
@settings(max_examples=120, deadline=None)
def test_time_decay(b: Batch, half_life_us: int) -> None:
    weights = rules.time_decay(b.offsets, b.codes, b.ts, half_life_us)
    assert not weights[b.codes != select.ELIGIBLE].any()
    for c in range(len(b.offsets) - 1):
        places = b.eligible(c)
        shares = weights[places] / max(1, weights[places].sum())
        assert shares == pytest.approx(plain.time_decay(b.ts[places].tolist(), half_life_us), abs=4e-12)


@pytest.mark.parametrize("lives", [0.0, 0.25, 1 / 32, 0.999, 1.0, 1.5, 7.0, 39.5, 40.0, 40.9])
def test_powers_are_exact_to_2_to_the_minus_40(lives: float) -> None:
    age = round(lives * 10**12)
    weights = rules.time_decay(np.array([0, 2]), np.zeros(2, np.uint8), np.array([0, age]), 10**12)
    assert weights[1] == rules.DECAY_ONE
    assert abs(int(weights[0]) - rules.DECAY_ONE * 2.0 ** -(age / 10**12)) <= 0.6


def test_w_shaped_with_a_stage() -> None:
    offsets, codes = np.array([0, 5, 10]), np.zeros(10, np.uint8)
    codes[6] = select.BOT
    weights = rules.w_shaped(offsets, codes, np.array([3, 6]))
    assert weights[:5].tolist() == [60, 10, 10, 60, 60]  # of 200: 30, 5, 5, 30, 30 of 100
    assert weights[5:].tolist() == [30, 0, 30, 10, 30]  # a bot led to no stage, so that the middle one has the role
    at_first = rules.w_shaped(np.array([0, 2]), np.zeros(2, np.uint8), np.array([0]))
    assert at_first.tolist() == [130, 70]


@pytest.mark.parametrize(
    "call",
    [
        lambda o, c: rules.position(o, c, 0, 0, 0),
        lambda o, c: rules.position(o, c, -1, 0, 2),
        lambda o, c: rules.w_shaped(o, c, None, 0, 1, 0, 0),
        lambda o, c: rules.w_shaped(o, c, np.array([9])),
        lambda o, c: rules.time_decay(o, c, np.array([1, 2]), 0),
        lambda o, c: rules.time_decay(o, c, np.array([-1, 2]), 5),
        lambda o, c: rules.time_decay(o, c, np.array([1.5, np.nan]), 5),
        lambda o, c: rules.custom(o, c, c + 1, np.array([], np.int64)),
        lambda o, c: rules.custom(o, c, c + 1, np.array([0, 1])),
        lambda o, c: rules.custom(o, c, c + 1, np.array([1, 1, rules.WEIGHT_MAX + 1])),
        lambda o, c: rules.set_linear(o, c, np.array([-1, 2])),
        lambda o, c: rules.linear(np.array([0, 1]), c),
        lambda o, c: rules.linear(np.array([0.0, 2.0]), c),
        lambda o, c: rules.first(o, c, c[:1]),
    ],
)
def test_bad_arguments_of_rules_are_refused(call: Any) -> None:
    with pytest.raises(ValueError):
        call(np.array([0, 2]), np.zeros(2, np.uint8))


ALL: dict[str, Callable[[Batch], Any]] = {
    "last_click": lambda b: rules.last_click(b.offsets, b.codes, b.precedence, b.named),
    "last_touch": lambda b: rules.last_touch(b.offsets, b.codes, b.named),
    "last_non_direct": lambda b: rules.last_non_direct(b.offsets, b.codes, b.named, b.direct),
    "coupon_first": lambda b: rules.coupon_first(b.offsets, b.codes, b.precedence, b.named),
    "first": lambda b: rules.first(b.offsets, b.codes, b.named),
    "linear": lambda b: rules.linear(b.offsets, b.codes),
    "set_linear": lambda b: rules.set_linear(b.offsets, b.codes, b.partner),
    "position": lambda b: rules.position(b.offsets, b.codes),
    "w_shaped": lambda b: rules.w_shaped(b.offsets, b.codes),
    "time_decay": lambda b: rules.time_decay(b.offsets, b.codes, b.ts, 7 * DAY_US),
    "custom": lambda b: rules.custom(b.offsets, b.codes, b.precedence, np.array([50, 30, 20])),
}


@given(batches(), st.lists(st.integers(-(10**15), 10**15), min_size=5, max_size=5))
@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize("rule", ALL)
def test_credits_add_up_to_the_value(rule: str, b: Batch, values: list[int]) -> None:
    weights = ALL[rule](b)
    amounts = np.array(values[: len(b.offsets) - 1], np.int64)
    parts = allocate(b.offsets, amounts, weights)
    for c, amount in enumerate(amounts.tolist()):
        mine = parts[b.offsets[c] : b.offsets[c + 1]]
        assert int(mine.sum()) == (amount if b.eligible(c) else 0)
        assert all(part * amount >= 0 for part in mine.tolist())
    refunded = allocate(b.offsets, np.zeros_like(amounts), weights)
    assert not refunded.any()


@given(batches(), st.permutations(range(1, 5)))
@settings(max_examples=25, deadline=None)
@pytest.mark.parametrize("rule", ALL)
def test_partner_ids_do_not_change_weights(rule: str, b: Batch, names: list[int]) -> None:
    renamed = b._replace(partner=np.array([0, *names])[b.partner])
    assert ALL[rule](b).tolist() == ALL[rule](renamed).tolist()


@given(batches())
@settings(max_examples=25, deadline=None)
@pytest.mark.parametrize("rule", ALL)
def test_journeys_are_weighed_independently(rule: str, b: Batch) -> None:
    whole = ALL[rule](b)
    for c in range(len(b.offsets) - 1):
        lo, hi = int(b.offsets[c]), int(b.offsets[c + 1])
        alone = Batch(np.array([0, hi - lo], np.int64), *(column[lo:hi] for column in b[1:]))
        assert ALL[rule](alone).tolist() == whole[lo:hi].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("rule", ALL)
def test_a_million_touches_in_one_journey_at_one_instant(rule: str) -> None:
    count = 1_000_000 if not _is_plain() else 2_000
    zeros = np.zeros(count, np.uint8)
    b = Batch(np.array([0, count]), zeros, zeros + 1, zeros, zeros, np.full(count, 10**15), np.arange(count) % 5)
    parts = allocate(b.offsets, np.array([10**15 + 7]), ALL[rule](b))
    assert int(parts.sum()) == 10**15 + 7


def _is_plain() -> bool:
    """Tell whether kernels run as plain Python, where a million touches take minutes."""
    return not hasattr(rules._winner_range, "py_func")


@pytest.mark.parametrize("rule", ALL)
def test_empty_input_gives_empty_output(rule: str) -> None:
    none = np.zeros(0, np.uint8)
    for offsets in (np.array([0]), np.array([0, 0])):
        b = Batch(offsets, none, none, none, none, np.zeros(0, np.int64), np.zeros(0, np.int64))
        assert ALL[rule](b).shape == (0,)
