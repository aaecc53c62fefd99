"""Manifest of a backup: its log positions and passes, and the content of its files. Written last."""

import hashlib
from pathlib import Path

import msgspec

from runtime.files import write_private
from runtime.user_error import NO, UNREACHABLE, UserError
from warehouse.migrate import migration_files

FORM = 1
MANIFEST, KEYS, PROGRAM, LOG, TABLES_FOLDER = "manifest.json", "keys.toml", "program.toml", "log", "tables"


class CutPosition(msgspec.Struct, frozen=True):
    """Rows of records before `offset` are in the backup; the log ended at `end` then."""

    topic: str
    partition: int
    log_id: str
    offset: int
    end: int


class Cut(msgspec.Struct, frozen=True):
    """The one moment that a backup shows. `passes` is the last finished pass by shard."""

    positions: tuple[CutPosition, ...]
    passes: dict[int, int]
    runs: tuple[str, ...]
    shards: int


class BackupFile(msgspec.Struct, frozen=True):
    """One file of a backup; `rows` of a file of the log are its records' next offset."""

    name: str
    rows: int
    bytes: int
    digest: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    form: int = FORM
    backup_id: str
    taken_us: int
    code_version: str
    migrations: tuple[str, ...]
    on_servers: bool
    cut: Cut
    tables: dict[str, tuple[BackupFile, ...]]
    log: tuple[BackupFile, ...] = ()
    others: tuple[BackupFile, ...] = ()
    """Token keys and the program file, where they were to be had."""

    def files(self) -> list[BackupFile]:
        return [*(file for files in self.tables.values() for file in files), *self.log, *self.others]

    def rows(self, table: str) -> int:
        return sum(file.rows for file in self.tables.get(table, ()))


def describe_file(folder: Path, path: Path, rows: int = 0) -> BackupFile:
    """Describe a file by its size and SHA-256. Raises OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return BackupFile(str(path.relative_to(folder)), rows, path.stat().st_size, digest)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    write_private(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2))


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a backup that this version supports. Raises UserError."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except OSError as error:
        raise UserError(
            f"{folder} is not a complete backup: {MANIFEST} cannot be read: {error.strerror}", UNREACHABLE
        ) from None
    except msgspec.DecodeError as error:
        raise UserError(f"{folder / MANIFEST} cannot be read: {error}", UNREACHABLE) from None
    newer = sorted(set(manifest.migrations) - {path.name for path in migration_files()})
    if manifest.form != FORM or newer:
        raise UserError(f"{folder} was taken by a newer Clew ({manifest.code_version}); upgrade this one", UNREACHABLE)
    return manifest


def check_files(folder: Path, manifest: Manifest) -> None:
    """Check that every file is unchanged. Raises UserError, which names the first one that is not."""
    for told in manifest.files():
        try:
            found = describe_file(folder, folder / told.name, told.rows)
        except OSError as error:
            raise UserError(
                f"{folder / told.name} of the backup cannot be read: {error.strerror}", UNREACHABLE
            ) from None
        if found != told:
            raise UserError(f"{folder / told.name} is not the file that was written; take another backup", NO)
