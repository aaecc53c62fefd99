"""Periods of reports: days in the program's zone, from presets or dates of the address. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

PRESETS = {
    "today": "Today",
    "yesterday": "Yesterday",
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    "week": "This week",
    "month": "This month",
    "last-month": "Last month",
    "year": "This year",
    "all": "All time",
}
_DAYS = {"7d": 7, "30d": 30, "90d": 90}
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `first` to `last`, both included; None is all time."""

    key: str
    """Preset, or "custom"."""
    first: date | None
    last: date | None

    @property
    def from_(self) -> str:
        """Start as the engine takes it."""
        return self.first.isoformat() if self.first is not None else ""

    @property
    def to(self) -> str:
        """End, which does not count itself."""
        return (self.last + _DAY).isoformat() if self.last is not None else ""

    @property
    def days(self) -> list[date]:
        """All days of the period; none for all time."""
        if self.first is None or self.last is None:
            return []
        return [self.first + _DAY * index for index in range((self.last - self.first).days + 1)]

    @property
    def text(self) -> str:
        """Write the period for people."""
        if self.first is None or self.last is None:
            return "All time"
        if self.first == self.last:
            return _day_text(self.first)
        return f"{_day_text(self.first)} – {_day_text(self.last)}"

    def before(self) -> "Period":
        """Return the period of the same length directly before this one."""
        if self.first is None or self.last is None:
            return self
        length = self.last - self.first
        return Period("custom", self.first - _DAY - length, self.first - _DAY)


def _day_text(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def today_in(timezone: str, now: datetime) -> date:
    """Return the present day in a zone."""
    return now.astimezone(ZoneInfo(timezone)).date()


def preset(key: str, today: date) -> Period:
    """Return the period of a preset."""
    if key == "all":
        return Period(key, None, None)
    if key == "yesterday":
        return Period(key, today - _DAY, today - _DAY)
    if key == "week":
        return Period(key, today - _DAY * today.weekday(), today)
    if key == "year":
        return Period(key, today.replace(month=1, day=1), today)
    if key == "month":
        return Period(key, today.replace(day=1), today)
    if key == "last-month":
        last = today.replace(day=1) - _DAY
        return Period(key, last.replace(day=1), last)
    return Period(key, today - _DAY * (_DAYS.get(key, 1) - 1), today)


def read_period(values: Mapping[str, str], today: date, default: str) -> Period:
    """Read the period of an address: two dates, or a preset."""
    first, last = (_date(values.get(name, "")) for name in ("from", "to"))
    if first is not None or last is not None:
        end = last if last is not None else today
        start = first if first is not None else end
        return Period("custom", min(start, end), max(start, end))
    key = values.get("period", "")
    return preset(key if key in PRESETS else default, today)


def _date(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if datetime(2000, 1, 1, tzinfo=UTC).date() <= day <= datetime(2200, 1, 1, tzinfo=UTC).date() else None
