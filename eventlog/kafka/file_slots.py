"""Files of one folder, each used by one process: a process takes the first one that is not locked.

The lock ends with its process, however that ends, so the next process takes over the file of a dead one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from runtime.file_lock import FileLocked, lock_file

SLOTS_MAX = 1_024
"""More processes than that on one folder are a mistake."""


class Slot:
    """A file that this process alone uses until it releases it."""

    def __init__(self, path: Path, handle: IO[str]) -> None:
        self.path, self._handle = path, handle

    @property
    def number(self) -> str:
        """Its number, as metrics and logs name it."""
        return self.path.stem.rpartition("-")[2]

    def let_go(self) -> None:
        self._handle.close()


def take(folder: Path, name: str) -> Slot:
    """Take the first free slot. Raises OSError; FileLocked if all are in use."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(SLOTS_MAX):
        try:
            return _take(folder / f"{name}-{number}.sqlite")
        except FileLocked:
            continue
    raise FileLocked(f"{SLOTS_MAX} processes use {folder.name} already")


def take_left(folder: Path, name: str) -> Iterator[Slot]:
    """Take and yield the slots that have been used and are not locked."""
    for path in sorted(folder.glob(f"{name}-*.sqlite")):
        try:
            yield _take(path)
        except FileLocked:
            continue


def _take(path: Path) -> Slot:
    # A separate lock file: closing any handle of a SQLite file would drop the locks that SQLite holds on it.
    return Slot(path, lock_file(path.with_suffix(".lock")))
