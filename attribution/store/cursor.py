"""How far attribution has come: positions per log and partition, as JSON in each pass. Pure."""

from collections.abc import Mapping

import msgspec

Positions = dict[str, int]
"""Offsets by place; everything before an offset is done."""


class Late(msgspec.Struct, frozen=True):
    """Touches up to `to` are being looked through; conversions up to `after` (hex, in order of id) are done."""

    to: Positions
    after: str = ""


class Cursor(msgspec.Struct, frozen=True):
    """What is credited: conversions and adjustments before these offsets, with every touch before those."""

    conversions: Positions = {}
    hits: Positions = {}
    late: Late | None = None
    shards: int = 1
    """How many shards there were; it can never change."""


def place(log_id: str, partition: int) -> str:
    """Name of a partition of one log; a log that is made anew has another one."""
    return f"{log_id}:{partition}"


def place_parts(name: str) -> tuple[str, int]:
    """Log identity and partition of a place."""
    log_id, _, partition = name.rpartition(":")
    return log_id, int(partition)


def encode(cursor: Cursor) -> str:
    """The cursor as JSON, keys sorted."""
    return msgspec.json.encode(cursor, order="sorted").decode()


def decode(text: str) -> Cursor:
    """The cursor that `encode` wrote."""
    return msgspec.json.decode(text, type=Cursor)


def advance(before: Mapping[str, int], to: Mapping[str, int]) -> Positions:
    """Positions never go back: the further one of each place."""
    return {name: max(before.get(name, 0), to.get(name, 0)) for name in sorted({*before, *to})}


def span(before: Mapping[str, int], to: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """What lies between, per place: [lo, hi), only where there is something."""
    return {n: (before.get(n, 0), hi) for n, hi in sorted(to.items()) if hi > before.get(n, 0)}


def clipped(before: Mapping[str, int], to: Mapping[str, int], rows_max: int) -> Positions:
    """`to`, but at most `rows_max` beyond `before` in each place."""
    return {name: min(hi, before.get(name, 0) + rows_max) for name, hi in sorted(to.items())}
