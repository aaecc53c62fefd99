"""Line chart: values over time."""

from collections.abc import Sequence

from control.ui.charts.chart import Chart, Colour, Series, colours, description, figures, legend
from control.ui.charts.plot import TOP, Frame, TipLine, band, drawing, grid, gutter, label_texts, tick_labels
from control.ui.charts.scale import COUNT, Unit, axis_labels, ticks

ACROSS = 1000
"""Width of the inner drawing, which is stretched to the width of the chart."""


def line_chart(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    unit: Unit = COUNT,
    height: int = 240,
    area: bool = True,
    over: str = "Date",
) -> Chart:
    """Draw a line for each series; the first has an area below it. Raises ValueError when lengths differ."""
    known = [value for one in series for value in one.values if value is not None]
    frame = Frame(ticks(min(known, default=0.0), max(known, default=0.0), unit.step_min), height)
    places = _places(len(labels))
    named = list(zip(series, colours(series), strict=True))
    paths = "".join(_path(one, colour, frame, area and index == 0) for index, (one, colour) in enumerate(named))
    stretched = (
        f'<svg y="{TOP}" width="100%" height="{frame.plot_height}" viewBox="0 0 {ACROSS} {frame.plot_height}" '
        f'preserveAspectRatio="none">{paths}</svg>'
    )
    bands = "".join(_band(index, labels, named, places, frame, unit) for index in range(len(labels)))
    inside = (
        grid(frame) + stretched + tick_labels(frame, unit) + label_texts(axis_labels(labels), places, height) + bands
    )
    svg = drawing(inside, description(title, labels, series, unit), height)
    head = (over, *(one.name for one in series))
    return Chart("plot", title, svg, legend(series), head, figures(labels, series, unit), gutter(frame, unit))


def _places(count: int) -> list[float]:
    return [50.0] if count == 1 else [100.0 * index / (count - 1) for index in range(count)]


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Split values at their gaps."""
    runs: list[list[tuple[int, float]]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((index, value))
    return [run for run in runs if run]


def _path(series: Series, colour: Colour, frame: Frame, area: bool) -> str:
    places = _places(len(series.values))
    zero = frame.y(max(frame.ticks[0], 0.0)) - TOP
    drawn = []
    for run in _runs(series.values):
        points = [(places[index] * ACROSS / 100, frame.y(value) - TOP) for index, value in run]
        if len(points) == 1:
            points = [(points[0][0] - 2, points[0][1]), (points[0][0] + 2, points[0][1])]
        text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        if area:
            closed = f"{points[0][0]:.1f},{zero:.1f} {text} {points[-1][0]:.1f},{zero:.1f}"
            drawn.append(f'<polygon class="cl-chart-area cl-series-{colour}" points="{closed}"/>')
        dashed = " cl-chart-dashed" if series.dashed else ""
        drawn.append(f'<polyline class="cl-chart-line{dashed} cl-series-{colour}" points="{text}"/>')
    return "".join(drawn)


def _band(
    index: int,
    labels: Sequence[str],
    named: Sequence[tuple[Series, Colour]],
    places: Sequence[float],
    frame: Frame,
    unit: Unit,
) -> str:
    half = 50.0 / max(1, len(labels) - 1)
    left, right = max(0.0, places[index] - half), min(100.0, places[index] + half)
    lines = [
        TipLine(one.name, unit.full(value), colour, frame.y(value))
        for one, colour in named
        if (value := one.values[index]) is not None
    ]
    if not lines:
        return ""
    return band(left, right - left, places[index], labels[index], lines, frame.height)
