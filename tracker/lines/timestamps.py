"""The `ts` of a line: RFC 3339 with an offset, or integer microseconds since 1970."""

import re
from datetime import UTC, datetime, timedelta

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,30}))?(?:([Zz])|([+-]\d\d:\d\d))", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def parse_ts(ts: int | str) -> int | None:
    """Return microseconds since 1970, UTC, without finer digits; None if the text is not a timestamp."""
    if isinstance(ts, int):
        return ts
    match = _RFC3339.fullmatch(ts)
    if match is None:
        return None
    day, time, fraction, zulu, offset = match.groups()
    micros = (fraction or "")[:6].ljust(6, "0")
    try:
        when = datetime.fromisoformat(f"{day}T{time}.{micros}{'+00:00' if zulu else offset}")
    except ValueError:
        return None
    return (when - _EPOCH) // _MICROSECOND
