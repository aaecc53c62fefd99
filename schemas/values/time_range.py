"""Parse the range [from, to) of a report: dates or RFC 3339 times in the program's zone. Pure."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


class BadRange(ValueError):
    """The range is not valid; the message shows the allowed forms."""


def range_us(from_: str | None, to: str | None, timezone: str) -> tuple[int | None, int | None]:
    """Return both ends in µs since 1970, None for a missing end. Raises BadRange."""
    from_us, to_us = (instant_us(text, timezone) if text else None for text in (from_, to))
    if from_us is not None and to_us is not None and from_us >= to_us:
        raise BadRange(f"the range from {from_} to {to} is empty; the end must be later than the start")
    return from_us, to_us


def instant_us(text: str, timezone: str) -> int:
    """Convert a date (its midnight) or RFC 3339 time to µs since 1970; `timezone` applies if it has no offset."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise BadRange(f"{text!r} is not a date; write 2026-01-31 or 2026-01-31T12:00:00Z") from None
    if when.tzinfo is None:
        when = when.replace(tzinfo=ZoneInfo(timezone))
    try:
        since = when.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    except OverflowError:
        raise BadRange(f"{text!r} is outside the supported years 1 to 9999") from None
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
