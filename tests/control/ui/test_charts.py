"""Charts: right places, honest axes, escaped texts, and the same figures in the table."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from itertools import pairwise

import pytest

from control.ui.charts.bar import bar_chart, ranking
from control.ui.charts.chart import Chart, Series
from control.ui.charts.donut import donut_chart
from control.ui.charts.line import line_chart
from control.ui.charts.scale import COUNT, SHARE, Unit, axis_labels, money_unit, ticks
from control.ui.charts.spark import sparkline
from tests.control.ui.pages import ATTACK, injections

USD = money_unit("USD")


def shapes(chart: Chart, name: str) -> list[dict[str, str]]:
    """Return the elements of a kind; the drawing must be well-formed."""
    return [element.attrib for element in ElementTree.fromstring(chart.svg).iter(name)]


@pytest.mark.parametrize(
    ("low", "high", "step_min", "expected"),
    [
        (0, 0, 1, [0, 1]),
        (0, 1, 1, [0, 1]),
        (0, 3, 1, [0, 1, 2, 3]),
        (0, 97, 0, [0, 25, 50, 75, 100]),
        (0, 100, 0, [0, 25, 50, 75, 100]),
        (12, 97, 0, [0, 25, 50, 75, 100]),
        (-30, 60, 0, [-50, -25, 0, 25, 50, 75]),
        (-8, 0, 1, [-8, -6, -4, -2, 0]),
        (0, 0.031, 0, [0, 0.01, 0.02, 0.03, 0.04]),
        (0, 1_234_567, 1, [0, 500_000, 1_000_000, 1_500_000]),
    ],
)
def test_ticks_are_round_and_cover_zero(low: float, high: float, step_min: float, expected: list[float]) -> None:
    assert ticks(low, high, step_min) == expected


@pytest.mark.parametrize(("count", "shown"), [(1, 1), (7, 7), (8, 4), (30, 6), (365, 7)])
def test_labels_have_even_gaps(count: int, shown: int) -> None:
    labels = axis_labels([str(index) for index in range(count)])
    assert len(labels) == shown
    assert len({b.index - a.index for a, b in pairwise(labels)}) <= 1
    assert not labels[0].spare


@pytest.mark.parametrize(
    ("unit", "value", "full", "short"),
    [
        (COUNT, 1_234_567, "1,234,567", "1.2M"),
        (COUNT, 999_960, "999,960", "1M"),
        (COUNT, -1_500, "−1,500", "−1.5k"),
        (SHARE, 0.123, "12.3\u202f%", "12\u202f%"),
        (USD, 123_456, "$1,234.56", "$1.2k"),
        (USD, -5, "−$0.05", "−$0.05"),
        (money_unit("JPY"), 1_200, "¥1,200", "¥1.2k"),
        (money_unit("KWD"), 1_234, "KWD 1.234", "KWD 1.23"),
    ],
)
def test_units(unit: Unit, value: float, full: str, short: str) -> None:
    assert (unit.full(value), unit.short(value)) == (full, short)


def test_line_puts_points_in_their_places() -> None:
    chart = line_chart("Clicks", ["a", "b", "c"], [Series("Clicks", [0, 50, 100])], height=136)
    (line,) = shapes(chart, "{http://www.w3.org/2000/svg}polyline") or shapes(chart, "polyline")
    assert line["points"] == "0.0,100.0 500.0,50.0 1000.0,0.0"


def test_gaps_break_a_line() -> None:
    chart = line_chart("Clicks", list("abcde"), [Series("Clicks", [1, 2, None, None, 3])])
    assert len(shapes(chart, "polyline")) == 2
    assert chart.rows == (("a", "1"), ("b", "2"), ("c", "–"), ("d", "–"), ("e", "3"))
    assert len([entry for entry in shapes(chart, "g") if entry.get("class") == "cl-chart-band"]) == 3


@pytest.mark.parametrize("draw", [line_chart, bar_chart])
def test_lengths_must_match(draw: Callable[..., Chart]) -> None:
    with pytest.raises((ValueError, IndexError)):
        draw("Clicks", ["a", "b"], [Series("Clicks", [1])])


@pytest.mark.parametrize("draw", [line_chart, bar_chart])
@pytest.mark.parametrize("count", [0, 1, 2, 400])
def test_every_length_is_drawn(draw: Callable[..., Chart], count: int) -> None:
    chart = draw("Clicks", [str(index) for index in range(count)], [Series("Clicks", list(range(count)))])
    assert len(chart.rows) == count and shapes(chart, "line")


def test_bars_reach_from_zero_to_their_value() -> None:
    chart = bar_chart("Margin", ["a", "b"], [Series("Margin", [50, -50])], height=136)
    up, down = (entry for entry in shapes(chart, "rect") if "cl-chart-bar" in entry.get("class", ""))
    zero = float(up["y"]) + float(up["height"])
    assert float(down["y"]) == zero and up["height"] == down["height"]


def test_stacked_bars_add_up() -> None:
    series = [Series("Sales", [30]), Series("Leads", [70])]
    chart = bar_chart("Conversions", ["a"], series, stacked=True, height=136)
    low, high = (entry for entry in shapes(chart, "rect") if "cl-chart-bar" in entry.get("class", ""))
    assert float(high["y"]) == 10 and float(high["y"]) + float(high["height"]) == float(low["y"])
    assert [entry.name for entry in chart.legend] == ["Sales", "Leads"]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: bar_chart("x", ["a"], [Series("x", [-1])], stacked=True),
        lambda: donut_chart("x", [("a", -1)]),
        lambda: ranking("x", [("a", -1)]),
    ],
)
def test_negative_parts_are_an_error(draw: Callable[[], Chart]) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        draw()


def test_donut_shares_add_up_and_the_rest_is_one_part() -> None:
    chart = donut_chart("States", [(str(index), 10.0) for index in range(10)])
    assert [entry.name for entry in chart.legend] == ["0", "1", "2", "3", "4", "Others"]
    assert chart.rows[-1] == ("Others", "50", "50\u202f%")
    arcs = [entry for entry in shapes(chart, "circle") if "stroke-dasharray" in entry]
    assert sum(float(entry["stroke-dasharray"].split()[0]) + 0.6 for entry in arcs) == pytest.approx(100)


@pytest.mark.parametrize("parts", [[], [("a", 0.0)], [("a", 5.0)]])
def test_donut_of_nothing_and_of_one(parts: list[tuple[str, float]]) -> None:
    assert len(donut_chart("States", parts).rows) == len(parts)


def test_ranking_is_relative_to_the_largest() -> None:
    chart = ranking("Revenue", [("A", 200.0), ("B", 50.0)], unit=USD)
    assert re.findall(r'<rect width="([\d.]+)%', chart.svg) == ["100.00", "25.00"]
    assert chart.rows == (("A", "$2.00"), ("B", "$0.50"))


def test_description_says_the_course() -> None:
    chart = line_chart("Clicks", ["Mon", "Tue", "Wed"], [Series("Clicks", [3, 9, 4])])
    assert shapes(chart, "svg")[0]["aria-label"] == "Clicks. Clicks: from 3 to 4, highest 9 at Tue"


@pytest.mark.parametrize(
    "chart",
    [
        line_chart(ATTACK, [ATTACK, "b"], [Series(ATTACK, [1, 2]), Series("b", [1, 2])]),
        bar_chart(ATTACK, [ATTACK], [Series(ATTACK, [1])]),
        donut_chart(ATTACK, [(ATTACK, 1)], note=ATTACK),
        ranking(ATTACK, [(ATTACK, 1)]),
    ],
    ids=["line", "bar", "donut", "ranking"],
)
def test_texts_are_escaped(chart: Chart) -> None:
    assert injections(chart.svg) == []
    ElementTree.fromstring(chart.svg)


def test_sparkline_needs_two_values_and_draws_flat_ones_in_the_middle() -> None:
    assert sparkline([]) == sparkline([1]) == ""
    assert 'points="0.0,16.0 120.0,16.0"' in sparkline([5, 5])
