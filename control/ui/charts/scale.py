"""Scales: round ticks for an axis, places of labels, units of values."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from control.ui.formats import count_text, money_text, percent_text, short_money, short_text

TICKS_MAX = 5
LABELS_MAX = 7
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Unit:
    """Kind of value of a chart: how it is written in full and on the axis."""

    full: Callable[[float], str]
    short: Callable[[float], str]
    step_min: float = 0.0
    """Smallest distance between two ticks: counts have no halves."""


COUNT = Unit(lambda value: count_text(round(value)), short_text, 1.0)
SHARE = Unit(percent_text, lambda value: percent_text(value, 0))


def money_unit(currency: str) -> Unit:
    """Return the unit of amounts in minor units of a currency."""
    return Unit(lambda value: money_text(round(value), currency), lambda value: short_money(value, currency), 1.0)


def ticks(low: float, high: float, step_min: float = 0.0) -> list[float]:
    """Return round numbers that cover the range and zero, at most six."""
    low, high = min(low, 0.0), max(high, 0.0)
    span = (high - low) or max(step_min, 1.0)
    raw = span / (TICKS_MAX - 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = max(next(factor * power for factor in STEPS if factor * power >= raw * (1 - 1e-9)), step_min)
    first, last = math.floor(low / step + 1e-9), max(math.ceil(high / step - 1e-9), math.floor(low / step) + 1)
    return [round(step * index, 10) for index in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class Label:
    """Text below a chart."""

    index: int
    text: str
    spare: bool
    """True for labels that narrow charts leave out."""


def axis_labels(texts: Sequence[str], labels_max: int = LABELS_MAX) -> list[Label]:
    """Choose labels with even gaps between them; each second one is spare."""
    every = max(1, math.ceil(len(texts) / labels_max))
    chosen = range(0, len(texts), every)
    few = len(chosen) <= 4
    return [Label(index, texts[index], not few and place % 2 == 1) for place, index in enumerate(chosen)]
