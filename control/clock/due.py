"""A clock with a due time: it counts business time, and stands still during pauses. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from control.clock.calendar import Calendar, after, business_time

Pause = tuple[datetime, datetime | None]
"""Start and end of a pause; no end while it lasts."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Work that has to be done within some business time. Pauses are in order and do not overlap."""

    started: datetime
    allowed: timedelta
    pauses: Sequence[Pause] = ()

    @property
    def is_paused(self) -> bool:
        """True while a pause lasts."""
        return bool(self.pauses) and self.pauses[-1][1] is None

    def spent(self, calendar: Calendar, now: datetime) -> timedelta:
        """Return the business time without pauses until a moment."""
        total = business_time(calendar, self.started, now)
        for start, end in self.pauses:
            begins, ends = max(start, self.started), min(now, end or now)
            total -= business_time(calendar, begins, ends)
        return total

    def due(self, calendar: Calendar) -> datetime | None:
        """Return the due time; None while the clock is paused. Raises NoBusinessTime."""
        if self.is_paused:
            return None
        moment, left = self.started, self.allowed
        for start, end in self.pauses:
            assert end is not None  # the clock is not paused
            running = business_time(calendar, moment, start)
            if running >= left:
                break
            left, moment = left - running, max(moment, end)
        return after(calendar, moment, left)

    def is_late(self, calendar: Calendar, now: datetime) -> bool:
        """Return whether the due time has passed."""
        return self.spent(calendar, now) > self.allowed
