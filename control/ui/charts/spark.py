"""Sparkline: the course of a figure, in the height of a line of text."""

from collections.abc import Sequence

from control.ui.charts.chart import Colour

WIDTH, HEIGHT = 120, 32


def sparkline(values: Sequence[float], colour: Colour = "1") -> str:
    """Draw a line with an area below it. It is decoration: the figures are in the text next to it."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    flat = high == low
    points = [
        (WIDTH * index / (len(values) - 1), HEIGHT / 2 if flat else 3 + (HEIGHT - 6) * (1 - (value - low) / span))
        for index, value in enumerate(values)
    ]
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (
        f'<svg class="cl-spark cl-series-{colour}" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" '
        f'aria-hidden="true"><polygon class="cl-chart-area" points="0,{HEIGHT} {text} {WIDTH},{HEIGHT}"/>'
        f'<polyline class="cl-chart-line" points="{text}"/></svg>'
    )
