"""Columns, Arrow schemas and CREATE statements follow from the Structs; errors name the value that does not fit."""

import re
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.columns import arrow_schema, columns_of, columns_of_struct, to_arrow
from schemas.ddl import Storage, create_table, create_tables, create_views, table_names, views
from schemas.events import STRUCT_OF
from schemas.tables import TABLE, TABLES, Source
from tests.schemas.samples import conversion, touch
from tests.schemas.strategies import structs_of

SOURCE = Source("ab" * 16, "hits", 0, 1, 0)
STRUCTS = sorted({struct for table in TABLES for struct in table.structs}, key=lambda struct: struct.__name__)


@pytest.mark.parametrize("struct", STRUCTS)
def test_every_field_is_described(struct: type[msgspec.Struct]) -> None:
    for column in columns_of_struct(struct):
        assert column.doc.endswith("."), column
        assert column.privacy in ("none", "pseudonym", "personal")
        assert column.unit or not column.clickhouse.startswith("DateTime")
        if column.name.endswith(("_minor", "_e4", "_e12")):
            assert column.unit, f"{column.name} has no unit"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_tables_name_columns_that_they_have(table: Any) -> None:
    names = [column.name for column in columns_of(table.name)]
    assert len(names) == len(set(names))
    words = set(re.findall(r"\b[a-z_]+\b", f"{table.order_by} {table.partition_by} {' '.join(table.indexes)}"))
    functions = {"toYYYYMM", "int", "iv", "minmax", "bloom_filter", "by_offset", "by_conversion"}
    assert words - functions <= set(names)
    assert len(create_table(table, Storage()).split("\nORDER BY")) == 2


def test_events_have_tables() -> None:
    stored = {struct for table in TABLES for struct in table.structs}
    assert set(STRUCT_OF.values()) <= stored
    assert table_names() == tuple(TABLE) == tuple(table.name for table in TABLES)
    assert len(create_tables(Storage())) == len(TABLES) + 1
    assert len(create_views()) == len(views()) + 1


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@settings(max_examples=20)
@given(data=st.data())
def test_rows_become_columns(table: Any, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.tuples(*(structs_of(struct) for struct in table.structs)), max_size=4))
    found = to_arrow(table.name, rows)
    assert found.schema == arrow_schema(table.name)
    values = [tuple(value for part in row for value in msgspec.structs.astuple(part)) for row in rows]
    assert plain(found) == values


def plain(table: pa.Table) -> list[tuple[Any, ...]]:
    """Convert rows to the form of the Structs: instants as integers, maps as dicts."""
    arrays = [column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column for column in table.columns]
    return [
        tuple(dict(value) if isinstance(value, list) else value for value in row)
        for row in zip(*(array.to_pylist() for array in arrays), strict=True)
    ]


def test_no_rows_make_an_empty_table() -> None:
    assert to_arrow("clicks", []).num_rows == 0
    assert to_arrow("clicks", []).schema == arrow_schema("clicks")


@pytest.mark.parametrize(
    ("event", "column"),
    [
        (conversion("t", amount_minor=2**63), "amount_minor"),
        (conversion("t", offer_id=2**32), "offer_id"),
        (conversion("t", click_id=bytes(26)), "click_id"),
        (conversion("t", goal=1), "goal"),
        (conversion("t", txn_id="\ud800"), "txn_id"),
        (conversion("t", custom={"a": 1}), "custom"),
        (conversion("t", ts=2**63), "ts"),
    ],
)
def test_an_error_names_the_column_that_does_not_fit(event: Any, column: str) -> None:
    with pytest.raises(ValueError, match=f"conversions.{column}"):
        to_arrow("conversions", [(conversion("ok"), SOURCE), (event, SOURCE)])


def test_rows_of_another_table_are_refused() -> None:
    with pytest.raises((ValueError, AttributeError)):
        to_arrow("conversions", [(touch(1), SOURCE)])
