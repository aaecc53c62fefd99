"""Texts for days and moments, as every page writes them. Lists show the same few days again and again."""

from datetime import date, datetime
from functools import lru_cache

from django.utils.dateformat import format as format_date
from django.utils.translation import get_language

_DAYS_KEPT_MAX = 4_096


def day_text(day: date) -> str:
    """Write a day: 5 Mar 2026. Of a moment, its day."""
    return _day_text(day.year, day.month, day.day, get_language())


@lru_cache(maxsize=_DAYS_KEPT_MAX)
def _day_text(year: int, month: int, day: int, _language: str | None) -> str:
    return format_date(date(year, month, day), "j M Y")


def minute_text(moment: datetime) -> str:
    """Write a moment to the minute: 5 Mar 2026, 09:04."""
    return f"{day_text(moment)}, {moment:%H:%M}"


def second_text(moment: datetime) -> str:
    """Write a moment to the second: 5 Mar 2026, 09:04:59."""
    return f"{day_text(moment)}, {moment:%H:%M:%S}"
