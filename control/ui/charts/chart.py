"""Values that every chart takes and gives."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal

from control.ui.charts.scale import Unit

Gutter = Literal["none", "narrow", "middle", "wide"]
Colour = Literal["1", "2", "3", "4", "5", "6", "muted"]
COLOURS: tuple[Colour, ...] = ("1", "2", "3", "4", "5", "6")


@dataclass(frozen=True, slots=True)
class Series:
    """Named values, one for each label of the chart; None leaves a gap."""

    name: str
    values: Sequence[float | None]
    colour: Colour | None = None
    """Colour by number; None takes the next one."""
    dashed: bool = False
    """True for a forecast or a period before."""


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """Name of a series and its colour."""

    name: str
    colour: Colour
    dashed: bool = False
    value: str = ""
    share: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Drawing with its legend and its figures as a table."""

    kind: Literal["plot", "donut", "bars"]
    title: str
    svg: str
    """Trusted mark-up: every text in it is escaped."""
    legend: tuple[LegendEntry, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field(repr=False)
    gutter: Gutter = "none"
    """Room for the ticks of the axis."""


def colours(series: Sequence[Series]) -> list[Colour]:
    """Return the colour of each series."""
    return [one.colour or COLOURS[index % len(COLOURS)] for index, one in enumerate(series)]


def legend(series: Sequence[Series]) -> tuple[LegendEntry, ...]:
    """Return the entries of a legend; one series needs none."""
    if len(series) < 2:
        return ()
    return tuple(LegendEntry(one.name, colour, one.dashed) for one, colour in zip(series, colours(series), strict=True))


def figures(labels: Sequence[str], series: Sequence[Series], unit: Unit) -> tuple[tuple[str, ...], ...]:
    """Return the rows of the table of a chart."""
    return tuple(
        (label, *("–" if value is None else unit.full(value) for value in values))
        for label, *values in zip(labels, *(one.values for one in series), strict=True)
    )


def description(title: str, labels: Sequence[str], series: Sequence[Series], unit: Unit) -> str:
    """Say in words what a chart shows, escaped for an attribute."""
    said = [title]
    for one in series:
        known = [(value, label) for value, label in zip(one.values, labels, strict=True) if value is not None]
        if known:
            top, label = max(known)
            said.append(
                f"{one.name}: from {unit.full(known[0][0])} to {unit.full(known[-1][0])}, "
                f"highest {unit.full(top)} at {label}"
            )
    return escape(". ".join(said))
