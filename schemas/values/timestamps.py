"""Timestamps as text: RFC 3339, UTC, from integer microseconds."""

from datetime import UTC, datetime, timedelta


def rfc3339(us: int) -> str:
    """Write an instant in µs since 1970 as RFC 3339 in UTC."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).isoformat().replace("+00:00", "Z")
