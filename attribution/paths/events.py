"""Event tables to journeys: one for each conversion, and one for the touches of each identity that led to none. Pure.

Events may come in any order. Touches of one identity are ordered by time, precedence, event id where there is one,
else name; a touch at the very instant of a conversion comes before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

from attribution.paths.table import (
    BadTable,
    EventOptions,
    Floats,
    PathTable,
    check_values,
    in_order_of_names,
    numbers,
)
from attribution.paths.tokens import Bytes, Codes, Ints

PRECEDENCE = {"impression": 1, "click": 2, "coupon": 3}
CONVERSION = 9
"""The kind of a conversion: after every touch of its instant."""
TYPES = (*PRECEDENCE, "conversion")
JOURNEY_TOUCHES_MAX = 1 << 29
"""Touches of all journeys together, where one touch may stand in many of them."""
NO_WINDOW_US = 2**62


@dataclass
class EventTableBuilder:
    """Collects rows of an event table, a batch at a time."""

    options: EventOptions = field(default_factory=EventOptions)
    notes: list[str] = field(default_factory=list)
    _batches: list[dict[str, pa.Array]] = field(default_factory=list)
    _rows: int = 0

    def add(self, columns: Mapping[str, pa.Array]) -> None:
        """A batch: identity, ts, type, channel and perhaps value, event_id. Raises BadTable."""
        count, before = len(columns["identity"]), self._rows
        kinds = _kinds(columns["type"], self.options.types, before)
        touches = kinds != CONVERSION
        names = columns["channel"].cast(pa.string()).fill_null("")
        values = np.zeros(count)
        if "value" in columns:
            values = numbers(columns["value"], "value", before)
            _refuse(np.isnan(values) & ~touches, "value is missing in row {}, which is a conversion", before)
            values = np.where(touches, 0.0, values)
            check_values(values, "value", before)
        trimmed = pc.utf8_trim_whitespace(names)
        empty = np.asarray(pc.equal(trimmed, ""))
        _refuse(empty & touches, "channel is empty in row {}, which is a touch; name its channel", before)
        identity = columns["identity"].cast(pa.string()).fill_null("")
        _refuse(np.asarray(pc.equal(identity, "")), "identity is empty in row {}; leave the row out", before)
        batch = {
            "identity": identity,
            "ts": pa.array(_instants(columns["ts"], before)),
            "kind": pa.array(kinds),
            "channel": pc.if_else(pa.array(touches), trimmed, ""),
            "value": pa.array(values),
        }
        if "event_id" in columns:
            batch["event_id"] = columns["event_id"].cast(pa.string()).fill_null("")
        self._batches.append(batch)
        self._rows += count

    def build(self) -> PathTable:
        """The journeys of all rows added so far. Raises BadTable."""
        if not self._batches:
            empty, none = np.empty(0), np.empty(0, np.int64)
            return PathTable((), none.astype(np.int32), np.zeros(1, np.int64), empty, empty, empty)
        table = pa.table({name: pa.chunked_array([b[name] for b in self._batches]) for name in self._batches[0]})
        identity = table["identity"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
        found = table["channel"].combine_chunks().dictionary_encode()
        codes = found.indices.to_numpy().astype(np.int32)
        touches = np.array([0, len(codes)])
        kinds = table["kind"].to_numpy()
        listed = [name or "\0" for name in found.dictionary.to_pylist()]  # conversions have none
        names, codes, _ = in_order_of_names(listed, codes, touches)
        keys = [codes, kinds, table["ts"].to_numpy(), identity]
        if "event_id" in table.column_names:
            ids = table["event_id"].combine_chunks().dictionary_encode()
            rank = np.empty(len(ids.dictionary), np.int64)
            rank[np.argsort(np.array(ids.dictionary.to_pylist(), object), kind="stable")] = np.arange(len(rank))
            keys.insert(1, rank[ids.indices.to_numpy()])
        order = np.lexsort(keys)
        if listed and "\0" in names:  # its place is the first, and no touch has it
            names, codes = names[1:], codes - 1
        return _build(
            names, codes[order], identity[order], table["ts"].to_numpy()[order], kinds[order],
            table["value"].to_numpy()[order], self.options, tuple(self.notes),
        )  # fmt: skip


def _build(
    names: tuple[str, ...], codes: Codes, identity: Ints, ts: Ints, kinds: Bytes, values: Floats,
    options: EventOptions, notes: tuple[str, ...],
) -> PathTable:  # fmt: skip
    windows = np.full(CONVERSION + 1, NO_WINDOW_US, np.int64)
    for name, window_us in options.windows_us.items():
        windows[PRECEDENCE[name]] = window_us
    offsets, touch, conversion = journeys(identity, ts, kinds, windows, options.resets)
    converts = conversion >= 0
    ends = np.where(converts, ts[np.maximum(conversion, 0)], 0)
    ages = np.repeat(ends, np.diff(offsets)) - ts[touch]
    return PathTable(
        names,
        codes[touch],
        offsets,
        converts.astype(np.float64),
        np.where(converts, values[np.maximum(conversion, 0)], 0.0),
        (~converts).astype(np.float64),
        kinds[touch],
        ages,
        notes,
    )


def journeys(identity: Ints, ts: Ints, kinds: Bytes, windows_us: Ints, resets: bool) -> tuple[Ints, Ints, Ints]:
    """Offsets (J+1), the place of each touch (P), and of each journey's conversion (J), -1 for one without.

    Events (E) are sorted by identity, ts, and conversions after touches. A conversion's journey is the touches of
    its identity before it, each not older than its kind's window (inclusive), and not before the conversion before
    it if that `resets`. What comes after the last conversion of an identity is a journey without one, if anything.
    """
    count = identity.shape[0]
    if ts.shape != (count,) or kinds.shape != (count,) or windows_us.shape[0] <= CONVERSION:
        raise ValueError("identity, ts and kinds have one entry each for each event, windows one for each kind")
    if count and int(np.abs(ts).max()) > 2**61:
        raise BadTable("an instant is beyond the year 70,000; give microseconds since 1970")
    none = np.empty(0, np.int64)
    most = JOURNEY_TOUCHES_MAX
    rows, touches = _journeys_range(identity, ts, kinds, windows_us, resets, most, False, none, none, none)
    if touches > JOURNEY_TOUCHES_MAX:
        raise BadTable(
            f"the journeys have more than {JOURNEY_TOUCHES_MAX:,} touches, since one touch counts for each conversion "
            "after it; give windows, or let conversions reset"
        )
    offsets, touch, conversion = np.zeros(rows + 1, np.int64), np.empty(touches, np.int64), np.empty(rows, np.int64)
    _journeys_range(identity, ts, kinds, windows_us, resets, most, True, offsets, touch, conversion)
    return offsets, touch, conversion


@njit(nogil=True, cache=True)
def _journeys_range(
    identity: Ints, ts: Ints, kinds: Bytes, windows_us: Ints, resets: bool, touches_max: int, writes: bool,
    offsets: Ints, touch: Ints, conversion: Ints,
) -> tuple[int, int]:  # fmt: skip
    """Counts journeys and their touches; the second time writes them. Stops counting beyond touches_max."""
    rows, written = 0, 0
    begin, after_last = 0, 0
    for i in range(identity.shape[0]):
        if i > 0 and identity[i] != identity[i - 1]:
            begin, after_last = i, i
        is_conversion = kinds[i] == CONVERSION
        is_last = i + 1 == identity.shape[0] or identity[i + 1] != identity[i]
        if not is_conversion and not is_last:
            continue
        if is_conversion:
            start, stop, when = (after_last if resets else begin), i, ts[i]
            after_last = i + 1
        else:  # the touches after the last conversion
            start, stop, when = after_last, i + 1, ts[i]
        for t in range(start, stop):
            if kinds[t] == CONVERSION or (is_conversion and when - ts[t] > windows_us[kinds[t]]):
                continue
            if writes:
                touch[written] = t
            written += 1
        if written > touches_max:
            break
        if writes:
            conversion[rows] = i if is_conversion else -1
            offsets[rows + 1] = written
        rows += 1
    return rows, written


def _kinds(column: pa.Array, ours: Mapping[str, str], rows_before: int) -> Bytes:
    encoded = column.cast(pa.string()).fill_null("").dictionary_encode()
    number = {**PRECEDENCE, "conversion": CONVERSION}
    kinds = np.zeros(max(1, len(encoded.dictionary)), np.uint8)
    for code, name in enumerate(encoded.dictionary.to_pylist()):
        plain = name.strip()
        kinds[code] = number.get(ours.get(plain, plain.lower()), 0)
    found: Bytes = kinds[encoded.indices.to_numpy()]
    bad = np.flatnonzero(found == 0)
    if bad.size:
        raise BadTable(
            f"type is {column[int(bad[0])].as_py()!r} in row {rows_before + int(bad[0]) + 1}; types are "
            f"{', '.join(TYPES)}; say which it is, as in --types view=impression"
        )
    return found


def _instants(column: pa.Array, rows_before: int) -> Ints:
    """Microseconds since 1970 UTC: of timestamps, RFC 3339 texts, or whole numbers as they are."""
    _refuse(np.asarray(column.is_null()), "ts is missing in row {}", rows_before)
    kind = column.type
    try:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            column = _parsed(column)
        elif pa.types.is_date(kind):
            column = column.cast(pa.timestamp("us"))
        elif pa.types.is_timestamp(kind):
            column = column.cast(pa.timestamp("us", kind.tz))
        elif not pa.types.is_integer(kind):
            raise BadTable(f"ts is of type {kind}; give instants, RFC 3339 texts or whole microseconds since 1970")
        return np.asarray(column.cast(pa.int64()).to_numpy(zero_copy_only=False), np.int64)
    except pa.ArrowInvalid as error:
        said = str(error).splitlines()[0]
        raise BadTable(f"ts is no instant: {said}; write RFC 3339, or microseconds since 1970") from None


def _parsed(column: pa.Array) -> pa.Array:
    if np.asarray(pc.all(pc.match_substring_regex(column, r"^\s*-?\d+\s*$")).as_py()):
        return pc.utf8_trim_whitespace(column).cast(pa.int64())
    has_zone = pc.match_substring_regex(column, r"(Z|[+-]\d\d:?\d\d)$")
    if pc.all(has_zone).as_py():
        return column.cast(pa.timestamp("us", "UTC"))
    if pc.any(has_zone).as_py():
        raise BadTable("some ts have a zone and some have not; give all of them one, as in 2026-01-31T12:00:00Z")
    return column.cast(pa.timestamp("us"))  # taken as UTC


def _refuse(bad: NDArray[np.bool_], sentence: str, rows_before: int) -> None:
    at = np.flatnonzero(bad)
    if at.size:
        raise BadTable(sentence.format(rows_before + int(at[0]) + 1))
