"""docs/reference/tables.md says of the views what the engine says of them."""

import pytest

from schemas.ddl import views
from schemas.tables import TABLES
from tools.reference_docs import render, view_columns
from warehouse.port import Warehouse, rows_of


@pytest.mark.parametrize("view", views())
def test_views_are_described_as_they_are(warehouse: Warehouse, view: str) -> None:
    described = rows_of(warehouse.query(f"DESCRIBE TABLE analyst.{view}"))
    told = view_columns(view)
    assert [(name, kind) for name, kind, _ in told] == [(row["name"], row["type"]) for row in described]
    assert [name for name, _, doc in told if not doc.endswith(".") and name not in ALIKE] == []


ALIKE = {f"sub{n}" for n in range(2, 31)}


def test_every_table_and_field_is_told() -> None:
    pages = render()
    assert pages == render()
    for table in TABLES:
        assert f"### clew.{table.name}\n" in pages["docs/reference/tables.md"]
        for struct in table.structs:
            for name in struct.__struct_fields__:
                renamed = dict(table.rename).get(name, name)
                assert f"| `{renamed}` |" in pages["docs/reference/tables.md"]
