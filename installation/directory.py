"""What lies where under one data directory."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from runtime.files import write_private


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
        """What waits for Kafka here, and the keys that an edge knows to be claimed."""
        return self.root / "spill"

    @property
    def metrics(self) -> Path:
        """Shared counters of the processes that run now."""
        return self.root / "metrics"

    @property
    def engine_file(self) -> Path:
        """Where a running engine answers, and the key for it; only this user may read it."""
        return self.root / "engine.json"

    @property
    def program(self) -> Path:
        """Copy of the program in force: children that start again load this one, not a file that is being edited."""
        return self.root / "program.toml"

    def keys(self, configured: Path | None) -> Path:
        return configured if configured is not None else self.root / "keys.toml"

    def make(self) -> None:
        """Make the directory for its owner only. Raises OSError."""
        self.root.mkdir(parents=True, exist_ok=True)
        if not any(self.root.iterdir()):
            self.root.chmod(0o700)


class EngineAddress(msgspec.Struct, frozen=True):
    """Where and how the command line reaches a running engine."""

    url: str
    key: str
    pid: int


def write_address(engine_file: Path, address: EngineAddress) -> None:
    write_private(engine_file, msgspec.json.encode(address))


def read_address(engine_file: Path) -> EngineAddress | None:
    """The address that the last engine wrote; it may not run any more."""
    try:
        return msgspec.json.decode(engine_file.read_bytes(), type=EngineAddress)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
