"""Which conversions a worker works: a shard is a residue of the conversion's own id. Pure.

The number of shards is fixed when an installation attributes for the first time: every pass records it.
"""

from typing import NamedTuple

from attribution.core.revisions import TABLES, Rows


def shard_of(conversion_id: bytes, shards: int) -> int:
    """The shard of a conversion: the first 8 bytes of its id, big endian, modulo the number of shards."""
    return int.from_bytes(conversion_id[:8], "big") % shards


def sql_shard_of(column: str, shards: int) -> str:
    """SQL: the same of a FixedString(16) column."""
    return f"byteSwap(reinterpretAsUInt64(substring({column}, 1, 8))) % {shards}"


class Shards(NamedTuple):
    """The shards `mine`, out of `of`."""

    of: int
    mine: tuple[int, ...]

    def sql(self, column: str) -> str:
        """SQL: the conversion is one of these shards'. Free when they are all shards."""
        if len(self.mine) == self.of:
            return "1"
        return f"{sql_shard_of(column, self.of)} IN ({', '.join(str(shard) for shard in self.mine)})"

    def split(self, rows: Rows) -> dict[int, Rows]:
        """The rows of a pass by shard, in their order; shards without rows are left out."""
        if len(self.mine) == 1:
            return {self.mine[0]: rows}
        found: dict[int, Rows] = {}
        for name in TABLES:
            for row in getattr(rows, name):
                shard = shard_of(row.conversion_id, self.of)
                mine = found.get(shard) or found.setdefault(shard, Rows())
                getattr(mine, name).append(row)
        return found


ALL = Shards(1, (0,))
"""One process works everything."""
