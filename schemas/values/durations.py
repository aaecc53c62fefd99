"""Durations as people write them in program files and mappings: "30d", "24h", "90m", "45s"."""

import re

DURATION_DAYS_MAX = 3_650
_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_MAX_US = DURATION_DAYS_MAX * 86_400 * 1_000_000
_DURATION = re.compile(r"(\d{1,12})([dhms])", re.ASCII)


class BadDuration(ValueError):
    """Error for a text that is not a duration; the message is a sentence for its author."""


def parse_duration_us(text: str, *, zero_allowed: bool = False) -> int:
    """Read a whole number with one unit as microseconds. Raises BadDuration."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise BadDuration('must be a whole number and a unit: "30d", "24h", "90m" or "45s"')
    duration_us = int(match.group(1)) * _SECONDS[match.group(2)] * 1_000_000
    if duration_us > _MAX_US:
        raise BadDuration(f"must be at most {DURATION_DAYS_MAX}d")
    if duration_us == 0 and not zero_allowed:
        raise BadDuration("must be longer than 0")
    return duration_us


def format_duration(duration_us: int) -> str:
    """Write the shortest form that `parse_duration_us` reads back; whole seconds only."""
    seconds = duration_us // 1_000_000
    for unit, size in _SECONDS.items():
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return "0s"
