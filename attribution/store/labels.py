"""Names of partners, offers and goals in clew.labels, for processes that have no program file.

Only changes are written. The latest row of a key counts; an empty name means that the key was removed.
"""

import secrets
from collections.abc import Iterable
from typing import NamedTuple

from program.labels import LabelKey, Labels, labels_of
from schemas.columns import to_arrow
from schemas.ddl import DATABASE
from schemas.tables import LabelRow
from warehouse.port import Warehouse, rows_of

_BLOCK_ROWS_MAX = 100_000


class _Stored(NamedTuple):
    names: dict[LabelKey, str]
    newest_us: int


def stored_labels(warehouse: Warehouse) -> Labels:
    """Return the names stored last. Raises WarehouseError."""
    return labels_of({key: name for key, name in _read(warehouse).names.items() if name})


def store_labels(warehouse: Warehouse, labels: Labels, now_us: int) -> None:
    """Store the names that differ from the stored ones. Raises WarehouseError."""
    stored, names = _read(warehouse), labels.by_key()
    # The order of loading counts, even if this machine's clock is behind the newest row.
    ts_us = max(now_us, stored.newest_us + 1)
    rows = [
        LabelRow(*key, names.get(key, ""), ts_us)
        for key in sorted(names.keys() | stored.names.keys())
        if names.get(key, "") != stored.names.get(key, "")
    ]
    for block in _blocks(rows):
        warehouse.insert("labels", to_arrow("labels", [(row,) for row in block]), f"labels:{secrets.token_hex(8)}")


def _blocks(rows: list[LabelRow]) -> Iterable[list[LabelRow]]:
    return (rows[low : low + _BLOCK_ROWS_MAX] for low in range(0, len(rows), _BLOCK_ROWS_MAX))


def _read(warehouse: Warehouse) -> _Stored:
    table = warehouse.query(
        "SELECT kind, number, goal, argMax(name, ts) AS last, toUnixTimestamp64Micro(max(ts)) AS changed_us "
        f"FROM {DATABASE}.labels GROUP BY kind, number, goal"
    )
    rows = rows_of(table)
    names = {LabelKey(row["kind"], row["number"], row["goal"]): row["last"] for row in rows}
    return _Stored(names, max((row["changed_us"] for row in rows), default=0))
