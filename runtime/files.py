"""Private files and folders: durable atomic replacement, permissions, and renaming of damaged files."""

import os
import secrets
import time
from pathlib import Path


def write_private(path: Path, data: bytes) -> None:
    """Replace a file atomically and durably; only its owner can read it."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def write_private_once(path: Path, data: bytes) -> None:
    """Write a file unless there is one, also if other processes do the same: all then read what the first wrote."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(fresh, data)
    try:
        path.hardlink_to(fresh)
    except FileExistsError:
        return
    finally:
        fresh.unlink(missing_ok=True)


CLOSED_ENTRIES_MAX = 200_000
"""Most files and folders that one call of `close_to_others` looks at."""


def keep_files_private() -> None:
    """Make every file and folder that this process creates readable by its owner only."""
    os.umask(0o077)


def close_to_others(folder: Path) -> bool:
    """Remove the permissions of group and others from a folder and its contents; skip files of other owners.

    Return False if there were more entries than CLOSED_ENTRIES_MAX; the closed folder around them protects the rest.
    """
    _close(folder)
    seen = 0
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            _close(Path(root, name))
        seen += len(folders) + len(files)
        if seen > CLOSED_ENTRIES_MAX:
            return False
    return True


def _close(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
        if mode & 0o077 and not path.is_symlink():
            path.chmod(mode & 0o700)
    except OSError:
        return  # owned by another user, or just removed; the parent folder is private


def set_aside(path: Path) -> Path:
    """Rename a damaged file and its SQLite companions; return the new path. Raises OSError."""
    suffix = f".damaged-{time.time_ns() // 1_000_000_000}-{secrets.token_hex(2)}"
    moved = path.with_name(path.name + suffix)
    path.rename(moved)  # first: a process that recreates the file removes companions that a crash left
    for companion in ("-wal", "-shm"):
        extra = path.with_name(path.name + companion)
        if extra.exists():
            extra.rename(moved.with_name(moved.name + companion))
    return moved
