"""Cursor of attribution: positions per log and partition, stored as JSON in each pass. Pure."""

from collections.abc import Mapping

import msgspec

Positions = dict[str, int]
"""Offsets by place (log and partition); every record before an offset is done."""


class LateScan(msgspec.Struct, frozen=True):
    """Unfinished scan of touches up to `to`; conversions up to `after` (hex, in order of id) are done."""

    to: Positions
    after: str = ""


class Cursor(msgspec.Struct, frozen=True):
    """Credited range: conversions and adjustments before `conversions`, with every touch before `hits`."""

    conversions: Positions = {}
    hits: Positions = {}
    late: LateScan | None = None
    shards: int = 1
    """Number of shards; it never changes."""


def partition_key(log_id: str, partition: int) -> str:
    """Return the name of a partition of one log; a recreated log gets different names."""
    return f"{log_id}:{partition}"


def split_partition_key(name: str) -> tuple[str, int]:
    """Split a place into log identity and partition."""
    log_id, _, partition = name.rpartition(":")
    return log_id, int(partition)


def encode(cursor: Cursor) -> str:
    """Encode the cursor as JSON with sorted keys."""
    return msgspec.json.encode(cursor, order="sorted").decode()


def decode(text: str) -> Cursor:
    """Decode the output of `encode`."""
    return msgspec.json.decode(text, type=Cursor)


def advance(before: Mapping[str, int], to: Mapping[str, int]) -> Positions:
    """Return the higher position of each place; positions never go back."""
    return {name: max(before.get(name, 0), to.get(name, 0)) for name in sorted({*before, *to})}


def span(before: Mapping[str, int], to: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Return the non-empty ranges [lo, hi) between two positions, per place."""
    return {n: (before.get(n, 0), hi) for n, hi in sorted(to.items()) if hi > before.get(n, 0)}


def clipped(before: Mapping[str, int], to: Mapping[str, int], rows_max: int) -> Positions:
    """Return `to`, limited to `rows_max` beyond `before` in each place."""
    return {name: min(hi, before.get(name, 0) + rows_max) for name, hi in sorted(to.items())}
