"""Migrations come to what the Structs say, once each, and a warehouse that does not fit is left alone."""

import shutil
from pathlib import Path

import pytest

from schemas.ddl import DATABASE, Storage, create_tables, table_names
from schemas.tables import TABLES
from warehouse import migrate as module
from warehouse.migrate import MigrationError, migrate, migration_files, statements
from warehouse.port import Warehouse, rows_of, scalar_of

STORAGE = Storage(dedup_window_blocks=10_000, fsync=False)
DERIVED = "derived"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of migrations that a test may change."""
    copy = tmp_path / "migrations"
    shutil.copytree(migration_files()[0].parent, copy)
    monkeypatch.setattr(module, "_FOLDER", copy)
    return copy


DESCRIPTIONS = {
    "columns": "SELECT table, name, type, position, default_kind, comment, compression_codec, is_in_partition_key, "
    "is_in_sorting_key, is_in_primary_key FROM system.columns WHERE database = {database:String} "
    "AND table IN {tables:Array(String)} ORDER BY table, position",
    "tables": "SELECT name, engine, partition_key, sorting_key, primary_key, sampling_key, comment, "
    "replaceOne(engine_full, 'index_granularity = 8192, ', '') AS engine_full FROM system.tables "
    "WHERE database = {database:String} AND name IN {tables:Array(String)} ORDER BY name",
    "indexes": "SELECT table, name, type_full, expr, granularity FROM system.data_skipping_indices "
    "WHERE database = {database:String} AND table IN {tables:Array(String)} ORDER BY table, name",
}


@pytest.mark.parametrize("what", DESCRIPTIONS)
def test_all_migrations_come_to_the_derived_tables(warehouse: Warehouse, what: str) -> None:
    """The other way to read a failure: a Struct was changed and the migration is missing."""
    try:
        for statement in create_tables(STORAGE):
            warehouse.execute(statement.replace(f"{DATABASE}.", f"{DERIVED}.").replace(DATABASE, DERIVED, 1))
        migrated, derived = (
            rows_of(warehouse.query(DESCRIPTIONS[what], {"database": name, "tables": list(table_names())}))
            for name in (DATABASE, DERIVED)
        )
        assert len(derived) >= sum(len(table.indexes) for table in TABLES)
        assert migrated == derived
    finally:
        warehouse.execute(f"DROP DATABASE IF EXISTS {DERIVED}")


def test_there_is_no_table_beside(warehouse: Warehouse) -> None:
    found = warehouse.query(f"SELECT name FROM system.tables WHERE database = '{DATABASE}'").column(0).to_pylist()
    assert set(found) == {*table_names(), "migrations"}


def test_an_installation_chooses_its_storage() -> None:
    storage = Storage("ReplicatedMergeTree", 4_321, True)
    every = [one for path in migration_files() for one in statements(path.read_text("utf-8"), storage)]
    assert not any("$" in statement for statement in every)
    made = [statement for statement in every if statement.startswith("CREATE TABLE")]
    assert len(made) == len(table_names())
    for statement in made:
        assert "ENGINE = ReplicatedMergeTree" in statement and "$" not in statement
        assert "deduplication_window = 4321, fsync_after_insert = 1, fsync_part_directory = 1" in statement


def test_every_table_remembers_tokens(warehouse: Warehouse) -> None:
    """The engine's own default is to remember none."""
    found = warehouse.query(
        "SELECT name FROM system.tables WHERE database = {database:String} "
        "AND engine_full NOT LIKE '%non_replicated_deduplication_window = 10000%'",
        {"database": DATABASE},
    )
    assert found.column(0).to_pylist() == ["migrations"]


def test_a_second_run_applies_nothing(warehouse: Warehouse) -> None:
    assert migrate(warehouse, STORAGE) == []
    assert scalar_of(warehouse.query(f"SELECT count() FROM {DATABASE}.migrations")) == len(migration_files())


def test_a_run_that_was_cut_off_is_finished(warehouse: Warehouse) -> None:
    """Killed before it could note the migration: its statements run again, on tables with rows."""
    warehouse.execute(f"INSERT INTO {DATABASE}.dead_letters (error) VALUES ('kept')")
    warehouse.execute(f"DROP TABLE {DATABASE}.programs")
    warehouse.execute(f"TRUNCATE TABLE {DATABASE}.migrations")
    assert migrate(warehouse, STORAGE) == [path.name for path in migration_files()]
    assert scalar_of(warehouse.query(f"SELECT error FROM {DATABASE}.dead_letters")) == "kept"
    assert scalar_of(warehouse.query(f"SELECT count() FROM {DATABASE}.programs")) == 0


def test_a_new_migration_is_applied_once(warehouse: Warehouse, folder: Path) -> None:
    (folder / "9999_extra.sql").write_text("CREATE TABLE clew.extra (x String) ENGINE = $engine ORDER BY x;\n")
    (folder / "notes.sql").write_text("not a migration")
    try:
        assert migrate(warehouse, STORAGE) == ["9999_extra.sql"]
        assert migrate(warehouse, STORAGE) == []
    finally:
        warehouse.execute("DROP TABLE IF EXISTS clew.extra")
        warehouse.execute(f"DELETE FROM {DATABASE}.migrations WHERE name = '9999_extra.sql'")


def test_a_failed_migration_is_named_and_tried_again(warehouse: Warehouse, folder: Path) -> None:
    (folder / "9999_bad.sql").write_text("CREATE TABLE clew.bad (x Nothing_like_it) ENGINE = $engine ORDER BY x;\n")
    for _ in range(2):
        with pytest.raises(MigrationError, match=r"9999_bad\.sql failed"):
            migrate(warehouse, STORAGE)
    assert scalar_of(warehouse.query(f"SELECT count() FROM {DATABASE}.migrations")) == len(migration_files()) - 1


def test_a_changed_migration_is_refused(warehouse: Warehouse, folder: Path) -> None:
    first = folder / migration_files()[0].name
    first.write_text(first.read_text("utf-8") + "\n")
    with pytest.raises(MigrationError, match="changed after it was applied"):
        migrate(warehouse, STORAGE)


def test_a_warehouse_of_a_newer_clew_is_refused(warehouse: Warehouse, folder: Path) -> None:
    (folder / migration_files()[0].name).unlink()
    with pytest.raises(MigrationError, match="newer Clew"):
        migrate(warehouse, STORAGE)


def test_views_that_were_damaged_are_made_anew(warehouse: Warehouse) -> None:
    warehouse.execute("CREATE OR REPLACE VIEW analyst.clicks AS SELECT 1 AS wrong")
    migrate(warehouse, STORAGE)
    assert "click_id" in warehouse.query("SELECT * FROM analyst.clicks").column_names
