"""Parse the column `ts` of an event table: timestamps, RFC 3339 texts or whole microseconds since 1970."""

from collections.abc import Callable
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from attribution.paths.path_table import BadTable
from attribution.paths.tokenize import Ints

_WHOLE = r"^-?\d+$"
_ZONE = r"(Z|[+-]\d\d:?\d\d)$"
_RFC3339 = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?$"
_FIX = "write RFC 3339 with at most microseconds, as 2026-01-31T12:00:00Z, or whole microseconds since 1970"


def parse_timestamps(column: pa.Array, rows_before: int) -> Ints:
    """Return µs since 1970 UTC; a time without a zone is UTC. Raises BadTable with the row, after `rows_before`."""
    _refuse(np.asarray(column.is_null()), column, rows_before, "is missing")
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = _parsed(pc.utf8_upper(pc.utf8_trim_whitespace(column)), rows_before)
    elif pa.types.is_date(kind):
        column = column.cast(pa.timestamp("us"))
    elif pa.types.is_timestamp(kind):
        cut = column.cast(pa.timestamp("us", kind.tz), safe=False)
        lost = np.asarray(pc.not_equal(cut.cast(kind, safe=False), column))
        _refuse(lost, column, rows_before, "is finer than a microsecond or out of range")
        column = cut
    elif not pa.types.is_integer(kind):
        raise BadTable(f"ts is of type {kind}; give timestamps, RFC 3339 texts or whole microseconds since 1970")
    return np.asarray(column.cast(pa.int64()).to_numpy(zero_copy_only=False), np.int64)


def _parsed(texts: pa.Array, rows_before: int) -> pa.Array:
    if pc.all(pc.match_substring_regex(texts, _WHOLE)).as_py():
        return _cast(texts, pa.int64(), rows_before, lambda text: -(2**63) <= int(text) < 2**63)
    known = np.asarray(pc.match_substring_regex(texts, _RFC3339))
    _refuse(~known, texts, rows_before, "is not a time")
    has_zone = np.asarray(pc.match_substring_regex(texts, _ZONE))
    if has_zone.any():
        _refuse(~has_zone, texts, rows_before, "has no zone although others have one")
    return _cast(texts, pa.timestamp("us", "UTC" if has_zone.any() else None), rows_before, _is_time)


def _cast(texts: pa.Array, kind: pa.DataType, rows_before: int, is_fine: Callable[[str], bool]) -> pa.Array:
    try:
        return texts.cast(kind)
    except pa.ArrowInvalid:
        bad = np.array([not is_fine(text) for text in texts.to_pylist()])
        _refuse(bad, texts, rows_before, "is not a time")
        raise


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _refuse(bad: NDArray[np.bool_], column: pa.Array, rows_before: int, why: str) -> None:
    at = np.flatnonzero(bad)
    if at.size:
        row = int(at[0])
        # As text by Arrow: as a scalar, nanoseconds need pandas.
        [shown] = column.slice(row, 1).cast(pa.string()).to_pylist()
        raise BadTable(f"ts {why} in row {rows_before + row + 1}: {shown}; {_FIX}")
