"""Models over path tables: published cases, other implementations, and edges."""

import json
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.paths.evaluate import Answer, ModelOptions, answer, parse_asked, round_shares
from attribution.paths.files import TableOptions, read_table, table_of
from attribution.paths.markov import BadOrder, count_transitions, removal_effects, states_of
from attribution.paths.path_table import UNATTRIBUTED, BadTable, EventOptions, PathTable, UnusableOption
from attribution.paths.shapley import (
    coalitions_of,
    rate_worths,
    sample_rate,
    shapley_exact,
)
from tests.attribution.path_tables import CHANNELS, counted_paths, table_of_paths
from tests.reference import paths as plain
from tests.reference.paths import Counted

DATA = Path(__file__).resolve().parents[1] / "data" / "models"
EVERY = "first,last_touch,last_click,last_non_direct,linear,set_linear,position,w_shaped,custom(3,2,1),markov,shapley"


def ask(table: PathTable, models: str, **options: Any) -> Answer:
    (found,) = answer(table, parse_asked(models), ModelOptions(**options))
    return found


def shares(found: Answer) -> dict[str, float]:
    return {row.channel: row.share or 0.0 for row in found.channels}


def effects(found: Answer) -> dict[str, float]:
    return {row.channel: row.extra["removal_effect"] or 0.0 for row in found.channels}


# ---------------------------------------------------------------------------------------------------- published

THREE = [(("C1", "C2", "C3"), 1, 0), (("C1",), 0, 1), (("C2", "C3"), 0, 1)]
"""The example of most tutorials on Markov attribution."""


def test_markov_of_three_paths() -> None:
    found = ask(table_of_paths(THREE), "markov")
    assert effects(found) == {"C1": 0.5, "C2": 1.0, "C3": 1.0}
    assert shares(found) == {"C1": 0.2, "C2": 0.4, "C3": 0.4}
    assert found.totals["conversion_rate"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("kind", ["last_touch", "shapley"])
def test_tables_of_snowplow(kind: str) -> None:
    names = {"path": "transformed_path", "total_conversions": "conversions"}
    names |= {"total_null": "non_conversions", "total_conversion_value": "revenue"}
    table = read_table(DATA / "snowplow_fractribution_path_summary.csv", TableOptions(names))
    found = ask(table, kind, game="leave_one_out")
    # The published digits hold to 9 decimals: as they stand, five conversions add up to 5.00000000073.
    text = (DATA / "snowplow_fractribution_channel_attribution_expected.csv").read_text()
    expected = {
        row[2]: (pytest.approx(float(row[3]), abs=1e-8), pytest.approx(float(row[4]), abs=1e-6))
        for row in (line.split(",") for line in text.splitlines())
        if row[-1] == kind
    }
    assert {row.channel: (row.conversions, row.value) for row in found.channels} == expected


@pytest.mark.parametrize("order", [1, 2, 3])
def test_markov_equals_do_attribution(order: int) -> None:
    stored = json.loads((DATA / "do_attribution.json").read_text())
    paths: list[Counted] = [(tuple(path.split(" > ")), n, m) for path, n, m in stored["paths"]]
    expected = stored["orders"][str(order)]
    found = ask(table_of_paths(paths), "markov", order=order)
    assert effects(found) == pytest.approx(expected["removal_effects"], abs=1e-12)
    assert shares(found) == pytest.approx(expected["shares"], abs=1e-12)
    assert found.totals["conversion_rate"] == pytest.approx(expected["conversion"], abs=1e-12)


@pytest.mark.parametrize("file", sorted((DATA / "w3c").glob("*.json")), ids=lambda file: file.stem)
def test_custom_is_the_credit_of_w3c(file: Path) -> None:
    """Matching is the test's: what a site may see. Lookback, order and credit are ours."""
    day_us, longest = 86_400 * 10**6, 30
    saved: list[tuple[int, dict[str, Any]]] = []
    for event in json.loads(file.read_text())["events"]:
        when, options = event["seconds"] * 10**6, event["options"]
        if event["event"] == "saveImpression":
            saved.append((when, options))
            continue
        wanted = options.get("matchValues", [])
        alive = [
            (ts, impression)
            for ts, impression in saved
            if when - ts <= min(impression.get("lifetimeDays", longest), longest) * day_us
            and (not wanted or impression.get("matchValue", 0) in wanted)
        ]
        kinds = ["impression", "click", "coupon"]
        ranks = sorted({impression.get("priority", 0) for _, impression in alive})
        rows = [("p", ts, kinds[ranks.index(i.get("priority", 0))], str(i["histogramIndex"]), None) for ts, i in alive]
        rows.append(("p", when, "conversion", "", float(options.get("value", 1))))
        window = min(options.get("lookbackDays", longest), longest) * day_us
        columns = zip(*rows, strict=True)
        events = pa.table(dict(zip(("identity", "ts", "type", "channel", "value"), map(list, columns), strict=True)))
        table = table_of(events, TableOptions(events=EventOptions(dict.fromkeys(kinds, window))))
        credit = ",".join(map(str, options.get("credit", [1])))
        found = {row.channel: row.value for row in ask(table, f"custom({credit})").channels}
        found.pop(UNATTRIBUTED, None)
        histogram = [found.get(str(index), 0.0) for index in range(options["histogramSize"])]
        assert histogram == pytest.approx(event["expected"])


# ------------------------------------------------------------------------------------------- against the twins


@given(counted_paths(touches_max=5), st.integers(1, 3))
@settings(max_examples=60)
def test_markov_equals_elimination_in_fractions(paths: list[Counted], order: int) -> None:
    found = ask(table_of_paths(paths), "markov", order=order)
    expected = plain.removal_effects(paths, order)
    assert {k: v for k, v in effects(found).items() if k != UNATTRIBUTED} == pytest.approx(
        {channel: float(effect) for channel, effect in expected.items()}, abs=1e-11
    )
    owed = {channel: float(share) for channel, share in plain.markov_shares(paths, order).items()}
    assert {k: v for k, v in shares(found).items() if k != UNATTRIBUTED} == pytest.approx(owed, abs=1e-11)


@given(counted_paths(), st.integers(1, 3))
def test_the_chain_converts_at_the_observed_rate(paths: list[Counted], order: int) -> None:
    table = table_of_paths(paths)
    removal = removal_effects(count_transitions(table, states_of(table, order)), len(table.names))
    seen = table.conversions.sum() / (table.conversions.sum() + table.nulls.sum())
    assert removal.conversion == pytest.approx(seen, abs=1e-12)


@given(counted_paths(("A", "B", "C")))
@settings(max_examples=60)
def test_shapley_is_exact_for_both_games(paths: list[Counted]) -> None:
    table = table_of_paths(paths)
    names = table.names
    coalitions = [frozenset(some) for size in range(len(names) + 1) for some in combinations(names, size)]
    reached = {coalition: plain.reached(paths, coalition) for coalition in coalitions}
    owed = plain.shapley(reached, names)
    found = {row.channel: row.conversions for row in ask(table, "shapley").channels if row.channel != UNATTRIBUTED}
    assert found == pytest.approx({name: float(value) for name, value in owed.items()}, abs=1e-12)
    by_mask = [
        float(reached[frozenset(names[i] for i in range(len(names)) if mask >> i & 1)])
        for mask in range(1 << len(names))
    ]
    assert shapley_exact(np.array(by_mask)) == pytest.approx([float(owed[name]) for name in names], abs=1e-12)
    rates = plain.shapley({coalition: plain.rate(paths, coalition) for coalition in coalitions}, names)
    exact = shapley_exact(rate_worths(coalitions_of(table), len(names)))
    assert exact == pytest.approx([float(rates[name]) for name in names], abs=1e-12)


def test_a_chain_too_large_for_one_inverse_is_iterated(monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_of_paths(made_up(300, 9))
    exact = ask(table, "markov", order=2)
    monkeypatch.setattr("attribution.paths.evaluate.STATES_MAX", 5)
    found = ask(table, "markov", order=2)
    assert effects(found) == pytest.approx(effects(exact), abs=1e-11)
    assert "ci_low" not in found.channels[0].extra
    assert "they are left out" in found.notes[0] and found.unused == ()
    asked = ask(table, "markov", order=2, intervals=True)
    assert asked.notes == () and "leave --intervals out" in asked.unused[0]


def made_up(rows: int, channels: int, seed: int = 3) -> list[Counted]:
    random = np.random.default_rng(seed)
    return [
        (tuple(f"c{c:02d}" for c in random.integers(0, channels, random.integers(1, 7))), int(n), int(m))
        for n, m in zip(random.integers(0, 5, rows), random.integers(0, 20, rows), strict=True)
    ]


def test_sampled_shapley_is_within_its_standard_errors() -> None:
    table = table_of_paths(made_up(300, 8))
    coalitions = coalitions_of(table)
    exact = shapley_exact(rate_worths(coalitions, 8))
    sampled = sample_rate(coalitions, 8, 4_000, 1)
    assert sampled.values.sum() == pytest.approx(exact.sum())
    assert np.abs((sampled.values - exact) / sampled.errors).max() < 4
    twice = sample_rate(coalitions, 8, 16_000, 1)
    assert twice.errors / sampled.errors == pytest.approx(np.full(8, 0.5), rel=0.15)


@given(counted_paths())
def test_leaving_one_out_credits_every_conversion(paths: list[Counted]) -> None:
    found = ask(table_of_paths(paths), "shapley", game="leave_one_out")
    assert sum(row.conversions for row in found.channels) == pytest.approx(sum(n for _, n, _ in paths))


def test_a_large_game_is_sampled_with_a_standard_error() -> None:
    found = ask(table_of_paths(made_up(200, 25)), "shapley", game="rate", samples=200, seed=7)
    assert found.about == {"game": "rate", "samples": 200, "seed": 7}
    assert sum(shares(found).values()) == pytest.approx(1)
    assert all((row.extra["std_error"] or 0) > 0 for row in found.channels)


def test_long_models_report_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attribution.paths.evaluate.STATES_MAX", 5)
    table, steps = table_of_paths(made_up(300, 25)), []
    options = ModelOptions(order=2, game="rate", samples=600)
    answer(table, parse_asked("markov,shapley"), options, lambda done, total: steps.append((done, total)))
    assert steps == [(16, 26), (26, 26), (256, 300), (300, 300)]


@given(counted_paths(), st.randoms())
@settings(max_examples=40)
def test_raked_credits_have_the_same_bits_for_any_order_of_rows(paths: list[Counted], random: Random) -> None:
    shuffled = random.sample(paths, len(paths))
    one, two = (ask(table_of_paths(rows), "markov", raked=True).as_json() for rows in (paths, shuffled))
    assert one == two


def test_shares_of_shapley_add_up_exactly() -> None:
    found = ask(table_of_paths([(("A", "B", "C"), 1, 0), ((), 2, 0)]), "shapley")
    assert sum(round((row.share or 0) * 10**12) for row in found.channels) == 10**12


def test_a_chain_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attribution.paths.evaluate.STATES_MAX", 5)
    monkeypatch.setattr("attribution.paths.markov_iterative.WORK_MAX", 10_000)
    with pytest.raises(BadTable, match="choose a lower order"):
        ask(table_of_paths(made_up(300, 9)), "markov", order=2)


@pytest.mark.parametrize(
    ("options", "models", "option"),
    [
        (ModelOptions(order=1), "linear", "--order"),
        (ModelOptions(raked=True), "shapley", "--raked"),
        (ModelOptions(intervals=False), "shapley", "--intervals"),
        (ModelOptions(game="conversions"), "markov", "--game"),
        (ModelOptions(samples=100), "shapley", "--samples"),
        (ModelOptions(game="leave_one_out", seed=1), "shapley", "--seed"),
        (ModelOptions(ignored=("direct",)), "last_touch", "--direct"),
    ],
)
def test_options_that_change_no_model_are_refused(options: ModelOptions, models: str, option: str) -> None:
    with pytest.raises(UnusableOption, match=f"^{option} is for "):
        options.check_effects(parse_asked(models))
    every = ModelOptions(order=2, ignored=("direct",), game="rate", samples=9, seed=2, intervals=True, raked=True)
    every.check_effects(parse_asked("markov,shapley,last_non_direct"))


def test_options_that_change_nothing_of_a_table_are_named() -> None:
    table = table_of_paths([(("A", "B"), 1, 1), (("B",), 1, 2)])
    assert ask(table, "shapley", game="rate", samples=100).unused == (
        "the rates of 2 channels are computed exactly, not sampled; leave --samples out",
    )
    assert "leave --seed out" in ask(table, "shapley", game="rate", seed=2).unused[0]
    assert ask(table, "shapley", game="rate").unused == ()
    assert ask(table, "last_non_direct", ignored=("C",)).unused == ("no channel is called C; --direct takes A, B",)
    assert ask(table, "last_non_direct", ignored=("b",)).unused == ()


def test_raked_credits_keep_both_sums_where_they_can() -> None:
    paths: list[Counted] = [(("A", "B"), 6, 10), (("B", "C"), 4, 10), (("A", "C"), 2, 30)]
    values = [60.0, 400.0, 2.0]
    table = table_of_paths(paths, values)
    plain_found, found = ask(table, "markov"), ask(table, "markov", raked=True)
    assert found.about == {"order": 1, "gap": pytest.approx(0, abs=1e-9)}
    assert [row.conversions for row in found.channels] == pytest.approx(
        [row.conversions for row in plain_found.channels], abs=1e-8
    )
    assert sum(row.value for row in found.channels) == pytest.approx(462)
    by_channel = {row.channel: row.value for row in found.channels}
    assert by_channel["C"] < 402  # A's and B's path of 60 gives it nothing


def test_the_gap_of_raking() -> None:
    """The chain has B lead to conversions by A, but every conversion that was seen is A's alone."""
    found = ask(table_of_paths([(("A",), 9, 0), (("B", "A"), 0, 9)]), "markov", raked=True)
    assert effects(found) == {"A": 1.0, "B": 0.5}
    assert {row.channel: row.conversions for row in found.channels} == {"A": 9.0, "B": 0.0}
    assert found.about["gap"] == pytest.approx(1 / 3)


# ------------------------------------------------------------------------------------------------------ edges


def test_paths_without_touches_have_their_own_row() -> None:
    table = table_of_paths([((), 3, 1), (("A", "B"), 1, 5)], [30.0, 10.0])
    for model in ("linear", "markov", "shapley"):
        found = ask(table, model)
        assert {row.channel: (row.conversions, row.value) for row in found.channels} == {
            "A": (0.5, 5.0), "B": (0.5, 5.0), UNATTRIBUTED: (3.0, 30.0),
        }  # fmt: skip
        assert shares(found)[UNATTRIBUTED] == 0.75
    assert effects(ask(table, "markov")) == {"A": 0.25, "B": 0.25, UNATTRIBUTED: 0.75}


@pytest.mark.parametrize("paths", [[], [(("A",), 0, 3)], [((), 0, 1)]])
def test_nothing_converts(paths: list[Counted]) -> None:
    for found in answer(table_of_paths(paths), parse_asked(EVERY)):
        assert all(row.conversions == 0 and row.share is None for row in found.channels)
        assert found.totals["conversions"] == 0


def test_only_paths_without_touches_convert() -> None:
    for model in ("markov", "shapley", "linear"):
        found = ask(table_of_paths([((), 2, 0), (("A",), 0, 1)]), model)
        assert shares(found) == {"A": 0.0, UNATTRIBUTED: 1.0}


def test_a_journey_of_a_million_touches() -> None:
    names = [CHANNELS[i % 4] for i in range(1_000_000)]
    table = table_of_paths([(tuple(names), 1, 0), (("Email",), 0, 1)])
    for found in answer(table, parse_asked(EVERY), ModelOptions(order=2, intervals=True)):
        assert sum(row.conversions for row in found.channels) == pytest.approx(1)
    assert effects(ask(table, "markov"))["Display"] == pytest.approx(1 - 1 / 250_001, abs=1e-9)


def test_one_blas_thread_or_two_give_the_same_bits() -> None:
    from threadpoolctl import threadpool_limits

    table = table_of_paths(made_up(2_000, 60))
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(ask(table, "markov", order=2).as_json())
    assert found[0] == found[1]


def test_fractional_counts_are_counts() -> None:
    paths = [(("A", "B"), 0.5, 0.25), (("B",), 0.25, 1.0)]
    found = ask(table_of_paths(paths), "linear")  # type: ignore[arg-type]
    assert {row.channel: row.conversions for row in found.channels} == {"A": 0.25, "B": 0.5}


def test_rules_that_need_times_or_types_refuse_a_path_table() -> None:
    table = table_of_paths(THREE)
    for model in ("time_decay", "coupon_first"):
        with pytest.raises(BadTable, match="event table"):
            ask(table, model)


def test_an_order_out_of_range_is_refused() -> None:
    with pytest.raises(BadOrder, match="too high"):
        states_of(table_of_paths(made_up(300, 60)), 12)
    with pytest.raises(ValueError, match="order"):
        ModelOptions(order=0).check()


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=9).filter(any))
def test_rounded_shares_add_up_to_one(weights: list[int]) -> None:
    rounded = round_shares(np.array(weights) / sum(weights))
    assert sum(Fraction(round(share * 10**12), 10**12) for share in rounded.tolist()) == 1
    assert rounded == pytest.approx(np.array(weights) / sum(weights), abs=1e-12)
