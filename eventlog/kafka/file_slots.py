"""Files of one folder that serve one process each: whoever comes takes the first that nobody holds.

The hold goes with the process, however it ends, so what a dead one left is taken over by the next.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from runtime.file_lock import FileLocked, lock_file

SLOTS_MAX = 1_024
"""More processes than that on one folder are a mistake."""


class Slot:
    """A file that this process alone uses until it lets go."""

    def __init__(self, path: Path, handle: IO[str]) -> None:
        self.path, self._handle = path, handle

    @property
    def number(self) -> str:
        """Its number, as metrics and logs name it."""
        return self.path.stem.rpartition("-")[2]

    def let_go(self) -> None:
        self._handle.close()


def take(folder: Path, name: str) -> Slot:
    """The first slot that is free. Raises OSError; FileLocked when there are too many."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(SLOTS_MAX):
        try:
            return _take(folder / f"{name}-{number}.sqlite")
        except FileLocked:
            continue
    raise FileLocked(f"{SLOTS_MAX} processes use {folder.name} already")


def take_left(folder: Path, name: str) -> Iterator[Slot]:
    """Slots that somebody has used and nobody holds now, each taken."""
    for path in sorted(folder.glob(f"{name}-*.sqlite")):
        try:
            yield _take(path)
        except FileLocked:
            continue


def _take(path: Path) -> Slot:
    # A lock file of its own: closing any handle of a SQLite file would drop the locks that SQLite holds on it.
    return Slot(path, lock_file(path.with_suffix(".lock")))
