"""Build journeys of an event table: one for each conversion, and one for each identity's touches without one. Pure.

Events may come in any order. Touches of one identity are ordered by time, precedence, and event id, or name if the
table has no event ids; a touch at the time of a conversion comes before it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

from attribution.kernels.checks import Array
from attribution.paths.path_table import (
    BadTable,
    EventOptions,
    Floats,
    PathTable,
    check_values,
    in_order_of_names,
    numbers,
)
from attribution.paths.timestamps import parse_timestamps
from attribution.paths.tokenize import Bytes, Codes, Ints

PRECEDENCE = {"impression": 1, "click": 2, "coupon": 3}
CONVERSION = 9
"""Kind of a conversion, ordered after every touch of the same time."""
TYPES = (*PRECEDENCE, "conversion")
JOURNEY_TOUCHES_MAX = 1 << 29
"""Maximum number of touches of all journeys together; one touch may be in many journeys."""
NO_WINDOW_US = 2**62


@dataclass
class EventTableBuilder:
    """Builder of the journeys of an event table, from batches of rows."""

    options: EventOptions = field(default_factory=EventOptions)
    notes: list[str] = field(default_factory=list)
    _batches: list[dict[str, pa.Array]] = field(default_factory=list)
    _rows: int = 0

    def add(self, columns: Mapping[str, pa.Array]) -> None:
        """Add a batch: identity, ts, type, channel, and optionally value and event_id. Raises BadTable."""
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
            "ts": pa.array(parse_timestamps(columns["ts"], before)),
            "kind": pa.array(kinds),
            "channel": pc.if_else(pa.array(touches), trimmed, ""),
            "value": pa.array(values),
        }
        if "event_id" in columns:
            batch["event_id"] = columns["event_id"].cast(pa.string()).fill_null("")
        self._batches.append(batch)
        self._rows += count

    def build(self) -> PathTable:
        """Build the journeys of all rows added so far. Raises BadTable."""
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
        # Conversions of the same time are ordered by event id, then by value, never by the order of rows.
        keys = [table["value"].to_numpy(), codes, kinds, table["ts"].to_numpy(), identity]
        if "event_id" in table.column_names:
            keys.insert(2, _ranks(table["event_id"].combine_chunks()))
        order = np.lexsort(keys)
        if "event_id" in table.column_names:
            order = self._each_once(order, keys)
        if listed and "\0" in names:  # it sorts first, and no touch has it
            names, codes = names[1:], codes - 1
        return _build(
            names, codes[order], identity[order], table["ts"].to_numpy()[order], kinds[order],
            table["value"].to_numpy()[order], self.options, tuple(self.notes),
        )  # fmt: skip

    def _each_once(self, order: Ints, keys: Sequence[Array]) -> Ints:
        """Return the order without rows that repeat another row of the same event id."""
        again = np.zeros(order.shape[0], np.bool_)
        again[1:] = keys[2][order[1:]] > 0
        for key in keys:
            again[1:] &= key[order[1:]] == key[order[:-1]]
        if again.any():
            self.notes.append(f"{int(again.sum())} rows repeat an event of the same event_id; each counts once")
        return order[~again]


def _ranks(texts: pa.Array) -> Ints:
    """Return the rank of each text; equal texts have equal ranks, an empty text has 0."""
    found = texts.dictionary_encode()
    listed = np.array([*found.dictionary.to_pylist(), ""], object)
    rank: Ints = np.unique(listed, return_inverse=True)[1]
    places: Ints = rank[:-1][found.indices.to_numpy()]
    return places


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
    """Return offsets (J+1), the index of each touch (P), and of each journey's conversion (J), -1 for one without.

    Events (E) are sorted by identity, ts, and conversions after touches. A conversion's journey has the touches of
    its identity before it that are not older than the window of their kind (inclusive) and, with `resets`, not before
    the previous conversion. Touches after the last conversion of an identity are a journey without a conversion.
    """
    count = identity.shape[0]
    if ts.shape != (count,) or kinds.shape != (count,) or windows_us.shape[0] <= CONVERSION:
        raise ValueError("identity, ts and kinds have one entry each for each event, windows one for each kind")
    if count and int(np.abs(ts).max()) > 2**61:
        raise BadTable("a time is after the year 70,000; give microseconds since 1970")
    none = np.empty(0, np.int64)
    most = JOURNEY_TOUCHES_MAX
    rows, touches = _journeys_range(identity, ts, kinds, windows_us, resets, most, False, none, none, none)
    if touches > JOURNEY_TOUCHES_MAX:
        raise BadTable(
            f"the journeys have more than {JOURNEY_TOUCHES_MAX:,} touches, since one touch counts for each conversion "
            "after it; give --windows or --reset"
        )
    offsets, touch, conversion = np.zeros(rows + 1, np.int64), np.empty(touches, np.int64), np.empty(rows, np.int64)
    _journeys_range(identity, ts, kinds, windows_us, resets, most, True, offsets, touch, conversion)
    return offsets, touch, conversion


@njit(nogil=True, cache=True)
def _journeys_range(
    identity: Ints, ts: Ints, kinds: Bytes, windows_us: Ints, resets: bool, touches_max: int, writes: bool,
    offsets: Ints, touch: Ints, conversion: Ints,
) -> tuple[int, int]:  # fmt: skip
    """Count journeys and their touches, or write them if `writes` is set; stop counting above touches_max."""
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
            f"{', '.join(TYPES)}; name the type, as in --types view=impression"
        )
    return found


def _refuse(bad: NDArray[np.bool_], sentence: str, rows_before: int) -> None:
    at = np.flatnonzero(bad)
    if at.size:
        raise BadTable(sentence.format(rows_before + int(at[0]) + 1))
