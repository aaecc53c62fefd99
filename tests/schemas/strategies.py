"""Hypothesis strategies for every Struct that a table consists of, by the types of its columns."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from schemas.columns import columns_of_struct
from schemas.events import STRUCT_OF, Kind

MICROS_MAX = 10_413_791_999_999_999
"""Latest instant that ClickHouse can store, in 2299."""
MONTH_US = 30 * 86_400_000_000
MONTHS_US = 1_700_000_000_000_000
"""Start of the twelve months of instants that one block may hold."""

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_maps = st.dictionaries(texts, texts, max_size=3)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "UInt8": st.integers(0, 2**8 - 1),
    "UInt16": st.integers(0, 2**16 - 1),
    "UInt32": st.integers(0, 2**32 - 1),
    "UInt64": st.integers(0, 2**64 - 1),
    "Int8": st.integers(-(2**7), 2**7 - 1),
    "Int64": st.integers(-(2**63), 2**63 - 1),
    "FixedString(16)": st.binary(min_size=16, max_size=16),
    "FixedString(27)": st.binary(min_size=27, max_size=27),
    "LowCardinality(String)": texts,
    "Map(LowCardinality(String), String)": _maps,
    "Map(String, String)": _maps,
    "Map(LowCardinality(String), UInt64)": st.dictionaries(texts, st.integers(0, 2**64 - 1), max_size=3),
    "Map(LowCardinality(String), Int64)": st.dictionaries(texts, st.integers(-(2**63), 2**63 - 1), max_size=3),
}


def structs_of(struct: type[msgspec.Struct], *, any_instant: bool = True) -> st.SearchStrategy[Any]:
    """Generate values of one Struct; without `any_instant`, instants lie in one year, so that they fit one block."""
    lowest, highest = (0, MICROS_MAX) if any_instant else (MONTHS_US, MONTHS_US + 11 * MONTH_US)
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for column in columns_of_struct(struct):
        if column.clickhouse.startswith("DateTime64"):
            fields[column.name] = st.integers(lowest, highest)
        elif column.clickhouse == "String":
            fields[column.name] = texts if column.arrow == "string" else st.binary(max_size=20)
        else:
            fields[column.name] = _VALUES[column.clickhouse]
    return st.builds(lambda **values: struct(**values), **fields)


def events() -> st.SearchStrategy[tuple[Kind, Any]]:
    """Generate any event with its kind."""
    return st.one_of([st.tuples(st.just(kind), structs_of(struct)) for kind, struct in STRUCT_OF.items()])
