"""Start, end and notice of contracts, in their time zones. Pure."""

from calendar import monthrange
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo


def end_after(starts: datetime, months: int, zone: str) -> datetime:
    """Return the midnight at which a contract of some months ends, in its zone."""
    first = starts.astimezone(ZoneInfo(zone)).date()
    year, month = divmod(first.month - 1 + months, 12)
    year += first.year
    day = min(first.day, monthrange(year, month + 1)[1])
    return midnight(date(year, month + 1, day), zone)


def midnight(day: date, zone: str) -> datetime:
    """Return the first instant of a day in a zone."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))


def first_end(now: datetime, notice_days: int, zone: str) -> datetime:
    """Return the first end that gives notice: a midnight that is at least so many days away."""
    today = now.astimezone(ZoneInfo(zone)).date()
    return midnight(today + timedelta(days=notice_days + 1), zone)


def notice_starts(ends: datetime, notice_days: int, zone: str) -> datetime:
    """Return the instant from which a contract with an end is expiring."""
    last = ends.astimezone(ZoneInfo(zone)).date()
    return midnight(last - timedelta(days=notice_days), zone)
