"""Texts for days and moments, as every page writes them. Lists show the same few days again and again."""

from datetime import UTC, date, datetime
from functools import lru_cache

from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.formats import get_format
from django.utils.translation import get_language

_DAYS_KEPT_MAX = 4_096
_ENGLISH = "j M Y"


def day_text(day: date) -> str:
    """Write a day as its language does: 5 Mar 2026. Of a moment, its day in the current time zone."""
    own = _local(day) if isinstance(day, datetime) else day
    return _day_text(own.year, own.month, own.day, get_language() or "en")


@lru_cache(maxsize=_DAYS_KEPT_MAX)
def _day_text(year: int, month: int, day: int, language: str) -> str:
    return format_date(date(year, month, day), _ENGLISH if language == "en" else get_format("DATE_FORMAT", language))


def minute_text(moment: datetime) -> str:
    """Write a moment to the minute: 5 Mar 2026, 09:04."""
    return f"{day_text(moment)}, {_local(moment):%H:%M}"


def second_text(moment: datetime) -> str:
    """Write a moment to the second: 5 Mar 2026, 09:04:59."""
    return f"{day_text(moment)}, {_local(moment):%H:%M:%S}"


def _local(moment: datetime) -> datetime:
    """Return a moment in the current time zone, unless the caller has moved it to another one."""
    return timezone.localtime(moment) if moment.tzinfo is UTC else moment
