"""The business calendar of the installation, and changes of it."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.changes import apply_values, changing
from control.clock.calendar import Calendar
from control.clock.models import BusinessCalendar
from control.clock.reading import read_holidays, read_hours
from control.errors import FieldError, Invalid
from control.partners.access import require_operator
from control.program.load import program_settings

EDITABLE = frozenset({"zone", "hours", "holidays"})
_KEY = 1


def stored_calendar() -> BusinessCalendar:
    """Return the row of the calendar; defaults if nobody has changed them."""
    return BusinessCalendar.objects.filter(pk=_KEY).first() or BusinessCalendar(pk=_KEY)


def business_calendar() -> Calendar:
    """Return the calendar by which due times are found."""
    row = stored_calendar()
    return Calendar(row.zone or program_settings().timezone, read_hours(row.hours), read_holidays(row.holidays))


def change_calendar(actor: Actor, values: Mapping[str, Any]) -> BusinessCalendar:
    """Change zone, hours and holidays; due times that are set already stay. Raises Forbidden, Invalid."""
    require_operator(actor, Area.SETTINGS, Action.WRITE)
    with changing(actor), transaction.atomic():
        row = BusinessCalendar.objects.select_for_update().filter(pk=_KEY).first() or BusinessCalendar(pk=_KEY)
        changed = apply_values(row, values, EDITABLE)
        if not any(row.hours):
            raise Invalid(FieldError("hours", "must have at least one span in the week"))
        if changed:
            row.save()
    return row
