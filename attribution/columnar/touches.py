"""Touches of a shard as sorted columns, 32 bytes per touch. Pure.

The order is (identity, ts, precedence, event). A lane stands for the properties that many touches share: offer, kind
and window; the high bits of its number hold the precedence. sort_merge.py sorts touches into runs and merges runs;
scan.py credits conversions from these columns.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attribution.kernels.checks import Array, Ints, check_instants

Hashes = NDArray[np.uint64]
Numbers = NDArray[np.uint32]

LANE_BITS = 28
"""Low LANE_BITS: index into the lane table. High bits: precedence."""

LANE_MASK = (1 << LANE_BITS) - 1
PRECEDENCE_MAX = 15
NEVER = 0
"""Precedence of touches that never count, such as those of bots."""


class BadColumns(ValueError):
    """The columns are not valid; the message names the column and the expected content."""


@dataclass(frozen=True, slots=True)
class Touches:
    """Columns of length P: identity hash, µs since 1970, event number, partner id, lane number."""

    identity: Hashes
    ts: Ints
    event: Hashes
    partner: Numbers
    lane: Numbers

    def columns(self) -> tuple[Array, ...]:
        return self.identity, self.ts, self.event, self.partner, self.lane

    @property
    def nbytes(self) -> int:
        """Size of all columns in bytes; 32 per touch."""
        return sum(column.nbytes for column in self.columns())

    def __len__(self) -> int:
        return int(self.ts.shape[0])

    @classmethod
    def empty(cls, count: int = 0) -> "Touches":
        """Allocate columns without values in one block of memory, which may use huge pages."""
        words = np.empty(4 * count, np.uint64)
        first, second, third, last = (words[i * count : (i + 1) * count] for i in range(4))
        halves = last.view(np.uint32)
        return cls(first, second.view(np.int64), third, halves[:count], halves[count:])


TYPES = (np.uint64, np.int64, np.uint64, np.uint32, np.uint32)


@dataclass(frozen=True, slots=True)
class Lanes:
    """Tables of length L: the offer of each lane, and the window of its touches in µs, inclusive."""

    offer: Numbers
    window_us: Ints

    def checked(self) -> "Lanes":
        """Return self. Raises BadColumns for a window that is not above 0."""
        _check_columns({"offer": self.offer, "window_us": self.window_us}, (np.uint32, np.int64))
        if self.window_us.size and int(self.window_us.min()) <= 0:
            raise BadColumns("window_us: windows must be above 0")
        check_instants(self.window_us)
        return self


@dataclass(frozen=True, slots=True)
class Conversions:
    """Columns of length C, sorted by (identity, ts): identity hash, µs since 1970, offer, value in minor units."""

    identity: Hashes
    ts: Ints
    offer: Numbers
    value: Ints

    def checked(self) -> "Conversions":
        """Return self. Raises BadColumns unless the columns are valid and sorted."""
        columns: dict[str, Array] = {
            "identity": self.identity, "ts": self.ts, "offer": self.offer, "value": self.value,
        }  # fmt: skip
        _check_columns(columns, (np.uint64, np.int64, np.uint32, np.int64))
        _check_ts(self.ts)
        if self.ts.size and int(self.value.min()) == -(2**63):
            raise BadColumns("value: -2^63 has no positive counterpart")
        same = self.identity[1:] == self.identity[:-1]
        if bool((self.identity[1:] < self.identity[:-1]).any()) or bool((same & (self.ts[1:] < self.ts[:-1])).any()):
            raise BadColumns("conversions must be sorted by identity, then ts")
        return self


def lane_number(index: int, precedence: int) -> int:
    """Return the lane number for an index of the lane table. Raises BadColumns for a value out of range."""
    if not 0 <= index <= LANE_MASK or not NEVER <= precedence <= PRECEDENCE_MAX:
        raise BadColumns(f"lane: the index must be 0 to {LANE_MASK}, the precedence {NEVER} to {PRECEDENCE_MAX}")
    return precedence << LANE_BITS | index


def check_touches(touches: Touches, lanes: int | None = None) -> None:
    """Raise BadColumns unless the columns are valid and all lane indices are below `lanes`."""
    names = ("identity", "ts", "event", "partner", "lane")
    _check_columns(dict(zip(names, touches.columns(), strict=True)), TYPES)
    _check_ts(touches.ts)
    if lanes is not None and len(touches) and int((touches.lane & LANE_MASK).max()) >= lanes:
        raise BadColumns(f"lane: there is no lane {int((touches.lane & LANE_MASK).max())}, there are {lanes}")


@dataclass(frozen=True, slots=True)
class Shard:
    """A sorted run of touches with its lanes. `build` validates it once for all scans."""

    touches: Touches
    lanes: Lanes
    precedence: int
    """Highest precedence of any touch."""
    partners: int
    """One more than the largest partner id."""

    @classmethod
    def build(cls, touches: Touches, lanes: Lanes) -> "Shard":
        """Build from touches that `sort_touches` or `merge_touches` returned. Raises BadColumns."""
        check_touches(touches, lanes.checked().offer.shape[0])
        precedence = int(touches.lane.max(initial=0)) >> LANE_BITS
        return cls(touches, lanes, precedence, int(touches.partner.max(initial=0)) + 1)


@dataclass(frozen=True, slots=True)
class Spans:
    """Conversions with the positions of their touches in a shard, start to stop (C each); see `sort_merge.spans`."""

    conversions: Conversions
    start: Ints
    stop: Ints


def _check_columns(columns: dict[str, Array], types: tuple[type, ...]) -> None:
    lengths = {column.shape for column in columns.values()}
    for (name, column), kind in zip(columns.items(), types, strict=True):
        if column.dtype != kind or column.ndim != 1:
            raise BadColumns(
                f"{name}: expected a one-dimensional array of {np.dtype(kind)}, not {column.ndim}-d {column.dtype}"
            )
    if len(lengths) != 1:
        raise BadColumns(f"columns must have the same length, not {sorted(n for (n,) in lengths)}")


def _check_ts(ts: Ints) -> None:
    try:
        check_instants(ts)
    except ValueError as error:
        raise BadColumns(f"ts: {error}") from None
