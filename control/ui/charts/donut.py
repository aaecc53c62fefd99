"""Donut chart: parts of a whole."""

from collections.abc import Sequence
from html import escape

from control.ui.charts.chart import COLOURS, Chart, Colour, LegendEntry
from control.ui.charts.scale import COUNT, Unit
from control.ui.formats import percent_text

PARTS_MAX = 6
RADIUS = 15.9155
"""Radius whose circumference is 100, so that shares are lengths of dashes."""
GAP = 0.6


def donut_chart(
    title: str, parts: Sequence[tuple[str, float]], *, unit: Unit = COUNT, over: str = "Part", note: str = "in all"
) -> Chart:
    """Draw each part as an arc; the seventh and later parts become one, "Others". Negative parts raise ValueError."""
    if any(value < 0 for _, value in parts):
        raise ValueError("parts of a whole need values of at least 0")
    shown = _folded(parts)
    total = sum(value for _, value in shown)
    entries = [
        _entry(name, value, total, colour, unit) for (name, value), colour in zip(shown, _colours(shown), strict=True)
    ]
    said = escape(f"{title}: " + ", ".join(f"{entry.name} {entry.share}" for entry in entries))
    svg = (
        f'<svg role="img" aria-label="{said}" viewBox="0 0 42 42"><circle class="cl-donut-track" cx="21" cy="21" '
        f'r="{RADIUS}"/>{_arcs(shown, total)}<text x="21" y="22" text-anchor="middle">'
        f"{escape(unit.short(total))}</text>"
        f'<text class="cl-donut-note" x="21" y="26.5" text-anchor="middle">{escape(note)}</text></svg>'
    )
    rows = tuple((entry.name, entry.value, entry.share) for entry in entries)
    return Chart("donut", title, svg, tuple(entries), (over, "Value", "Share"), rows)


def _folded(parts: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    if len(parts) <= PARTS_MAX:
        return list(parts)
    rest = sum(value for _, value in parts[PARTS_MAX - 1 :])
    return [*parts[: PARTS_MAX - 1], ("Others", rest)]


def _colours(parts: Sequence[tuple[str, float]]) -> list[Colour]:
    return [*COLOURS[: len(parts)]]


def _entry(name: str, value: float, total: float, colour: Colour, unit: Unit) -> LegendEntry:
    return LegendEntry(name, colour, False, unit.full(value), percent_text(value / total, 0) if total else "–")


def _arcs(parts: Sequence[tuple[str, float]], total: float) -> str:
    drawn, turned = [], 25.0
    for (_, value), colour in zip(parts, _colours(parts), strict=True):
        share = 100 * value / total if total else 0.0
        length = max(share - GAP, 0.0) if share < 100 else share
        if length > 0:
            drawn.append(
                f'<circle class="cl-series-{colour}" cx="21" cy="21" r="{RADIUS}" '
                f'stroke-dasharray="{length:.2f} {100 - length:.2f}" stroke-dashoffset="{turned % 100:.2f}"/>'
            )
        turned -= share
    return "".join(drawn)
