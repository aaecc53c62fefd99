"""Statements for a cluster. Replication needs a keeper, so these tests let the engine parse them but not run them."""

import pytest

from schemas.cluster import LOCAL, SHARD_KEYS, on_cluster
from schemas.columns import columns_of
from schemas.ddl import REPLICATED, Storage, create_tables, create_views
from schemas.tables import TABLES, Table
from warehouse.migrate import migration_files, statements
from warehouse.port import Warehouse, rows_of

STORAGE = Storage(engine=REPLICATED, dedup_window_blocks=4_321, dedup_window_s=86_400, definer=True)
CHANGES = [
    "ALTER TABLE clew.clicks ADD COLUMN IF NOT EXISTS x UInt8 AFTER ts",
    "ALTER TABLE clew.intents DROP PARTITION (0, 1)",
    "ALTER TABLE clew.clicks DELETE WHERE _offset = 1 SETTINGS mutations_sync = 2",
    "DELETE FROM clew.dead_letters WHERE error = {error:String}",
    "TRUNCATE TABLE clew.clicks",
    "DROP TABLE IF EXISTS clew.clicks",
    "DROP DATABASE IF EXISTS analyst",
]
EVERYTHING = [
    *create_tables(STORAGE),
    *create_views(definer=True),
    *(made for path in migration_files() for made in statements(path.read_text("utf-8"), STORAGE)),
    *CHANGES,
]


def parsed(warehouse: Warehouse, statement: str) -> str:
    """Return the statement as the engine formats it."""
    rows = rows_of(warehouse.query("SELECT formatQuerySingleLine({text:String}) AS line", {"text": statement}))
    line: str = rows[0]["line"]
    return line


def test_the_engine_reads_every_statement(warehouse: Warehouse) -> None:
    for statement in EVERYTHING:
        for made in on_cluster(statement, "all_of_it"):
            assert "ON CLUSTER all_of_it" in parsed(warehouse, made)


def test_every_migration_makes_both_tables() -> None:
    """Every table of a migration is created twice: replicated, and distributed over the replicas."""
    for path in migration_files():
        for statement in statements(path.read_text("utf-8"), STORAGE):
            if not statement.startswith("CREATE TABLE"):
                continue
            local, distributed = on_cluster(statement, "c")
            assert f"ENGINE = {REPLICATED}" in local and f"{LOCAL} ON CLUSTER 'c'" in local
            assert "replicated_deduplication_window = 4321" in local
            assert "replicated_deduplication_window_seconds = 86400" in local
            assert "ENGINE = Distributed('c', clew, " in distributed


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_shard_keys_are_functions_of_the_row(warehouse: Warehouse, table: Table) -> None:
    """A repeated insert has to reach the same shards, so the key of the same rows must not change."""
    structure = ", ".join(f"`{column.name}` {column.clickhouse}" for column in columns_of(table.name))
    keys = f"SELECT {SHARD_KEYS[table.name]} AS key FROM generateRandom({{structure:String}}, 1, 2, 2) LIMIT 50"
    first, second = (warehouse.query(keys, {"structure": structure}).column(0).to_pylist() for _ in range(2))
    assert first == second and len(first) == 50
    assert all(isinstance(key, int) for key in first)


@pytest.mark.parametrize(
    ("statement", "made"),
    [
        (
            "ALTER TABLE clew.clicks ADD COLUMN x UInt8",
            [
                "ALTER TABLE clew.clicks_local ON CLUSTER 'c' ADD COLUMN x UInt8",
                "ALTER TABLE clew.clicks ON CLUSTER 'c' ADD COLUMN x UInt8",
            ],
        ),
        (
            "ALTER TABLE clew.intents DROP PARTITION (0, 1)",
            ["ALTER TABLE clew.intents_local ON CLUSTER 'c' DROP PARTITION (0, 1)"],
        ),
        ("TRUNCATE TABLE clew.clicks", ["TRUNCATE TABLE clew.clicks_local ON CLUSTER 'c'"]),
        ("DELETE FROM clew.clicks WHERE 1", ["DELETE FROM clew.clicks_local ON CLUSTER 'c' WHERE 1"]),
        (
            "DROP TABLE clew.clicks",
            ["DROP TABLE clew.clicks ON CLUSTER 'c'", "DROP TABLE clew.clicks_local ON CLUSTER 'c'"],
        ),
        ("CREATE DATABASE IF NOT EXISTS clew", ["CREATE DATABASE IF NOT EXISTS clew ON CLUSTER 'c'"]),
        (
            "CREATE OR REPLACE VIEW analyst.x AS SELECT 1",
            ["CREATE OR REPLACE VIEW analyst.x ON CLUSTER 'c' AS SELECT 1"],
        ),
        ("INSERT INTO clew.migrations (name) VALUES ('x')", ["INSERT INTO clew.migrations (name) VALUES ('x')"]),
        ("SYSTEM FLUSH LOGS", ["SYSTEM FLUSH LOGS"]),
    ],
)
def test_statements_are_rewritten_for_a_cluster(statement: str, made: list[str]) -> None:
    assert on_cluster(statement, "c") == made


def test_a_table_without_a_key_is_named() -> None:
    with pytest.raises(ValueError, match="table news has no shard key"):
        on_cluster("CREATE TABLE clew.news (x UInt8) ENGINE = MergeTree ORDER BY x", "c")
