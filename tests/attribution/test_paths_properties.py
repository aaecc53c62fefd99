"""Properties of the models over path tables: sums, order of rows, names of channels, intervals."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.paths.evaluate import GAMES, Answer, ModelOptions, answer, parse_asked
from tests.attribution.path_tables import CHANNELS, counted_paths, table_of_paths
from tests.attribution.test_paths_models import EVERY, ask, made_up, shares
from tests.reference.paths import Counted


@given(counted_paths(), st.data())
@settings(max_examples=60)
def test_credits_add_up(paths: list[Counted], data: st.DataObject) -> None:
    values = [data.draw(st.integers(-10_000, 10_000)) / 100 if n else 0.0 for _, n, _ in paths]
    table = table_of_paths(paths, values)
    for found in answer(table, parse_asked(EVERY), ModelOptions(order=2)):
        assert sum(row.conversions for row in found.channels) == pytest.approx(table.conversions.sum(), rel=1e-12)
        assert sum(row.value for row in found.channels) == pytest.approx(sum(values), rel=1e-12, abs=1e-9)
        assert sum(shares(found).values()) == pytest.approx(1, abs=1e-11)
        assert found.totals["value"] == pytest.approx(sum(values), abs=1e-9)


def without_intervals(answers: list[Answer]) -> list[Any]:
    return [
        [
            (row.channel, row.conversions, row.value, row.share, row.extra.get("removal_effect"))
            for row in found.channels
        ]
        for found in answers
    ]


def intervals(answers: list[Answer]) -> list[float]:
    return [row.extra.get(key) or 0.0 for found in answers for row in found.channels for key in ("ci_low", "ci_high")]


@given(counted_paths(), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_of_rows_changes_no_bit(paths: list[Counted], random: Any) -> None:
    rows = [(path, 0.1 * path[1]) for path in paths]
    one = answer(table_of_paths(paths, [value for _, value in rows]), parse_asked(EVERY), ModelOptions(order=2))
    random.shuffle(rows)
    table = table_of_paths([path for path, _ in rows], [value for _, value in rows])
    two = answer(table, parse_asked(EVERY), ModelOptions(order=2))
    assert without_intervals(one) == without_intervals(two)
    assert intervals(one) == pytest.approx(intervals(two), abs=1e-11)


@given(counted_paths())
@settings(max_examples=60)
def test_a_row_in_two_parts_is_that_row(paths: list[Counted]) -> None:
    parts: list[Counted] = [
        part for path, n, m in paths for part in ((path, n // 2, m), (path, n - n // 2, 0), (path, 0, 0))
    ]
    one, two = (answer(table_of_paths(rows), parse_asked(EVERY)) for rows in (paths, parts))
    for first, second in zip(one, two, strict=True):
        assert shares(first) == pytest.approx(shares(second), abs=1e-12)
    assert intervals(one) == pytest.approx(intervals(two), abs=1e-9)


@given(counted_paths(), st.permutations(CHANNELS))
@settings(max_examples=60)
def test_results_do_not_depend_on_names(paths: list[Counted], names: list[str]) -> None:
    called = dict(zip(CHANNELS, names, strict=True))
    renamed: list[Counted] = [(tuple(called[channel] for channel in path), n, m) for path, n, m in paths]
    for game in GAMES:
        one = answer(table_of_paths(paths), parse_asked(EVERY), ModelOptions(game=game))
        two = answer(table_of_paths(renamed), parse_asked(EVERY), ModelOptions(game=game))
        for first, second in zip(one, two, strict=True):
            expected = {called.get(channel, channel): share for channel, share in shares(first).items()}
            assert shares(second) == pytest.approx(expected, abs=1e-9)


def test_a_sampled_game_does_not_depend_on_names() -> None:
    paths = made_up(200, 25)
    called = {f"c{i:02d}": f"d{(7 * i) % 25:02d}" for i in range(25)}
    renamed: list[Counted] = [(tuple(called[channel] for channel in path), n, m) for path, n, m in paths]
    one = ask(table_of_paths(paths), "shapley", game="rate", samples=100)
    two = ask(table_of_paths(renamed), "shapley", game="rate", samples=100)
    assert shares(two) == pytest.approx({called[c]: share for c, share in shares(one).items()}, abs=1e-9)


def test_intervals_are_those_of_a_poisson_bootstrap() -> None:
    table = table_of_paths(made_up(400, 6))
    random = np.random.default_rng(11)
    for model, order in (("markov", 1), ("markov", 2), ("shapley", 1)):
        found = ask(table, model, order=order)
        half = np.array([(row.extra["ci_high"] or 0) - (row.extra["ci_low"] or 0) for row in found.channels]) / 2
        drawn = []
        for _ in range(300):
            again = replace(
                table,
                conversions=random.poisson(table.conversions).astype(np.float64),
                nulls=random.poisson(table.nulls).astype(np.float64),
            )
            drawn.append(list(shares(ask(again, model, order=order, intervals=False)).values()))
        assert half / 1.96 == pytest.approx(np.std(drawn, axis=0), rel=0.15)
