"""Columns of tables: names, ClickHouse types and Arrow types, all derived from the Structs."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from operator import attrgetter
from typing import Any, get_type_hints

import msgspec
import pyarrow as pa

from schemas.tables import TABLE, Table


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    clickhouse: str
    arrow: pa.DataType
    doc: str
    unit: str
    privacy: str
    codec: str


_ARROW: dict[str, pa.DataType] = {
    "UInt8": pa.uint8(),
    "UInt16": pa.uint16(),
    "UInt32": pa.uint32(),
    "UInt64": pa.uint64(),
    "Int8": pa.int8(),
    "Int64": pa.int64(),
    "DateTime64(6, 'UTC')": pa.timestamp("us", tz="UTC"),
    "FixedString(16)": pa.binary(16),
    "FixedString(27)": pa.binary(27),
    "LowCardinality(String)": pa.string(),
    "Map(LowCardinality(String), String)": pa.map_(pa.string(), pa.string()),
    "Map(String, String)": pa.map_(pa.string(), pa.string()),
    "Map(LowCardinality(String), UInt64)": pa.map_(pa.string(), pa.uint64()),
    "Map(LowCardinality(String), Int64)": pa.map_(pa.string(), pa.int64()),
}


def _arrow_of(clickhouse: str, python: Any) -> pa.DataType:
    if clickhouse == "String":
        return pa.binary() if python is bytes else pa.string()
    return _ARROW[clickhouse]


@functools.cache
def columns_of_struct(struct: type[msgspec.Struct]) -> tuple[Column, ...]:
    """Return the columns of one Struct in the order of its fields."""
    hints = get_type_hints(struct, include_extras=True)
    columns = []
    for name in struct.__struct_fields__:
        python, meta = hints[name].__origin__, hints[name].__metadata__[0]
        extra = meta.extra
        columns.append(
            Column(
                name,
                extra["clickhouse"],
                _arrow_of(extra["clickhouse"], python),
                meta.description,
                extra["unit"],
                extra["privacy"],
                extra["codec"],
            )
        )
    return tuple(columns)


@functools.cache
def columns_of(table: str) -> tuple[Column, ...]:
    """Return the columns of a base table in order."""
    spec: Table = TABLE[table]
    names = dict(spec.rename)
    found = []
    for struct in spec.structs:
        for column in columns_of_struct(struct):
            renamed = names.get(column.name, column.name)
            found.append(
                Column(renamed, column.clickhouse, column.arrow, column.doc, column.unit, column.privacy, column.codec)
            )
    return tuple(found)


@functools.cache
def arrow_schema(table: str) -> pa.Schema:
    """Return the Arrow schema of a base table."""
    return pa.schema([(column.name, column.arrow) for column in columns_of(table)])


def to_arrow(table: str, rows: Iterable[Sequence[msgspec.Struct]]) -> pa.Table:
    """Convert rows of one value per Struct of the table to Arrow. Raises ValueError if a value does not fit."""
    parts = list(zip(*rows, strict=True))
    return parts_to_arrow(table, parts) if parts else arrow_schema(table).empty_table()


def parts_to_arrow(table: str, parts: Sequence[Sequence[msgspec.Struct]]) -> pa.Table:
    """Convert rows given as one sequence of values per Struct, which is faster. Raises ValueError."""
    arrays: list[pa.Array] = []
    for struct, values in zip(TABLE[table].structs, parts, strict=True):
        arrays += arrays_of(table, struct, values)
    return pa.Table.from_arrays(arrays, schema=arrow_schema(table))


def arrays_of(table: str, struct: type[msgspec.Struct], values: Sequence[msgspec.Struct]) -> list[pa.Array]:
    """Convert one Struct's values to Arrow arrays. Raises ValueError, naming the column, if one does not fit."""
    arrays = []
    for column in columns_of_struct(struct):
        try:
            arrays.append(_array(list(map(attrgetter(column.name), values)), column.arrow))
        except (pa.ArrowInvalid, OverflowError, TypeError, UnicodeEncodeError) as error:
            raise ValueError(f"{table}.{column.name}: {error}") from error
    return arrays


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if not pa.types.is_map(kind):
        if values and values[0] == values[-1] and values.count(values[0]) == len(values):
            return pa.repeat(pa.scalar(values[0], kind), len(values))  # costs less than to convert each
        return pa.array(values, kind)
    offsets = list(accumulate(map(len, values), initial=0))
    keys = pa.array(list(chain.from_iterable(values)), kind.key_type)
    items = pa.array(list(chain.from_iterable(map(dict.values, values))), kind.item_type)
    return pa.MapArray.from_arrays(pa.array(offsets, pa.int32()), keys, items)
