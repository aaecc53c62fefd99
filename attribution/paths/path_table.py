"""Journeys with counts: the input of every model of this package. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from attribution.paths.tokenize import Bytes, Codes, Ints, Vocabulary, tokenize

Floats = NDArray[np.float64]

Progress = Callable[[int, int], None]
"""Callback for long work: the amount done and the total, in a unit of the caller."""

UNATTRIBUTED = "unattributed"
"""Name of the row for conversions without touches."""

COUNT_MAX = 2.0**53
"""Maximum sum of a column of counts: above it, a float does not represent every whole number."""

VALUE_MAX = 2.0**900
"""Maximum absolute value of a row: far below infinity, so that sums stay finite."""

LEAST = 1e-100
"""Minimum absolute number of a row except 0: sums in fixed point do not represent smaller ones."""


def no_progress(done: int, total: int) -> None:
    """Ignore progress."""


class BadTable(ValueError):
    """Error for a table that cannot be used; the message names row and column, and the fix."""


class UnusableOption(ValueError):
    """Error for an option that has no effect on the table or the models that were asked for."""


@dataclass(frozen=True)
class EventOptions:
    """Rules for the touches of an event table that belong to a conversion."""

    windows_us: Mapping[str, int] = field(default_factory=dict)
    """Maximum age by type of touch, inclusive; a type without one has no limit."""
    resets: bool = False
    """Whether a conversion ends the journey before it; otherwise a touch counts for every later conversion."""
    types: Mapping[str, str] = field(default_factory=dict)
    """Our types by those of the file, for those that differ."""


@dataclass(frozen=True)
class PathTable:
    """J journeys of P touches in CSR form; a row may represent many equal journeys.

    The touches of journey j are `codes[offsets[j]:offsets[j + 1]]`, each an index into `names`, which are sorted.
    `conversions`, `nulls` (0 or more) and `values` (any sign) are (J): how often the journey converted, how often
    it did not, and the total value of its conversions. `kinds` (P) is the precedence of each touch (coupon
    3, click 2, impression 1) and `ages_us` (P) the time from touch to conversion; both are None for path tables.
    """

    names: tuple[str, ...]
    codes: Codes
    offsets: Ints
    conversions: Floats
    values: Floats
    nulls: Floats
    kinds: Bytes | None = None
    ages_us: Ints | None = None
    notes: tuple[str, ...] = ()
    """Sentences for the user about rows that were left out and assumptions that were made."""


@dataclass
class PathTableBuilder:
    """Builder of a path table, from batches of rows."""

    separator: bytes = b" > "
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    notes: list[str] = field(default_factory=list)
    _codes: list[Codes] = field(default_factory=list)
    _ends: list[Ints] = field(default_factory=list)
    _columns: list[tuple[Floats, Floats, Floats]] = field(default_factory=list)
    _rows: int = 0
    _touches: int = 0

    def add(self, columns: Mapping[str, pa.Array]) -> None:
        """Add a batch: path, total_conversions, and optionally total_conversion_value, total_null. Raises BadTable."""
        count = len(columns["path"])
        counted = _counts(columns["total_conversions"], "total_conversions", self._rows)
        missed = worth = np.zeros(count)
        if "total_null" in columns:
            missed = _counts(columns["total_null"], "total_null", self._rows)
        if "total_conversion_value" in columns:
            worth = _values(columns["total_conversion_value"], counted, self._rows)
        bounds, data = string_buffers(columns["path"])
        codes, ends = tokenize(bounds, data, self.separator, self.vocabulary)
        self._codes.append(codes)
        self._ends.append(ends + self._touches)
        self._columns.append((counted, worth, missed))
        self._rows += count
        self._touches += codes.shape[0]

    def build(self) -> PathTable:
        """Build the table of all rows added so far. Raises BadTable."""
        columns = [np.concatenate([np.empty(0), *(batch[k] for batch in self._columns)]) for k in range(3)]
        for name, column in (("total_conversions", columns[0]), ("total_null", columns[2])):
            if float(column.sum()) > COUNT_MAX:
                raise BadTable(f"{name} adds up to more than {int(COUNT_MAX)}; count in larger units")
        codes = np.concatenate([np.empty(0, np.int32), *self._codes])
        offsets = np.concatenate([np.zeros(1, np.int64), *self._ends])
        names, codes, offsets = in_order_of_names(self.vocabulary.names(), codes, offsets)
        if self.vocabulary.skipped:
            self.notes.append(f"{self.vocabulary.skipped} empty names between separators were left out")
        return PathTable(names, codes, offsets, columns[0], columns[1], columns[2], notes=tuple(self.notes))


def in_order_of_names(found: Sequence[str], codes: Codes, offsets: Ints) -> tuple[tuple[str, ...], Codes, Ints]:
    """Trim names of Unicode white space, sort them, and renumber codes in place.

    Touches whose name is only white space are left out.
    """
    trimmed = [name.strip() for name in found]
    names = tuple(sorted(set(trimmed) - {""}))
    if UNATTRIBUTED in names:
        raise BadTable(f"a channel is called {UNATTRIBUTED!r}, as the row of paths without touches is; rename it")
    number = {name: code for code, name in enumerate(names)}
    mapped = np.array([number.get(name, -1) for name in trimmed], np.int32)
    if codes.size:
        codes = np.take(mapped, codes, out=codes, mode="clip")  # in place, since a table may fill half of the memory
    if "" in trimmed:
        kept = codes >= 0
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])[offsets]
        codes = codes[kept]
    return names, codes, offsets


def string_buffers(paths: pa.Array) -> tuple[Ints, Bytes]:
    """Return the bounds and bytes of an Arrow string array; a null is an empty string."""
    if not (pa.types.is_string(paths.type) or pa.types.is_large_string(paths.type)):
        if not pa.types.is_null(paths.type) and not pa.types.is_string_view(paths.type):
            raise BadTable(f"path is of type {paths.type}; give strings")
        paths = paths.cast(pa.large_string())
    if paths.null_count:
        paths = paths.fill_null("")
    if not len(paths):
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    _, bounds, data = paths.buffers()
    width = np.int32 if pa.types.is_string(paths.type) else np.int64
    whole = np.frombuffer(bounds, width)[paths.offset : paths.offset + len(paths) + 1]
    return whole.astype(np.int64), np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)


def numbers(column: pa.Array, name: str, rows_before: int) -> Floats:
    """Return a column as floats, nulls as NaN. Raises BadTable for a value that is not a finite number."""
    try:
        floats = column if column.type == pa.float64() else column.cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadTable(f"{name} has values that are not numbers: {error}") from None
    plain, known = _buffers(floats)
    bad = np.flatnonzero(known & ~np.isfinite(plain))
    if bad.size:
        raise BadTable(f"{name} is {plain[bad[0]]} in row {rows_before + int(bad[0]) + 1}; give a finite number")
    bad = np.flatnonzero(known & (plain != 0) & (np.abs(plain) < LEAST))
    if bad.size:
        raise BadTable(
            f"{name} is {plain[bad[0]]:g} in row {rows_before + int(bad[0]) + 1}; give 0, or at least {LEAST:g}"
        )
    return np.where(known, plain, np.nan)


def _buffers(column: pa.Array) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the values of a float64 array and its validity, from the buffers, since `to_numpy` may import pandas."""
    count, start = len(column), column.offset
    validity, data = column.buffers()
    if not count or data is None:
        return np.zeros(count), np.zeros(count, np.bool_)
    plain: Floats = np.frombuffer(data, np.float64)[start : start + count]
    if not column.null_count:
        return plain, np.ones(count, np.bool_)
    bits = np.unpackbits(np.frombuffer(validity, np.uint8), count=start + count, bitorder="little")
    return plain, bits[start:].astype(np.bool_)


def _counts(column: pa.Array, name: str, rows_before: int) -> Floats:
    """Return a column of counts; a missing count is 0, as after a join of converting and other paths."""
    counts = np.nan_to_num(numbers(column, name, rows_before), nan=0.0)
    bad = np.flatnonzero(counts < 0)
    if bad.size:
        raise BadTable(f"{name} is {counts[bad[0]]:g} in row {rows_before + int(bad[0]) + 1}; counts are 0 or more")
    bad = np.flatnonzero(counts > COUNT_MAX)
    if bad.size:
        raise BadTable(
            f"{name} is {counts[bad[0]]:g} in row {rows_before + int(bad[0]) + 1}; counts add up to at most "
            f"{int(COUNT_MAX)}: count in larger units"
        )
    return counts


def _values(column: pa.Array, conversions: Floats, rows_before: int) -> Floats:
    values = numbers(column, "total_conversion_value", rows_before)
    bad = np.flatnonzero(np.isnan(values) & (conversions > 0))
    if bad.size:
        row = rows_before + int(bad[0]) + 1
        raise BadTable(f"total_conversion_value is missing in row {row}, which converts; give the value")
    values = np.nan_to_num(values, nan=0.0)
    check_values(values, "total_conversion_value", rows_before)
    bad = np.flatnonzero((values != 0) & (conversions == 0))
    if bad.size:
        raise BadTable(
            f"row {rows_before + int(bad[0]) + 1} has a total_conversion_value but no conversions; give both or none"
        )
    return values


def check_values(values: Floats, name: str, rows_before: int = 0) -> None:
    """Raise BadTable for a value that is too large."""
    bad = np.flatnonzero(np.abs(values) > VALUE_MAX)
    if bad.size:
        row = rows_before + int(bad[0]) + 1
        raise BadTable(f"{name} is {values[bad[0]]:g} in row {row}, out of range; give at most {VALUE_MAX:g}")
