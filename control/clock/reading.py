"""Reading of hours and holidays as people write them. Pure."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from control.clock.calendar import DAY_MIN, Hours

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SPANS_MAX = 6
_SPAN = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


def read_hours(value: Any) -> tuple[Hours, ...]:
    """Read the spans of seven days. Raises ValueError."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != len(DAYS):
        raise ValueError("must hold a list of spans for each of the seven days from Monday")
    return tuple(_day(name, spans) for name, spans in zip(DAYS, value, strict=True))


def _day(name: str, spans: Any) -> Hours:
    if not isinstance(spans, list) or len(spans) > SPANS_MAX:
        raise ValueError(f"has no list of at most {SPANS_MAX} spans for {name}")
    found: list[tuple[int, int]] = []
    for text in spans:
        match = _SPAN.fullmatch(str(text).strip())
        if match is None:
            raise ValueError(f"has {text!r} for {name}; write spans such as 09:00-17:30")
        first, second, third, fourth = map(int, match.groups())
        start, end = first * 60 + second, third * 60 + fourth
        if start >= end or end > DAY_MIN or (found and start < found[-1][1]):
            raise ValueError(f"has {text!r} for {name}; spans end after they start, at 24:00 at the latest, in order")
        found.append((start, end))
    return tuple(found)


def read_holidays(value: Any) -> frozenset[date]:
    """Read a list of days. Raises ValueError."""
    if not isinstance(value, list):
        raise ValueError("must be a list of days such as 2026-12-25")
    days = set()
    for text in value:
        try:
            days.add(date.fromisoformat(str(text)))
        except ValueError:
            raise ValueError(f"has {text!r}; write days such as 2026-12-25") from None
    return frozenset(days)
