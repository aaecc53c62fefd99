"""Migrations: numbered SQL files, applied once each, in order. They are history and never change afterwards.

A test applies them all to an empty warehouse and compares with what schemas/ddl.py derives from the Structs.
Views hold no data; they are replaced at every open.
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
_log = logger("warehouse")


class MigrationError(Exception):
    """The warehouse and this Clew do not fit together."""


def migration_files() -> list[Path]:
    """All migrations in order."""
    return sorted(path for path in _FOLDER.iterdir() if _NAME.fullmatch(path.name))


def statements(text: str, storage: Storage) -> list[str]:
    """The statements of one file, with the installation's storage filled in."""
    filled = Template(text).substitute(
        engine=storage.engine, dedup_window_blocks=storage.dedup_window_blocks, fsync=int(storage.fsync)
    )
    return [statement.strip() for statement in filled.split(";\n") if statement.strip()]


def migrate(warehouse: Warehouse, storage: Storage) -> list[str]:
    """Apply what is missing and refresh the views; returns the names applied. Raises MigrationError."""
    warehouse.execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
    warehouse.execute(
        f"CREATE TABLE IF NOT EXISTS {DATABASE}.migrations (name String, digest String, "
        "applied DateTime DEFAULT now()) ENGINE = MergeTree ORDER BY name "
        "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
    )
    done = {r["name"]: r["digest"] for r in rows_of(warehouse.query(f"SELECT name, digest FROM {DATABASE}.migrations"))}
    files = {path.name: path for path in migration_files()}
    newer = sorted(set(done) - set(files))
    if newer:
        raise MigrationError(f"this warehouse was written by a newer Clew (it has {newer[-1]}); upgrade Clew")
    applied = []
    for name, path in files.items():
        text = path.read_text()
        digest = blake2b(text.encode(), digest_size=16).hexdigest()
        if name in done:
            if done[name] != digest:
                raise MigrationError(f"migration {name} was changed after it was applied; restore the file")
            continue
        _apply(warehouse, name, statements(text, storage))
        warehouse.execute(
            f"INSERT INTO {DATABASE}.migrations (name, digest) VALUES ({{name:String}}, {{digest:String}})",
            {"name": name, "digest": digest},
        )
        applied.append(name)
    for statement in create_views():
        warehouse.execute(statement)
    return applied


def _apply(warehouse: Warehouse, name: str, todo: list[str]) -> None:
    for statement in todo:
        try:
            warehouse.execute(statement)
        except WarehouseError as error:
            raise MigrationError(f"migration {name} failed: {error}") from error
    _log.info("migration_applied", name=name)
