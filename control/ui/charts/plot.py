"""Frame of line and bar charts: grid, axis labels, and tooltips that open without a script."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from control.ui.charts.chart import Colour, Gutter
from control.ui.charts.scale import Label, Unit

TOP = 10
BOTTOM = 26
CHARACTER_PX = 6.9
"""Mean width of a letter of a tooltip."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Height of a drawing and the range of its values."""

    ticks: Sequence[float]
    height: int

    @property
    def plot_height(self) -> int:
        return self.height - TOP - BOTTOM

    def y(self, value: float) -> float:
        """Return the place of a value, in pixels from the top of the drawing."""
        low, high = self.ticks[0], self.ticks[-1]
        return TOP + self.plot_height * (1 - (value - low) / (high - low))


def grid(frame: Frame) -> str:
    """Draw a line for each tick; the line of zero is stronger."""
    drawn = []
    for tick in frame.ticks:
        name = "cl-chart-zero" if tick == 0 else "cl-chart-grid"
        drawn.append(f'<line class="{name}" x1="0" x2="100%" y1="{frame.y(tick):.1f}" y2="{frame.y(tick):.1f}"/>')
    return "".join(drawn)


def tick_labels(frame: Frame, unit: Unit) -> str:
    """Write the ticks in the gutter, to the left of the drawing."""
    return "".join(
        f'<text x="-8" y="{frame.y(tick) + 4:.1f}" text-anchor="end">{escape(unit.short(tick))}</text>'
        for tick in frame.ticks
    )


def gutter(frame: Frame, unit: Unit) -> Gutter:
    """Return the width that the longest tick needs."""
    letters = max(len(unit.short(tick)) for tick in frame.ticks)
    return "narrow" if letters <= 3 else "middle" if letters <= 5 else "wide"


def label_texts(labels: Sequence[Label], places: Sequence[float], height: int) -> str:
    """Write the labels below; the outermost stay inside the drawing."""
    drawn = []
    for label in labels:
        x = places[label.index]
        anchor = "start" if x < 4 else "end" if x > 96 else "middle"
        spare = ' class="cl-chart-spare"' if label.spare else ""
        drawn.append(f'<text{spare} x="{x:.2f}%" y="{height - 7}" text-anchor="{anchor}">{escape(label.text)}</text>')
    return "".join(drawn)


@dataclass(frozen=True, slots=True)
class TipLine:
    """Line of a tooltip: a series, its value there, its height in the drawing."""

    name: str
    value: str
    colour: Colour
    y: float | None = None
    """Place of a dot; None draws none."""


def band(left: float, width: float, middle: float, title: str, lines: Sequence[TipLine], height: int) -> str:
    """Draw a column that shows its values while the pointer is over it. Places and widths are percentages."""
    dots = "".join(
        f'<circle class="cl-chart-dot cl-series-{line.colour}" cx="{middle:.2f}%" cy="{line.y:.1f}" r="4"/>'
        for line in lines
        if line.y is not None
    )
    guide = f'<line class="cl-chart-guide" x1="{middle:.2f}%" x2="{middle:.2f}%" y1="{TOP}" y2="{height - BOTTOM}"/>'
    return (
        f'<g class="cl-chart-band"><rect class="cl-chart-hit" x="{left:.2f}%" width="{width:.2f}%" y="0" '
        f'height="{height}"/><g class="cl-chart-mark">{guide if dots else ""}{dots}</g>'
        f"{_tip(middle, title, lines)}</g>"
    )


def _tip(middle: float, title: str, lines: Sequence[TipLine]) -> str:
    letters = max(len(title), *(len(line.name) + len(line.value) + 6 for line in lines))
    width = round(letters * CHARACTER_PX) + 24
    shift = round(-width * middle / 100)  # from its start to its end: never outside the drawing
    rows = "".join(
        f'<rect class="cl-chart-swatch cl-series-{line.colour}" x="12" y="{28 + 18 * index}" width="8" height="8" '
        f'rx="2"/><text x="28" y="{36 + 18 * index}">{escape(line.name)}</text><text class="cl-chart-strong" '
        f'x="{width - 12}" y="{36 + 18 * index}" text-anchor="end">{escape(line.value)}</text>'
        for index, line in enumerate(lines)
    )
    return (
        f'<svg class="cl-chart-tip" x="{middle:.2f}%" y="{TOP}" overflow="visible"><g transform="translate({shift},0)">'
        f'<rect width="{width}" height="{30 + 18 * len(lines)}" rx="8"/>'
        f'<text class="cl-chart-strong" x="12" y="18">{escape(title)}</text>{rows}</g></svg>'
    )


def drawing(inside: str, described: str, height: int) -> str:
    """Wrap what is drawn; the description is escaped already."""
    return f'<svg role="img" aria-label="{described}" width="100%" height="{height}">{inside}</svg>'
