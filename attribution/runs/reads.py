"""What a run reads, as of its time: its conversions, the programs they were priced under, and stitched touches."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pyarrow as pa

from attribution.core.journeys import ConversionColumns, Hashes, TouchRows
from attribution.runs.identity_map import NOBODY, IdentityMap
from attribution.runs.spec import RunSpec
from attribution.store.reads import NOT_LATE, RECEIVED, Parameters, Reads, digests
from attribution.store.shards import sql_shard_of
from schemas.ddl import DATABASE
from schemas.events import Conversion
from warehouse.port import Warehouse, scalar_of

_PASSES = f"SELECT shard, pass_id FROM {DATABASE}.passes WHERE ts <= fromUnixTimestamp64Micro({{as_of:Int64}}, 'UTC')"


class RunReads(Reads):
    """Reads of one run. With an identity map all of a person's identities are read as one."""

    def __init__(self, warehouse: Warehouse, spec: RunSpec, people: IdentityMap = NOBODY) -> None:
        super().__init__(warehouse, spec.as_of_us)
        self._spec, self._people = spec, people

    def count(self) -> int:
        """Conversions of the run's range that were there as of its time."""
        where, parameters = self._range()
        sql = f"SELECT toInt64(uniqExact(conversion_id)) FROM {DATABASE}.conversions WHERE {where}"
        return int(scalar_of(self._warehouse.query(sql, parameters)))

    def conversions(self, slice_number: int, slices: int) -> list[Conversion]:
        """Those of one slice, each once, by id."""
        where, parameters = self._range()
        where += f" AND {sql_shard_of('conversion_id', slices)} = {slice_number}" if slices > 1 else ""
        return self._conversions(f"{where} ORDER BY conversion_id LIMIT 1 BY conversion_id", parameters)

    def _range(self) -> tuple[str, Parameters]:
        where = (
            "event_ts >= fromUnixTimestamp64Micro({from:Int64}, 'UTC') "
            f"AND event_ts < fromUnixTimestamp64Micro({{to:Int64}}, 'UTC') AND {RECEIVED}"
        )
        return where, {"from": self._spec.from_us, "to": self._spec.to_us, **self._as_of()}

    def programs_of(self, ids: Collection[bytes]) -> dict[bytes, str]:
        """Hash of the program under which a pass had priced the conversion by then; those that none had are missing."""
        found: dict[bytes, str] = {}
        for chunk, parameters in digests(ids):
            table = self._warehouse.query(
                f"SELECT conversion_id, program_hash FROM {DATABASE}.revisions WHERE revision = 1 "
                f"AND conversion_id IN ({chunk}) AND (_partition, _batch) IN ({_PASSES})",
                {**parameters, **self._as_of()},
            )
            found.update(zip(*(column.to_pylist() for column in table.columns), strict=True))
        return found

    def touches_of(
        self, identities: Hashes, from_us: int | None = None, to_us: int | None = None
    ) -> tuple[TouchRows, dict[int, int]]:
        if self._people is NOBODY:
            return super().touches_of(identities, from_us, to_us)
        rows, oversized = super().touches_of(self._people.members(identities), from_us, to_us)
        return self.stitch_touches(rows), oversized

    def stitch_touches(self, rows: TouchRows) -> TouchRows:
        """The rows under their persons' canonical identities."""
        one = self._people.canonical_of
        return replace(rows, identity=one(rows.identity), visitor=one(rows.visitor), user=one(rows.user))

    def stitch_conversions(self, conversions: ConversionColumns) -> ConversionColumns:
        """The conversions under their persons' canonical identities."""
        return replace(conversions, identity=self._people.canonical_of(conversions.identity))


def identity_map(warehouse: Warehouse, as_of_us: int) -> IdentityMap:
    """The map of all visitors and users that touches known by then had at once. Raises WarehouseError."""
    table: pa.Table = warehouse.query(
        f"SELECT DISTINCT visitor, user FROM {DATABASE}.touches WHERE visitor != 0 AND user != 0 AND is_bot = 0 "
        f"AND ts <= fromUnixTimestamp64Micro({{as_of:Int64}}, 'UTC') AND {NOT_LATE}",
        {"as_of": as_of_us},
    )
    columns = [column.to_numpy() for column in table.columns]
    edges = np.stack(columns, axis=1).astype(np.uint64) if table.num_rows else np.zeros((0, 2), np.uint64)
    return IdentityMap.from_edges(edges)
