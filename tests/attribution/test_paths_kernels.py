"""Kernels of attribution/paths equal their plain references, with and without the JIT (make test)."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.paths import tokenize
from attribution.paths.event_table import CONVERSION, PRECEDENCE, journeys
from attribution.paths.intervals import markov_errors
from attribution.paths.markov import count_transitions, removal_effects, states_of
from attribution.paths.markov_iterative import conversions_without, sparse_moves
from attribution.paths.rake import rake
from attribution.paths.rules import Rule, credit_paths
from attribution.paths.shapley import coalitions_of, marginals
from tests.attribution.path_tables import CHANNELS, counted_paths, table_of_paths
from tests.reference import paths as plain

pytestmark = pytest.mark.kernel

TEXTS = st.text(alphabet="ab>é \t-", max_size=24)
RULES = [
    Rule("first"), Rule("last_touch"), Rule("last_click"), Rule("last_non_direct"), Rule("coupon_first"),
    Rule("linear"), Rule("set_linear"), Rule("position", (40, 20, 40)), Rule("position", (1, 0, 3)),
    Rule("w_shaped", (30, 30, 30, 10)), Rule("w_shaped", (1, 0, 2, 3)), Rule("time_decay", (7,)),
    Rule("custom", (1,)), Rule("custom", (6, 3, 3)), Rule("custom", (1, 0, 2)),
]  # fmt: skip


def split(texts: list[str], separator: str, vocabulary: tokenize.Vocabulary) -> list[list[str]]:
    raw = [text.encode() for text in texts]
    bounds = np.cumsum([0, *map(len, raw)]).astype(np.int64)
    codes, ends = tokenize.tokenize(bounds, np.frombuffer(b"".join(raw), np.uint8), separator.encode(), vocabulary)
    names, begins = vocabulary.names(), [0, *ends.tolist()]
    return [[names[code] for code in codes[begins[j] : begins[j + 1]]] for j in range(len(texts))]


@given(st.lists(TEXTS, max_size=8), st.sampled_from([" > ", ">", " ->", "-> ", "--"]))
@settings(max_examples=300)
def test_tokenize(texts: list[str], separator: str) -> None:
    found = split(texts, separator, tokenize.Vocabulary())
    assert found == [plain.tokenize(text, separator) for text in texts]


def test_tokenize_grows_its_vocabulary_within_a_row() -> None:
    small = tokenize.Vocabulary(np.zeros(4, np.int64), np.empty(8, np.uint8), np.zeros(3, np.int64))
    texts = [" > ".join(f"channel {i}" for i in range(50)), "channel 7 > channel 7"]
    assert split(texts, " > ", small) == [plain.tokenize(text, " > ") for text in texts]
    assert small.count == 50


def test_tokenize_distinguishes_names_of_one_hash() -> None:
    one_slot = tokenize.Vocabulary(np.zeros(2, np.int64))
    assert split(["a > b > a"], " > ", one_slot) == [["a", "b", "a"]]


@pytest.mark.parametrize("bounds", [[], [0, 9], [2, 1], [-1, 0]])
def test_tokenize_refuses_bounds_outside_the_data(bounds: list[int]) -> None:
    with pytest.raises(ValueError, match="bounds"):
        tokenize.tokenize(np.array(bounds, np.int64), np.zeros(3, np.uint8), b">", tokenize.Vocabulary())


@given(st.data(), counted_paths())
@settings(max_examples=150)
def test_credit_paths(data: st.DataObject, paths: list[plain.Counted]) -> None:
    touches = sum(len(path) for path, _, _ in paths)
    kinds = data.draw(st.lists(st.integers(1, 3), min_size=touches, max_size=touches))
    lives = data.draw(st.lists(st.integers(0, 20), min_size=touches, max_size=touches))
    ages = [7 * n for path, _, _ in paths for n in sorted(lives[: len(path)], reverse=True)]
    values = [data.draw(st.integers(-1000, 1000)) * (1 if n else 0) for _, n, _ in paths]
    table = table_of_paths(paths, values, kinds, ages)
    ignored = data.draw(st.lists(st.sampled_from(CHANNELS), max_size=2))
    for rule, credits in zip(RULES, credit_paths(table, RULES, ignored), strict=True):
        owed = {name: [Fraction(0), Fraction(0)] for name in (*table.names, "")}
        begin = 0
        for (path, converted, _), value in zip(paths, values, strict=True):
            end = begin + len(path)
            shares = [Fraction(1)]
            if path:
                shares = plain.credit_paths(
                    rule.name, rule.parameters, path, kinds[begin:end], ages[begin:end], ignored
                )
            for channel, share in zip(path or ("",), shares, strict=True):
                owed[channel][0] += converted * share
                owed[channel][1] += value * share
            begin = end
        assert credits.conversions == pytest.approx([float(pair[0]) for pair in owed.values()], rel=1e-13, abs=1e-13)
        assert credits.values == pytest.approx([float(pair[1]) for pair in owed.values()], rel=1e-13, abs=1e-10)


@given(counted_paths(), st.integers(1, 3))
def test_count_transitions(paths: list[plain.Counted], order: int) -> None:
    table = table_of_paths(paths)
    states = states_of(table, order)
    chain = count_transitions(table, states)
    walks = iter(states.codes.tolist())
    named: dict[int, object] = {}
    for path, _, _ in paths:
        for state in plain.states(path, order):
            assert named.setdefault(next(walks), state) == state
    size = len(states.channel)
    where: dict[object, int] = {state: code for code, state in named.items()}
    assert len(where) == size
    expected = np.zeros((size + 1, size + 2))
    where |= {plain.START: size, plain.CONVERTED: size, plain.LOST: size + 1}
    for (a, b), times in plain.count_transitions(paths, order).items():
        expected[where[a], where[b]] = times
    assert chain.counts.tolist() == expected.tolist()


@given(counted_paths(), st.integers(1, 3))
@settings(max_examples=50)
def test_conversions_without(paths: list[plain.Counted], order: int) -> None:
    table = table_of_paths(paths)
    states = states_of(table, order)
    moves = sparse_moves(table, states.codes, states.channel.shape[0])
    found = conversions_without(*moves, states.channel, np.arange(-1, len(table.names)))
    expected = plain.conversions_without(paths, order, [None, *table.names])
    assert found == pytest.approx([float(chance) for chance in expected], abs=1e-12)


@given(counted_paths(touches_max=4, count_max=2), st.integers(1, 2))
@settings(max_examples=25)
def test_influence(paths: list[plain.Counted], order: int) -> None:
    table = table_of_paths(paths)
    chain = count_transitions(table, states_of(table, order))
    removal = removal_effects(chain, len(table.names), True)
    total = float(table.conversions.sum())
    bare = sum(n for path, n, _ in paths if not path)
    errors = markov_errors(table, chain, removal, total, bare)
    expected = [float(square) for square in plain.influence(paths, order).values()]
    assert errors[:-1] ** 2 == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(counted_paths(), st.permutations(CHANNELS))
def test_marginals(paths: list[plain.Counted], order: list[str]) -> None:
    table = table_of_paths(paths)
    named = [name for name in order if name in table.names]
    orders = np.array([[table.names.index(name) for name in named]])
    added = marginals(coalitions_of(table), orders)[0]
    expected = plain.marginals(paths, named)
    assert added.tolist() == pytest.approx([float(expected[name]) for name in table.names], abs=1e-15)


@given(st.data(), counted_paths())
def test_rake(data: st.DataObject, paths: list[plain.Counted]) -> None:
    table = table_of_paths(paths)
    count = len(table.names)
    start = data.draw(st.lists(st.integers(0, 5), min_size=count, max_size=count))
    coalitions = coalitions_of(table)
    values = 2.5 * table.conversions[coalitions.rows]
    split = plain.rake(paths, {name: Fraction(w) for name, w in zip(table.names, start, strict=True)})
    total = sum(split.values())
    met = np.array([float(split[name] / total) for name in table.names])
    raked = rake(coalitions, values, np.array(start, np.float64), met)
    assert (raked.sweeps, raked.gap) == (0, pytest.approx(0, abs=1e-12))
    assert raked.conversions == pytest.approx([float(split[name]) for name in table.names], rel=1e-12, abs=1e-12)
    assert raked.values == pytest.approx(2.5 * raked.conversions)
    # Whatever is asked, a path's conversions stay with its own channels and none is lost.
    raked = rake(coalitions, values, np.ones(count), np.full(count, 1 / count))
    assert raked.conversions.sum() == pytest.approx(float(total))
    weights = {name: Fraction(w) for name, w in zip(table.names, raked.weights.tolist(), strict=True)}
    owed = plain.rake(paths, weights)
    assert raked.conversions == pytest.approx([float(owed[name]) for name in table.names], rel=1e-9, abs=1e-9)


EVENTS = st.lists(
    st.tuples(st.sampled_from("xyz"), st.integers(0, 8), st.sampled_from([*PRECEDENCE, "conversion"])), max_size=14
)


@given(EVENTS, st.integers(0, 8), st.integers(0, 8), st.booleans())
@settings(max_examples=200)
def test_journeys(events: list[tuple[str, int, str]], click: int, impression: int, resets: bool) -> None:
    kind = {**PRECEDENCE, "conversion": CONVERSION}
    events = sorted(events, key=lambda event: (event[0], event[1], kind[event[2]]))
    windows = np.full(CONVERSION + 1, 100, np.int64)
    windows[PRECEDENCE["click"]], windows[PRECEDENCE["impression"]] = click, impression
    offsets, touch, conversion = journeys(
        np.array([ord(event[0]) for event in events], np.int64), np.array([event[1] for event in events], np.int64),
        np.array([kind[event[2]] for event in events], np.uint8), windows, resets,
    )  # fmt: skip
    found = [
        (touch[offsets[j] : offsets[j + 1]].tolist(), int(conversion[j]) if conversion[j] >= 0 else None)
        for j in range(len(offsets) - 1)
    ]
    ages = {"click": click, "impression": impression, "coupon": 100}
    assert found == plain.journeys(events, ages, resets)
