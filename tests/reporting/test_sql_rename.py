"""`clew sql` on an installation with other database names: users still write `analyst`."""

from collections.abc import Iterator
from typing import Any

import pytest

from reporting.sql.guard import SqlRefused
from reporting.sql.run import run_sql
from runtime.settings import ApiSettings
from schemas.columns import to_arrow
from schemas.tables import Enrichment, Source
from tests.schemas.samples import touch
from tests.servers.clickhouse import GivenServer
from tests.servers.warehouses import migrated
from warehouse.port import Warehouse

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def elsewhere(clickhouse: GivenServer) -> Iterator[Warehouse]:
    with migrated(clickhouse) as warehouse:
        rows = [(touch(n, link=f"l{n}"), Enrichment(), Source("log", "hits", 0, n, 0)) for n in range(3)]
        warehouse.insert("clicks", to_arrow("clicks", rows), "token")
        yield warehouse


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT link FROM clicks ORDER BY link", [["l0"], ["l1"], ["l2"]]),
        ("SELECT analyst.clicks.link FROM analyst.clicks ORDER BY 1 LIMIT 1", [["l0"]]),
        ("SELECT analyst.clicks.COLUMNS('^link$') FROM analyst.clicks ORDER BY 1 LIMIT 1", [["l0"]]),
        ("SELECT count() FROM clicks WHERE click_id IN (SELECT click_id FROM analyst.clicks)", [[3]]),
        ("SELECT count() FROM clicks AS a JOIN analyst.clicks AS b ON a.click_id = b.click_id", [[3]]),
        ("SELECT analyst.number FROM numbers(2) AS analyst", [[0], [1]]),
        ("SELECT 'analyst.clicks' AS x", [["analyst.clicks"]]),
        ("WITH clicks AS (SELECT 1 AS x) SELECT * FROM clicks", [[1]]),
        ("WITH clicks AS (SELECT 1 AS x) SELECT count() FROM analyst.clicks", [[3]]),
        ("SHOW TABLES FROM analyst LIKE 'cl%'", [["clicks"]]),
    ],
)
def test_statements_use_the_names_of_the_installation(elsewhere: Warehouse, sql: str, rows: list[Any]) -> None:
    assert run_sql(elsewhere, sql, ApiSettings()).rows == rows


@pytest.mark.parametrize(
    "sql",
    [
        "DESCRIBE analyst.clicks", "DESCRIBE (SELECT * FROM analyst.clicks)", "SHOW COLUMNS FROM analyst.clicks",
        "SHOW CREATE TABLE analyst.clicks", "EXPLAIN header = 1 SELECT * FROM analyst.clicks",
        "EXPLAIN AST SELECT * FROM analyst.clicks", "DESCRIBE clicks", "SHOW TABLES",
    ],
)  # fmt: skip
def test_describe_uses_the_names_of_the_installation(elsewhere: Warehouse, sql: str) -> None:
    assert run_sql(elsewhere, sql, ApiSettings()).rows


def test_base_tables_are_refused(elsewhere: Warehouse) -> None:
    database = elsewhere.analyst.removesuffix("_analyst")
    for name in (f"{database}.clicks", f"{elsewhere.analyst}.clicks", "clew.clicks", "system.users"):
        with pytest.raises(SqlRefused, match="reads database analyst only"):
            run_sql(elsewhere, f"SELECT * FROM {name}", ApiSettings())
