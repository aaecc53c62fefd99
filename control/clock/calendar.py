"""Business time: seconds between two moments in which people work, and the moment after some of them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY_MIN = 24 * 60
DAYS_MAX = 3_660
"""Most days that a search for a moment looks at."""
Hours = tuple[tuple[int, int], ...]
"""Spans of a day, in minutes after midnight."""
ALL_DAY: Hours = ((0, DAY_MIN),)


class NoBusinessTime(ValueError):
    """The calendar has no hours within the days that a search looks at."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Hours in which people work: a zone, spans for each day of the week from Monday, and holidays."""

    zone: str = "UTC"
    hours: tuple[Hours, ...] = (ALL_DAY, ALL_DAY, ALL_DAY, ALL_DAY, ALL_DAY, (), ())
    holidays: frozenset[date] = field(default_factory=frozenset)

    def spans(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """Yield the spans of a local day, in UTC."""
        if day in self.holidays:
            return
        for start_min, end_min in self.hours[day.weekday()]:
            start, end = self._moment(day, start_min), self._moment(day, end_min)
            if start < end:
                yield start, end

    def _moment(self, day: date, minutes: int) -> datetime:
        day += timedelta(days=minutes // DAY_MIN)
        local = datetime.combine(day, time(minutes % DAY_MIN // 60, minutes % 60), ZoneInfo(self.zone))
        return local.astimezone(UTC)

    def day_of(self, moment: datetime) -> date:
        """Return the local day of a moment."""
        return moment.astimezone(ZoneInfo(self.zone)).date()


def business_time(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """Return the business time between two moments; none if the end is before the start."""
    total, day, last = timedelta(), calendar.day_of(start), calendar.day_of(end)
    while day <= last:
        for opens, closes in calendar.spans(day):
            total += max(timedelta(), min(end, closes) - max(start, opens))
        day += timedelta(days=1)
    return total


def after(calendar: Calendar, start: datetime, length: timedelta) -> datetime:
    """Return the moment at which so much business time has passed since the start. Raises NoBusinessTime."""
    left, day = length, calendar.day_of(start)
    if left <= timedelta():
        return start
    for _ in range(DAYS_MAX):
        for opens, closes in calendar.spans(day):
            begins = max(start, opens)
            if begins >= closes:
                continue
            if closes - begins >= left:
                return begins + left
            left -= closes - begins
        day += timedelta(days=1)
    raise NoBusinessTime(f"the business calendar has too few hours in the next {DAYS_MAX} days")
