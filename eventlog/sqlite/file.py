"""One file of the embedded log: one partition's records, the dedupe keys claimed with them, and its identity.

WAL with synchronous=FULL: a committed transaction is on disk. Offsets count from 0 without gaps; the newest
record is never deleted, so that the next offset is always known. A recreated file has a new
identity.
"""

import contextlib
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from eventlog.port import Partition
from runtime.files import set_aside
from runtime.logs import logger

_log = logger("eventlog")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (offset INTEGER PRIMARY KEY, ts_us INTEGER NOT NULL, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS keys (key BLOB PRIMARY KEY, ts_us INTEGER NOT NULL, state BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS keys_by_age ON keys (ts_us);
"""
_POSITIONS = """
CREATE TABLE IF NOT EXISTS positions (
    consumer_group TEXT NOT NULL, log_id TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    offset INTEGER NOT NULL, intent TEXT NOT NULL, ts_us INTEGER NOT NULL, reached INTEGER NOT NULL,
    PRIMARY KEY (consumer_group, log_id)
) WITHOUT ROWID;
"""
WAL_BYTES_MAX = 64 * 1024 * 1024
"""The WAL file is cut back to this after a checkpoint."""


def path_of(folder: Path, partition: Partition) -> Path:
    """Return the file of a partition."""
    return folder / f"{partition.topic}-{partition.partition}.sqlite"


def partition_of(path: Path) -> Partition:
    """Return the partition of a file named by `path_of`."""
    topic, number = path.stem.rsplit("-", 1)
    return Partition(topic, int(number))


def positions_path(folder: Path) -> Path:
    """Return the file of the committed positions."""
    return folder / "positions.sqlite"


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Lock a folder, so that one process at a time creates files in it."""
    with open(folder / ".making", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def connect(path: Path, busy_timeout_ms: int) -> sqlite3.Connection:
    """Connect to an existing file; commits are durable. Begin transactions explicitly."""
    connection = sqlite3.connect(
        f"file:{_quoted(path)}?mode=rw", uri=True, isolation_level=None, check_same_thread=False,
        timeout=busy_timeout_ms / 1000,
    )  # fmt: skip
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_MAX}")
        connection.execute("PRAGMA cache_size = -16384")
    except BaseException:
        connection.close()
        raise
    return connection


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def make_log(path: Path, now_us: int, busy_timeout_ms: int) -> None:
    """Create a partition's file if it is missing; safe from several processes at once."""
    make(path, _SCHEMA, busy_timeout_ms, {"log_id": secrets.token_hex(16), "made_us": str(now_us)})


def make_positions(path: Path, busy_timeout_ms: int) -> None:
    """Create the file of committed positions if it is missing."""
    make(path, _POSITIONS, busy_timeout_ms, {})


def open_positions(folder: Path, busy_timeout_ms: int) -> sqlite3.Connection:
    """Open the positions file; create it if missing, set it aside if damaged: the warehouse has the same positions.

    Raises sqlite3.Error, OSError.
    """
    path = positions_path(folder)
    make_positions(path, busy_timeout_ms)
    try:
        return _checked(path, busy_timeout_ms)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        with _alone(folder):
            try:
                return _checked(path, busy_timeout_ms)  # another process has recreated it
            except sqlite3.DatabaseError as still:
                if not is_damage(still):
                    raise
            moved = set_aside(path)
        _log.error("file_set_aside", file=path.name, moved_to=moved.name, error=str(error))
        make_positions(path, busy_timeout_ms)
        return connect(path, busy_timeout_ms)


def _checked(path: Path, busy_timeout_ms: int) -> sqlite3.Connection:
    """Connect to the positions file after an integrity check."""
    connection = connect(path, busy_timeout_ms)
    try:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        connection.execute("SELECT count(*) FROM positions").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(f"database disk image is malformed: {found}")
    except BaseException:
        connection.close()
        raise
    return connection


def is_damage(error: BaseException) -> bool:
    """Return True if the error means a damaged file, which no retry can fix."""
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    name = getattr(error, "sqlite_errorname", "") or ""
    return name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or "malformed" in str(error) or "no such" in str(error)


def make(path: Path, schema: str, busy_timeout_ms: int, meta: dict[str, str]) -> None:
    """Create a file if it is missing: build it under a temporary name, then rename it, so it is never incomplete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return
    with _alone(path.parent):
        if path.exists():
            return
        for suffix in ("-wal", "-shm"):  # left over from a removed file, they would be replayed into the new one
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        fresh = path.with_name(path.name + ".new")
        for stale in (fresh, fresh.with_name(fresh.name + "-wal"), fresh.with_name(fresh.name + "-shm")):
            stale.unlink(missing_ok=True)
        connection = sqlite3.connect(fresh, isolation_level=None, timeout=busy_timeout_ms / 1000)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(schema)
            connection.executemany("INSERT INTO meta VALUES (?, ?)", sorted(meta.items())) if meta else None
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
        fresh.rename(path)
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def log_id_of(connection: sqlite3.Connection) -> str:
    """Return the identity of the file behind a connection."""
    value: str = connection.execute("SELECT value FROM meta WHERE name = 'log_id'").fetchone()[0]
    return value


def next_offset_of(connection: sqlite3.Connection) -> int:
    """Return the offset after the newest record."""
    newest = connection.execute("SELECT max(offset) FROM records").fetchone()[0]
    return 0 if newest is None else int(newest) + 1


def committed_floor(folder: Path, log_id: str, busy_timeout_ms: int) -> int:
    """Return the highest offset that any group may have read of a log; 0 without a commit.

    A truncated file may end before this offset. New records must then start there, or their rows would count as
    already stored. `reached` is the log's end at the commit, so it covers the records of an intent.
    """
    if not positions_path(folder).exists():
        return 0
    connection = open_positions(folder, busy_timeout_ms)
    try:
        furthest = "SELECT max(max(offset, reached)) FROM positions WHERE log_id = ?"
        found = connection.execute(furthest, (log_id,)).fetchone()[0]
    finally:
        connection.close()
    return int(found or 0)


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return the bytes in use, without free pages of deleted records."""
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    free = connection.execute("PRAGMA freelist_count").fetchone()[0]
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    return int((pages - free) * size)
