"""Bar charts: upright bars, grouped or stacked, and bars that lie below each other as a ranking."""

from collections.abc import Sequence
from html import escape

from control.ui.charts.chart import Chart, Colour, Series, colours, description, figures, legend
from control.ui.charts.plot import Frame, TipLine, band, drawing, grid, gutter, label_texts, tick_labels
from control.ui.charts.scale import COUNT, Unit, axis_labels, ticks

FILLED = 0.64
"""Part of a slot that bars fill."""


def bar_chart(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    unit: Unit = COUNT,
    height: int = 240,
    stacked: bool = False,
    over: str = "Date",
) -> Chart:
    """Draw a bar for each value, grouped or stacked. Stacked values may not be negative (ValueError)."""
    if stacked and any(value is not None and value < 0 for one in series for value in one.values):
        raise ValueError("stacked bars need values of at least 0")
    count = max(1, len(labels))
    tops = _tops(series, len(labels)) if stacked else [v for one in series for v in one.values if v is not None]
    frame = Frame(ticks(min(tops, default=0.0), max(tops, default=0.0), unit.step_min), height)
    named = list(zip(series, colours(series), strict=True))
    places = [100.0 * (index + 0.5) / count for index in range(len(labels))]
    bars = "".join(_bars(index, 100.0 / count, named, frame, stacked) for index in range(len(labels)))
    bands = []
    for index, label in enumerate(labels):
        lines = [
            TipLine(one.name, unit.full(value), colour)
            for one, colour in named
            if (value := one.values[index]) is not None
        ]
        if lines:
            bands.append(band(100.0 * index / count, 100.0 / count, places[index], label, lines, height))
    texts = label_texts(axis_labels(labels, 12), places, height)
    inside = grid(frame) + bars + tick_labels(frame, unit) + texts + "".join(bands)
    svg = drawing(inside, description(title, labels, series, unit), height)
    head = (over, *(one.name for one in series))
    return Chart("plot", title, svg, legend(series), head, figures(labels, series, unit), gutter(frame, unit))


def _tops(series: Sequence[Series], count: int) -> list[float]:
    return [sum(one.values[index] or 0.0 for one in series) for index in range(count)]


def _bars(index: int, slot: float, named: Sequence[tuple[Series, Colour]], frame: Frame, stacked: bool) -> str:
    """Draw the bars of one label; `slot` is its width in percent."""
    width = slot * FILLED / (1 if stacked else len(named))
    left, base, drawn = slot * (index + (1 - FILLED) / 2), 0.0, []
    for place, (one, colour) in enumerate(named):
        value = one.values[index] or 0.0
        low, high = sorted((base, base + value)) if stacked else sorted((0.0, value))
        x = left if stacked else left + place * width
        gap = 0.0 if stacked else width * 0.08
        y, bottom = frame.y(high), frame.y(low)
        if bottom - y > 0:
            drawn.append(
                f'<rect class="cl-chart-bar cl-series-{colour}" x="{x + gap:.2f}%" width="{width - 2 * gap:.2f}%" '
                f'y="{y:.1f}" height="{bottom - y:.1f}" rx="{0 if stacked else 2}"/>'
            )
        base += value
    return "".join(drawn)


def ranking(title: str, items: Sequence[tuple[str, float]], *, unit: Unit = COUNT, over: str = "Name") -> Chart:
    """Draw a lying bar for each item, in the order given. Values may not be negative (ValueError)."""
    if any(value < 0 for _, value in items):
        raise ValueError("a ranking needs values of at least 0")
    top = max((value for _, value in items), default=0.0) or 1.0
    drawn = "".join(
        f"<li><span>{escape(name)}</span><strong>{escape(unit.full(value))}</strong>"
        f'<svg class="cl-series-1" aria-hidden="true"><rect class="cl-hbars-track" width="100%" height="8" rx="4"/>'
        f'<rect width="{100 * value / top:.2f}%" height="8" rx="4"/></svg></li>'
        for name, value in items
    )
    svg = f'<ol class="cl-hbars" aria-label="{escape(title)}">{drawn}</ol>'
    rows = tuple((name, unit.full(value)) for name, value in items)
    return Chart("bars", title, svg, (), (over, title), rows)
