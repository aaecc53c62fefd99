"""Journeys with counts, the form that every model of this package takes. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from attribution.paths.tokenize import Bytes, Codes, Ints, Vocabulary, tokenize

Floats = NDArray[np.float64]

Progress = Callable[[int, int], None]
"""Called with what is done of long work, and with all of it, in the unit of who calls."""

UNATTRIBUTED = "unattributed"
"""The row of conversions that no touch came before."""

COUNT_MAX = 2.0**53
"""Largest sum of a column of counts: above it a float no longer tells every whole number."""

VALUE_MAX = 2.0**900
"""Largest value of a row, without its sign: far below infinity, so that sums stay finite."""

LEAST = 1e-100
"""Smallest number of a row but 0, without its sign: sums in whole parts of a power of 2 know no smaller ones."""


def no_progress(done: int, total: int) -> None:
    """Progress that nobody looks at."""


class BadTable(ValueError):
    """Error for a table that cannot be used; the message names row and column, and the fix."""


class UnusableOption(ValueError):
    """Error for an option that has no effect on the table or the models that were asked for."""


@dataclass(frozen=True)
class EventOptions:
    """Which touches of an event table belong to a conversion."""

    windows_us: Mapping[str, int] = field(default_factory=dict)
    """Longest age by type of touch, inclusive; without one a touch counts however old it is."""
    resets: bool = False
    """Whether a conversion ends what came before; else a touch counts for every conversion after it."""
    types: Mapping[str, str] = field(default_factory=dict)
    """The file's types to ours, for those that differ."""


@dataclass(frozen=True)
class PathTable:
    """J journeys of P touches in CSR form; a row may stand for many equal journeys.

    The touches of journey j are `codes[offsets[j]:offsets[j + 1]]`, each an index into `names`, which are sorted.
    `conversions`, `nulls` (0 or more) and `values` (any sign) are (J): how often the journey converted, how often
    it did not, and what its conversions are worth together. `kinds` (P) is the precedence of each touch (coupon
    3, click 2, impression 1) and `ages_us` (P) the time from touch to conversion, where times are known.
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
    """Sentences for the person who asked, about what was left out or taken as given."""


@dataclass
class PathTableBuilder:
    """Collects rows of a path table, a batch at a time."""

    separator: bytes = b" > "
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    notes: list[str] = field(default_factory=list)
    _codes: list[Codes] = field(default_factory=list)
    _ends: list[Ints] = field(default_factory=list)
    _columns: list[tuple[Floats, Floats, Floats]] = field(default_factory=list)
    _rows: int = 0
    _touches: int = 0

    def add(self, columns: Mapping[str, pa.Array]) -> None:
        """A batch: path, total_conversions, and perhaps total_conversion_value, total_null. Raises BadTable."""
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
        """All rows added so far. Raises BadTable."""
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
    """Names sorted and trimmed of all Unicode white space, and codes in their order, changed in place.

    Touches whose name is nothing but white space are left out.
    """
    trimmed = [name.strip() for name in found]
    names = tuple(sorted(set(trimmed) - {""}))
    if UNATTRIBUTED in names:
        raise BadTable(f"a channel is called {UNATTRIBUTED!r}, as the row of paths without touches is; rename it")
    number = {name: code for code, name in enumerate(names)}
    mapped = np.array([number.get(name, -1) for name in trimmed], np.int32)
    if codes.size:
        codes = np.take(mapped, codes, out=codes, mode="clip")  # in place: a table may fill half of the memory
    if "" in trimmed:
        kept = codes >= 0
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])[offsets]
        codes = codes[kept]
    return names, codes, offsets


def string_buffers(paths: pa.Array) -> tuple[Ints, Bytes]:
    """Bounds and bytes of strings as Arrow holds them; a null is an empty string."""
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
    """A column as floats, nulls as NaN. Raises BadTable for what is no finite number."""
    try:
        floats = column if column.type == pa.float64() else column.cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadTable(f"{name} holds something else than numbers: {error}") from None
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
    """A float64 array and which of it is known; out of the buffers, since `to_numpy` imports pandas if it can."""
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
    """Nothing counts as 0, as in a table that was joined from converting and other paths."""
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
        raise BadTable(f"total_conversion_value is missing in row {rows_before + int(bad[0]) + 1}, which converts")
    values = np.nan_to_num(values, nan=0.0)
    check_values(values, "total_conversion_value", rows_before)
    bad = np.flatnonzero((values != 0) & (conversions == 0))
    if bad.size:
        raise BadTable(
            f"row {rows_before + int(bad[0]) + 1} has a total_conversion_value but no conversions; give both or none"
        )
    return values


def check_values(values: Floats, name: str, rows_before: int = 0) -> None:
    """Raises BadTable for a value that is too large."""
    bad = np.flatnonzero(np.abs(values) > VALUE_MAX)
    if bad.size:
        row = rows_before + int(bad[0]) + 1
        raise BadTable(f"{name} is {values[bad[0]]:g} in row {row}, out of range; give at most {VALUE_MAX:g}")
