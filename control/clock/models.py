"""Row of the business calendar."""

from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.db import models

from control.audit.audited import AuditedModel
from control.clock.reading import read_holidays, read_hours

HOLIDAYS_MAX = 400


def _zone(text: str) -> None:
    if text not in available_timezones():
        raise ValidationError("must be a time zone, for example Europe/Berlin")
    ZoneInfo(text)


def _hours(value: Any) -> None:
    try:
        read_hours(value)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def _holidays(value: Any) -> None:
    try:
        if len(read_holidays(value)) > HOLIDAYS_MAX:
            raise ValidationError(f"has more than {HOLIDAYS_MAX} days")
    except ValueError as error:
        raise ValidationError(str(error)) from None


def usual_hours() -> list[list[str]]:
    """Return the hours before anybody has changed them: Monday to Friday, the whole day."""
    return [["00:00-24:00"]] * 5 + [[], []]


def no_days() -> list[str]:
    """Return the default of lists of days."""
    return []


class BusinessCalendar(AuditedModel):
    """Hours in which the operators work; one row, and none before somebody has changed them."""

    zone = models.CharField(max_length=64, blank=True, validators=[_zone])
    """Time zone; empty for that of the program."""
    hours = models.JSONField(default=usual_hours, blank=True, validators=[_hours])
    """Spans such as `09:00-17:30`, for each day of the week from Monday."""
    holidays = models.JSONField(default=no_days, blank=True, validators=[_holidays])

    def __str__(self) -> str:
        return "Business hours"
