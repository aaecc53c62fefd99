"""Touches of a shard as sorted columns, 32 bytes each: runs that are sorted once and merged, never sorted again.

Order is (identity, ts, precedence, event). A lane says all that touches have in common beside their partner: offer,
kind and window; its number carries the precedence in its top bits. kernels_runs.py sorts and merges,
kernels_scan.py credits conversions straight from these columns. Pure.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attribution.kernels.checks import Array, Ints, check_instants

Hashes = NDArray[np.uint64]
Numbers = NDArray[np.uint32]

LANE_BITS = 28
"""Below these bits of a lane's number is its place in the table of lanes; above them its precedence."""

LANE_MASK = (1 << LANE_BITS) - 1
PRECEDENCE_MAX = 15
NEVER = 0
"""Precedence of touches that never count, such as bots'."""


class BadColumns(ValueError):
    """The columns are no touches or conversions; the message names the column and what is wanted."""


@dataclass(frozen=True, slots=True)
class Touches:
    """Columns of one length P: identity hash, µs since 1970, number of the event, partner, lane."""

    identity: Hashes
    ts: Ints
    event: Hashes
    partner: Numbers
    lane: Numbers

    def columns(self) -> tuple[Array, ...]:
        return self.identity, self.ts, self.event, self.partner, self.lane

    @property
    def nbytes(self) -> int:
        """Bytes of all columns; 32 for each touch."""
        return sum(column.nbytes for column in self.columns())

    def __len__(self) -> int:
        return int(self.ts.shape[0])

    @classmethod
    def empty(cls, count: int = 0) -> "Touches":
        """Columns whose values are yet to be written; one piece of memory, which may come in huge pages."""
        words = np.empty(4 * count, np.uint64)
        first, second, third, last = (words[i * count : (i + 1) * count] for i in range(4))
        halves = last.view(np.uint32)
        return cls(first, second.view(np.int64), third, halves[:count], halves[count:])


TYPES = (np.uint64, np.int64, np.uint64, np.uint32, np.uint32)


@dataclass(frozen=True, slots=True)
class Lanes:
    """Tables of one length L: the offer of a lane, and the window of its touches, µs, both inclusive."""

    offer: Numbers
    window_us: Ints

    def checked(self) -> "Lanes":
        """Itself. Raises BadColumns for a window that is not above 0."""
        _check_columns({"offer": self.offer, "window_us": self.window_us}, (np.uint32, np.int64))
        if self.window_us.size and int(self.window_us.min()) <= 0:
            raise BadColumns("window_us: a window is longer than 0 µs")
        check_instants(self.window_us)
        return self


@dataclass(frozen=True, slots=True)
class Conversions:
    """Columns of one length C, sorted by (identity, ts): identity hash, µs since 1970, offer, value in minor units."""

    identity: Hashes
    ts: Ints
    offer: Numbers
    value: Ints

    def checked(self) -> "Conversions":
        """Itself. Raises BadColumns unless all fit and they are sorted."""
        columns: dict[str, Array] = {
            "identity": self.identity, "ts": self.ts, "offer": self.offer, "value": self.value,
        }  # fmt: skip
        _check_columns(columns, (np.uint64, np.int64, np.uint32, np.int64))
        _check_ts(self.ts)
        if self.ts.size and int(self.value.min()) == -(2**63):
            raise BadColumns("value: -2^63 has no positive counterpart")
        same = self.identity[1:] == self.identity[:-1]
        if bool((self.identity[1:] < self.identity[:-1]).any()) or bool((same & (self.ts[1:] < self.ts[:-1])).any()):
            raise BadColumns("conversions are sorted by identity, then ts")
        return self


def lane_number(place: int, precedence: int) -> int:
    """Number of the lane at a place of the table. Raises BadColumns for one that does not fit."""
    if not 0 <= place <= LANE_MASK or not NEVER <= precedence <= PRECEDENCE_MAX:
        raise BadColumns(f"lane: places are 0 to {LANE_MASK}, precedences {NEVER} to {PRECEDENCE_MAX}")
    return precedence << LANE_BITS | place


def check_touches(touches: Touches, lanes: int | None = None) -> None:
    """Raises BadColumns unless the columns fit, and every lane is one of so many."""
    names = ("identity", "ts", "event", "partner", "lane")
    _check_columns(dict(zip(names, touches.columns(), strict=True)), TYPES)
    _check_ts(touches.ts)
    if lanes is not None and len(touches) and int((touches.lane & LANE_MASK).max()) >= lanes:
        raise BadColumns(f"lane: there is no lane {int((touches.lane & LANE_MASK).max())}, there are {lanes}")


@dataclass(frozen=True, slots=True)
class Shard:
    """A run of touches with its lanes, looked through once by `build`, so that no scan need do it again."""

    touches: Touches
    lanes: Lanes
    precedence: int
    """The highest that any touch has."""
    partners: int
    """One more than the largest number of a partner."""

    @classmethod
    def build(cls, touches: Touches, lanes: Lanes) -> "Shard":
        """Touches as `sort_touches` or `merge_touches` gave them. Raises BadColumns."""
        check_touches(touches, lanes.checked().offer.shape[0])
        precedence = int(touches.lane.max(initial=0)) >> LANE_BITS
        return cls(touches, lanes, precedence, int(touches.partner.max(initial=0)) + 1)


@dataclass(frozen=True, slots=True)
class Spans:
    """Conversions with their touches: places start to stop (C each) of one shard, by `kernels_runs.spans`."""

    conversions: Conversions
    start: Ints
    stop: Ints


def _check_columns(columns: dict[str, Array], types: tuple[type, ...]) -> None:
    lengths = {column.shape for column in columns.values()}
    for (name, column), kind in zip(columns.items(), types, strict=True):
        if column.dtype != kind or column.ndim != 1:
            raise BadColumns(
                f"{name}: a flat array of {np.dtype(kind)} is wanted, this is {column.ndim}-d {column.dtype}"
            )
    if len(lengths) != 1:
        raise BadColumns(f"columns are of one length, these have {sorted(n for (n,) in lengths)}")


def _check_ts(ts: Ints) -> None:
    try:
        check_instants(ts)
    except ValueError as error:
        raise BadColumns(f"ts: {error}") from None
