"""Paths under one data directory."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from runtime.files import CLOSED_ENTRIES_MAX, close_to_others, write_private
from runtime.logs import logger

_log = logger("installation")


@dataclass(frozen=True, slots=True)
class DataDir:
    """Paths of one installation."""

    root: Path

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse"

    @property
    def spill(self) -> Path:
        """Folder of the records that wait for Kafka, and of the key indexes of edges."""
        return self.root / "spill"

    @property
    def engine_file(self) -> Path:
        """File with the address and key of a running engine; readable by this user only."""
        return self.root / "engine.json"

    @property
    def program(self) -> Path:
        """Copy of the program in force: children that start again load this one, not a file that is being edited."""
        return self.root / "program.toml"

    @property
    def published(self) -> Path:
        """Folder of the published program, with one folder for each edge that follows it."""
        return self.root / "program"

    def keys(self, configured: Path | None) -> Path:
        return configured if configured is not None else self.root / "keys.toml"

    def make(self) -> None:
        """Make the directory, and close everything in it to others. Raises OSError."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not close_to_others(self.root):
            _log.warning("modes_not_checked", folder=str(self.root), entries_max=CLOSED_ENTRIES_MAX)

    def has_history(self) -> bool:
        """Return whether there is a log, a warehouse or a spill, so ids have been issued."""
        logs = (*self.log.glob("*.sqlite"), *self.spill.glob("*.sqlite"))
        return bool(logs) or (self.warehouse.is_dir() and next(self.warehouse.iterdir(), None) is not None)


class EngineAddress(msgspec.Struct, frozen=True):
    """Address and key by which the command line reaches a running engine."""

    url: str
    key: str
    pid: int


def write_address(engine_file: Path, address: EngineAddress) -> None:
    write_private(engine_file, msgspec.json.encode(address))


def read_address(engine_file: Path) -> EngineAddress | None:
    """Return the address that the last engine wrote; it may have stopped."""
    try:
        return msgspec.json.decode(engine_file.read_bytes(), type=EngineAddress)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
