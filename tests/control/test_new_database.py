"""A new database has the tables, indexes, constraints and triggers that the migrations leave one by one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from control.address import ControlAddress, PostgresServer, SqliteFile
from control.migrate import migrate
from runtime.user_error import UserError
from tests.control.databases import TestDatabase, postgres_database

_SQLITE = {
    "columns": "SELECT m.name, c.name, c.type, c.'notnull', c.dflt_value, c.pk, c.hidden FROM sqlite_master m, "
    "pragma_table_xinfo(m.name) c WHERE m.type = 'table'",
    "references": "SELECT m.name, f.'from', f.'table', f.'to', f.on_update, f.on_delete FROM sqlite_master m, "
    "pragma_foreign_key_list(m.name) f WHERE m.type = 'table'",
    "unique": "SELECT m.name, i.'unique', i.origin, i.partial, (SELECT group_concat(name) FROM pragma_index_info("
    "i.name)) FROM sqlite_master m, pragma_index_list(m.name) i WHERE m.type = 'table'",
    "indexes and triggers": "SELECT type, name, sql FROM sqlite_master WHERE type <> 'table' AND sql IS NOT NULL",
    "migrations": "SELECT app, name FROM django_migrations",
}
_POSTGRESQL = {
    "columns": "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default, "
    "is_identity FROM information_schema.columns WHERE table_schema = 'public'",
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), condeferrable, condeferred "
    "FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
    "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "triggers": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "functions": "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "migrations": "SELECT app, name FROM django_migrations",
}
Schema = dict[str, list[tuple[object, ...]]]


def _schema() -> Schema:
    """Return what the catalogue says of the database in use, and the constraints that tables of SQLite check."""
    queries = _SQLITE if connection.vendor == "sqlite" else _POSTGRESQL
    found: Schema = {}
    with connection.cursor() as cursor:
        for name, query in queries.items():
            cursor.execute(query)
            found[name] = sorted(cursor.fetchall(), key=repr)
        if connection.vendor == "sqlite":
            found["checks"] = sorted(
                (
                    (table, name, tuple(entry["columns"]))
                    for table in connection.introspection.table_names(cursor)
                    for name, entry in connection.introspection.get_constraints(cursor, table).items()
                    if entry["check"]
                ),
                key=repr,
            )
    return found


def _compare(first: ControlAddress, second: ControlAddress) -> None:
    made: list[Schema] = []
    steps: list[tuple[ControlAddress, Callable[[], object]]] = [
        (first, lambda: migrate(first)),
        (second, lambda: call_command("migrate", interactive=False, verbosity=0)),
    ]
    for address, make in steps:
        database = TestDatabase(address)
        database.use()
        make()
        made.append(_schema())
        database.close()
    at_once, one_by_one = made
    assert len(at_once["migrations"]) > 50
    for name, rows in one_by_one.items():
        assert at_once[name] == rows, name


def test_sqlite(tmp_path: Path) -> None:
    _compare(SqliteFile(tmp_path / "at-once.sqlite"), SqliteFile(tmp_path / "one-by-one.sqlite"))


def test_postgresql(postgres: PostgresServer) -> None:
    with postgres_database(postgres, "at_once") as first, postgres_database(postgres, "one_by_one") as second:
        _compare(first, second)


@pytest.mark.parametrize("table", ["django_migrations", "accounts_user"])
def test_start_that_ended_early(tmp_path: Path, table: str) -> None:
    """An empty table of migrations is that of a start that ended early; another table is somebody else's."""
    database = TestDatabase(SqliteFile(tmp_path / "control.sqlite"))
    database.use()
    with connection.cursor() as cursor:
        columns = "app varchar(255) NOT NULL, name varchar(255) NOT NULL, applied datetime NOT NULL"
        cursor.execute(f"CREATE TABLE {table} (id integer PRIMARY KEY AUTOINCREMENT, {columns})")
    if table == "django_migrations":
        assert len(migrate(database.address)) > 50
        assert migrate(database.address) == []
    else:
        with pytest.raises(UserError, match="already exists"):
            migrate(database.address)
    database.close()
