"""The control plane in a backup: a copy of its database in one file, and the key that its secrets are sealed with.

Django is not needed, so a copy can be taken while the web process and the jobs run. A PostgreSQL is not copied:
pg_dump does that.
"""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from control.address import FILE_NAME
from control.configuration import SECRET_FILE_NAME
from runtime.files import write_private
from runtime.user_error import NO, UNREACHABLE, UserError

MANIFEST = "control.json"
"""File that names the copied files; written last."""
BUSY_TIMEOUT_S = 20.0
_PAGES_PER_STEP = 4_096
_FILES = (FILE_NAME, SECRET_FILE_NAME)


class CopiedFile(msgspec.Struct, frozen=True):
    name: str
    bytes: int
    sha256: str


def has_control_plane(data: Path) -> bool:
    """Return whether a data directory has a control plane's database."""
    return (data / FILE_NAME).is_file()


def copy_control_plane(data: Path, folder: Path) -> int:
    """Copy database and key into a backup's folder as of one moment; return the bytes. Raises UserError."""
    try:
        _copy_database(data / FILE_NAME, folder / FILE_NAME)
        if (data / SECRET_FILE_NAME).is_file():
            write_private(folder / SECRET_FILE_NAME, (data / SECRET_FILE_NAME).read_bytes())
        copied = [_describe(folder / name) for name in _FILES if (folder / name).is_file()]
        write_private(folder / MANIFEST, msgspec.json.encode(copied))
    except (OSError, sqlite3.Error) as error:
        raise UserError(f"the control plane cannot be copied to {folder}: {error}", UNREACHABLE) from None
    return sum(file.bytes for file in copied)


def _copy_database(source: Path, target: Path) -> None:
    write_private(target, b"")
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)) as read,
        closing(sqlite3.connect(target)) as written,
    ):
        read.backup(written, pages=_PAGES_PER_STEP)
        written.execute("PRAGMA journal_mode = DELETE")  # the copy is one file without a log of changes


def check_control_plane(folder: Path, data: Path) -> bool:
    """Return whether the backup has a control plane, which can be restored here. Raises UserError."""
    if not (folder / MANIFEST).is_file():
        return False
    for told in _read_manifest(folder):
        path = folder / told.name
        try:
            found = _describe(path)
        except OSError as error:
            raise UserError(f"{path} of the backup cannot be read: {error.strerror}", UNREACHABLE) from None
        if found != told:
            raise UserError(f"{path} is not the file that was written; take another backup", NO)
        target = data / told.name
        if target.exists() and target.read_bytes() != path.read_bytes():
            raise UserError(f"{target} exists and differs from the one of the backup; move it away first")
    return True


def restore_control_plane(folder: Path, data: Path) -> None:
    """Restore database and key into a data directory, after `check_control_plane`. Raises UserError."""
    try:
        for file in _read_manifest(folder):
            write_private(data / file.name, (folder / file.name).read_bytes())
    except OSError as error:
        raise UserError(f"the control plane cannot be restored: {error}", UNREACHABLE) from None


def _read_manifest(folder: Path) -> list[CopiedFile]:
    try:
        files = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=list[CopiedFile])
    except (OSError, msgspec.DecodeError) as error:
        raise UserError(f"{folder / MANIFEST} cannot be read: {error}", UNREACHABLE) from None
    unknown = [file.name for file in files if file.name not in _FILES]
    if unknown:
        raise UserError(f"{folder / MANIFEST} names {unknown[0]!r}, which is not a file of a control plane", NO)
    return files


def _describe(path: Path) -> CopiedFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return CopiedFile(path.name, path.stat().st_size, digest)
