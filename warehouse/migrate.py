"""Migrations: numbered SQL files, applied once each, in order. They are history and never change afterwards.

A test applies them all to an empty warehouse and compares with what schemas/ddl.py derives from the Structs.
Views hold no data; they are replaced every time.
Migrations name `<table>` only; schemas/cluster.py adds the rest that a cluster needs.
"""

import re
from hashlib import blake2b
from pathlib import Path
from string import Template

from runtime.logs import logger
from schemas.ddl import DATABASE, Storage, create_views
from warehouse.port import Warehouse, WarehouseError, rows_of

_FOLDER = Path(__file__).parent / "migrations"
_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_NOT_MADE = frozenset({60, 81})
"""Codes of the engine: no such table, no such database."""
_log = logger("warehouse")


class MigrationError(Exception):
    """The warehouse and this Clew do not fit together."""


def migration_files() -> list[Path]:
    """Return all migrations in order."""
    return sorted(path for path in _FOLDER.iterdir() if _NAME.fullmatch(path.name))


def statements(text: str, storage: Storage) -> list[str]:
    """Return the statements of one file for the installation's storage."""
    filled = Template(text).substitute(
        engine=storage.engine, dedup_window_blocks=storage.dedup_window, fsync=int(storage.fsync)
    )
    return [statement.strip() for statement in filled.split(";\n") if statement.strip()]


def migrate(warehouse: Warehouse, storage: Storage) -> list[str]:
    """Apply what is missing and refresh the views; returns the names applied. Raises MigrationError, WarehouseError."""
    warehouse.execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
    warehouse.execute(
        f"CREATE TABLE IF NOT EXISTS {DATABASE}.migrations (name String, digest String, "
        f"applied DateTime DEFAULT now()) ENGINE = {storage.engine} ORDER BY name "
        "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
    )
    applied = []
    for path, digest in _missing(warehouse):
        _apply(warehouse, path.name, statements(path.read_text(), storage))
        warehouse.execute(
            f"INSERT INTO {DATABASE}.migrations (name, digest) VALUES ({{name:String}}, {{digest:String}})",
            {"name": path.name, "digest": digest},
        )
        applied.append(path.name)
    for statement in create_views(definer=storage.definer):
        warehouse.execute(statement)
    return applied


def check_migrated(warehouse: Warehouse) -> None:
    """Raise MigrationError if the warehouse does not match this version, WarehouseError if it is unavailable."""
    try:
        missing = [path.name for path, _ in _missing(warehouse)]
    except WarehouseError as error:
        if error.code not in _NOT_MADE:
            raise
        missing = [path.name for path in migration_files()]
    if missing:
        raise MigrationError(f"the warehouse lacks {', '.join(missing)}: run clew migrate")


def _missing(warehouse: Warehouse) -> list[tuple[Path, str]]:
    """Return the files that are not applied yet, with their digests."""
    done = {r["name"]: r["digest"] for r in rows_of(warehouse.query(f"SELECT name, digest FROM {DATABASE}.migrations"))}
    files = migration_files()
    newer = sorted(set(done) - {path.name for path in files})
    if newer:
        raise MigrationError(f"this warehouse was written by a newer Clew (it has {newer[-1]}); upgrade Clew")
    missing = []
    for path in files:
        digest = blake2b(path.read_bytes(), digest_size=16).hexdigest()
        if path.name not in done:
            missing.append((path, digest))
        elif done[path.name] != digest:
            raise MigrationError(f"migration {path.name} was changed after it was applied; restore the file")
    return missing


def _apply(warehouse: Warehouse, name: str, todo: list[str]) -> None:
    for statement in todo:
        try:
            warehouse.execute(statement)
        except WarehouseError as error:
            raise MigrationError(f"migration {name} failed: {error}") from error
    _log.info("migration_applied", name=name)
