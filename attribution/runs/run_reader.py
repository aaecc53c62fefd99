"""Read the data of a run as of its time: conversions, the programs they were priced under, and stitched touches."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pyarrow as pa

from attribution.core.journeys import ConversionColumns, Hashes, TouchRows
from attribution.runs.identity_map import EMPTY_MAP, IdentityMap
from attribution.runs.spec import RunSpec
from attribution.store.as_of import AsOf, Parameters
from attribution.store.conversion_reader import ConversionReader
from attribution.store.id_sets import digest_sets
from attribution.store.shards import sql_shard_of
from attribution.store.touch_table import TouchTable
from schemas.ddl import DATABASE
from schemas.events import Adjustment, Conversion
from warehouse.port import Warehouse, scalar_of


class StitchedTouches:
    """Touches under the canonical identities of an identity map: all of a person's identities are read as one."""

    def __init__(self, table: TouchTable, people: IdentityMap) -> None:
        self._table, self._people = table, people

    def touches_of(
        self, identities: Hashes, from_us: int | None = None, to_us: int | None = None
    ) -> tuple[TouchRows, dict[int, int]]:
        """Return the touches of the persons who have any of these identities, and the oversized identities."""
        if self._people is EMPTY_MAP:
            return self._table.touches_of(identities, from_us, to_us)
        rows, oversized = self._table.touches_of(self._people.members(identities), from_us, to_us)
        canonical_of = self._people.canonical_of
        stitched = replace(
            rows,
            identity=canonical_of(rows.identity),
            visitor=canonical_of(rows.visitor),
            user=canonical_of(rows.user),
        )
        return stitched, oversized


class RunReader:
    """Data of one run. With an identity map, `touches` and `stitch` bring all identities of a person together."""

    def __init__(self, warehouse: Warehouse, spec: RunSpec, people: IdentityMap = EMPTY_MAP) -> None:
        self._warehouse, self._spec, self._people = warehouse, spec, people
        self._as_of = AsOf(spec.as_of_us)
        self._conversions = ConversionReader(warehouse)
        self.touch_table = TouchTable(warehouse, self._as_of)
        self.touches = StitchedTouches(self.touch_table, people)

    def count(self) -> int:
        """Count the conversions of the run's range that were stored as of its time."""
        where, parameters = self._range()
        sql = f"SELECT toInt64(uniqExact(conversion_id)) FROM {DATABASE}.conversions WHERE {where}"
        return int(scalar_of(self._warehouse.query(sql, parameters)))

    def conversions(self, slice_number: int, slices: int) -> list[Conversion]:
        """Return the conversions of one slice, each once, by id."""
        where, parameters = self._range()
        where += f" AND {sql_shard_of('conversion_id', slices)} = {slice_number}" if slices > 1 else ""
        return self._conversions.select(f"{where} ORDER BY conversion_id LIMIT 1 BY conversion_id", parameters)

    def _range(self) -> tuple[str, Parameters]:
        where = (
            "event_ts >= fromUnixTimestamp64Micro({from:Int64}, 'UTC') "
            f"AND event_ts < fromUnixTimestamp64Micro({{to:Int64}}, 'UTC') AND {self._as_of.received}"
        )
        return where, {"from": self._spec.from_us, "to": self._spec.to_us, **self._as_of.parameters}

    def adjustments_of(self, ids: Collection[bytes]) -> dict[bytes, tuple[Adjustment, ...]]:
        """Return the adjustments of conversions that were stored as of the run's time, by conversion."""
        return self._conversions.adjustments_of(ids, self._as_of)

    def programs_of(self, ids: Collection[bytes]) -> dict[bytes, str]:
        """Return the hash of the program that a pass had priced each conversion under by then, where any had."""
        passes = f"SELECT shard, pass_id FROM {DATABASE}.passes WHERE {self._as_of.received}"
        programs: dict[bytes, str] = {}
        for chunk, parameters in digest_sets(ids):
            table = self._warehouse.query(
                f"SELECT conversion_id, program_hash FROM {DATABASE}.revisions WHERE revision = 1 "
                f"AND conversion_id IN ({chunk}) AND (_partition, _batch) IN ({passes})",
                {**parameters, **self._as_of.parameters},
            )
            programs.update(zip(*(column.to_pylist() for column in table.columns), strict=True))
        return programs

    def stitch(self, conversions: ConversionColumns) -> ConversionColumns:
        """Return the conversions under their persons' canonical identities."""
        return replace(conversions, identity=self._people.canonical_of(conversions.identity))


def identity_map(warehouse: Warehouse, as_of_us: int) -> IdentityMap:
    """Build the map of all pairs of visitor and user in touches received by then. Raises WarehouseError."""
    as_of = AsOf(as_of_us)
    table: pa.Table = warehouse.query(
        f"SELECT DISTINCT visitor, user FROM {DATABASE}.touches WHERE visitor != 0 AND user != 0 AND is_bot = 0 "
        f"AND {as_of.touch_happened}",
        as_of.parameters,
    )
    columns = [column.to_numpy() for column in table.columns]
    edges = np.stack(columns, axis=1).astype(np.uint64) if table.num_rows else np.zeros((0, 2), np.uint64)
    return IdentityMap.from_edges(edges)
