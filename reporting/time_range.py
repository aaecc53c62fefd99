"""The range of a report, as users write it: dates or instants in the program's zone, [from, to) (contract 7). Pure."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


class BadRange(ValueError):
    """The range cannot be read; the message says what is allowed."""


def range_us(from_: str | None, to: str | None, timezone: str) -> tuple[int | None, int | None]:
    """µs since 1970 of both ends; None where there is none. Raises BadRange."""
    from_us, to_us = (instant_us(text, timezone) if text else None for text in (from_, to))
    if from_us is not None and to_us is not None and from_us >= to_us:
        raise BadRange(f"the range from {from_} to {to} is empty: the end is not part of it")
    return from_us, to_us


def instant_us(text: str, timezone: str) -> int:
    """µs since 1970 of a date (its midnight) or an RFC 3339 instant; the zone stands in for a missing offset."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise BadRange(f"{text!r} is no date: write 2026-01-31 or 2026-01-31T12:00:00Z") from None
    if when.tzinfo is None:
        when = when.replace(tzinfo=ZoneInfo(timezone))
    try:
        since = when.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    except OverflowError:
        raise BadRange(f"{text!r} is outside the calendar") from None
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
