"""Filters of reports by dimension: fields of the page, and chips of those in force."""

from collections.abc import Mapping, Sequence

from django.http import HttpRequest

from control.accounts.actor import Actor
from control.console.figures.conversion_table import STATUSES
from control.console.figures.filters import without
from control.console.figures.report_table import value_text
from control.engine.dimensions import LABELS, SUBS
from control.engine.values import join_values
from control.program.access import visible_offers

_DEVICES = ("desktop", "mobile", "tablet", "other")
_TEXTS = {"link": "Code", "country": "DE, FR", "os": "", "browser": "", "utm_source": ""}
_OFFERS_READ_MAX = 500
_SUBS_SHOWN = 5


def dimension_filters(actor: Actor, values: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """Return selects and text fields of the filters. Subs after the fifth are shown where they have a filter."""
    choices = {
        "goal": goal_names(actor),
        "status": [*STATUSES.items()],
        "device": [(name, value_text("device", name)) for name in _DEVICES],
    }
    subs = [name for index, name in enumerate(SUBS) if index < _SUBS_SHOWN or name in values]
    return {
        "selects": [
            {
                "name": name, "label": LABELS[name], "options": _options(name, options, values),
                "value": _text(name, values),
            }
            for name, options in choices.items()
        ],
        "texts": [
            {"name": name, "label": LABELS[name], "value": _text(name, values), "placeholder": _TEXTS.get(name, "")}
            for name in (*_TEXTS, *subs)
        ],
        "count": len(values),
    }  # fmt: skip


def _options(
    name: str, options: Sequence[tuple[str, str]], values: Mapping[str, Sequence[str]]
) -> Sequence[tuple[str, str]]:
    """Return the options, with the value in force even if it is none of them."""
    known = [(join_values([value]), label) for value, label in options]
    text = _text(name, values)
    if text and text not in {value for value, _ in known}:
        known.append((text, ", ".join(value_text(name, value) for value in values[name])))
    return known


def _text(name: str, values: Mapping[str, Sequence[str]]) -> str:
    return join_values(values.get(name, ()))


def goal_names(actor: Actor) -> list[tuple[str, str]]:
    """Return the keys of goals, with their name where all offers agree on it."""
    names: dict[str, set[str]] = {}
    for goals in visible_offers(actor).order_by("number").values_list("goals", flat=True)[:_OFFERS_READ_MAX]:
        for goal in goals:
            names.setdefault(goal["key"], set()).add(goal["name"])
    return [
        (key, f"{next(iter(found))} ({key})" if len(found) == 1 and found != {key} else key)
        for key, found in sorted(names.items())
    ]


def value_chips(request: HttpRequest, values: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Return the filters in force, each with the address without it."""
    return [
        (f"{LABELS[name]}: {', '.join(value_text(name, value) for value in found)}", without(request, name))
        for name, found in values.items()
    ]
