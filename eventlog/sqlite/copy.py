"""Copy the embedded log's files while edges write them, and restore the copies."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from eventlog.port import LogUnavailable, Partition
from eventlog.sqlite import file as sqlite_file


def log_files(folder: Path) -> list[Path]:
    """Files of the partitions in a folder, sorted."""
    return sorted(p for p in folder.glob("*-*.sqlite") if p.stem.rsplit("-", 1)[1].isdigit())


def copy_log(folder: Path, to: Path, busy_timeout_ms: int) -> list[str]:
    """Copy a consistent snapshot of every partition, records and keys; return the names of the copies.

    Committed positions are not copied; the caller decides which apply to the copies. Raises LogUnavailable.
    """
    to.mkdir()
    try:
        return [_copy(path, to, busy_timeout_ms) for path in log_files(folder)]
    except sqlite3.Error as error:
        raise LogUnavailable(f"the log cannot be copied: {error}") from error


def _copy(path: Path, to: Path, busy_timeout_ms: int) -> str:
    copied = to / path.name
    connection = sqlite_file.connect(path, busy_timeout_ms)
    try:
        connection.execute("VACUUM INTO ?", (str(copied),))  # one read transaction; it blocks no writer
    finally:
        connection.close()
    copied.chmod(0o600)
    return path.name


def bring_back_log(copies: Path, folder: Path) -> list[Partition]:
    """Restore copies into a folder without a log. Raises FileExistsError, LogUnavailable, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    if log_files(folder):
        raise FileExistsError(f"{folder} already holds a log")
    brought = []
    for copy in log_files(copies):
        fresh = folder / f"{copy.name}.new"
        shutil.copyfile(copy, fresh)
        try:
            connection = sqlite3.connect(fresh, isolation_level=None)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise LogUnavailable(f"{copy.name} is not a log file: {error}") from error
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.rename(folder / copy.name)
        brought.append(sqlite_file.partition_of(copy))
    return brought


def keys_of(copy: Path) -> Iterator[tuple[bytes, bytes, int]]:
    """(key, state, microseconds of its last change) of every dedupe key in a copy. Raises LogUnavailable."""
    try:
        connection = sqlite3.connect(copy)
        try:
            yield from connection.execute("SELECT key, state, ts_us FROM keys ORDER BY key")
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise LogUnavailable(f"{copy.name} is not a log file: {error}") from error


def next_offset(copy: Path) -> int:
    """Return the offset after the newest record of a copy. Raises LogUnavailable."""
    try:
        connection = sqlite3.connect(copy)
        try:
            return sqlite_file.next_offset_of(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise LogUnavailable(f"{copy.name} is not a log file: {error}") from error
