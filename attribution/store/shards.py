"""Sharding of conversions: a shard is the residue of the conversion id. Pure.

The number of shards is fixed by the first pass of an installation; every pass records it.
"""

from typing import NamedTuple

from attribution.core.revisions import TABLES, Rows


def shard_of(conversion_id: bytes, shards: int) -> int:
    """Return the shard of a conversion: the first 8 bytes of its id, big endian, modulo the number of shards."""
    return int.from_bytes(conversion_id[:8], "big") % shards


def sql_shard_of(column: str, shards: int) -> str:
    """Return SQL that computes `shard_of` for a FixedString(16) column."""
    return f"byteSwap(reinterpretAsUInt64(substring({column}, 1, 8))) % {shards}"


class Shards(NamedTuple):
    """The shards `own` out of `total` shards."""

    total: int
    own: tuple[int, ...]

    def sql(self, column: str) -> str:
        """Return the SQL condition that a conversion belongs to these shards; constant if these are all shards."""
        if len(self.own) == self.total:
            return "1"
        return f"{sql_shard_of(column, self.total)} IN ({', '.join(str(shard) for shard in self.own)})"

    def split(self, rows: Rows) -> dict[int, Rows]:
        """Split the rows of a pass by shard, keeping their order. Shards without rows are left out."""
        if len(self.own) == 1:
            return {self.own[0]: rows}
        by_shard: dict[int, Rows] = {}
        for name in TABLES:
            for row in getattr(rows, name):
                shard = shard_of(row.conversion_id, self.total)
                shard_rows = by_shard.get(shard) or by_shard.setdefault(shard, Rows())
                getattr(shard_rows, name).append(row)
        return by_shard


ALL = Shards(1, (0,))
"""Single process that owns every shard."""
