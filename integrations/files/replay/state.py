"""Position of a replay: one small file for each history, mapping and installation, outside the data directory.

The file is written after every window of lines that was answered, so that a stopped replay can continue.
"""

from hashlib import blake2b
from pathlib import Path

import msgspec

from runtime.files import write_private


class ReplayState(msgspec.Struct, frozen=True):
    """Position and counts of a replay. `lines` counts records from the beginning of the file."""

    lines: int = 0
    sent: int = 0
    problems: int = 0
    verdicts: dict[str, int] = {}
    finished: bool = False


def default_state_dir(xdg_state_home: str | None, home: Path) -> Path:
    """Return the user's folder for states of replays."""
    base = Path(xdg_state_home) if xdg_state_home else home / ".local" / "state"
    return base / "clew" / "replay"


def state_path(folder: Path, name: tuple[str, ...]) -> Path:
    """Return the file of one replay. Another installation at the same URL, or another key, is another replay."""
    return folder / f"{blake2b(repr(name).encode(), digest_size=16).hexdigest()}.json"


def read_state(path: Path) -> ReplayState:
    """Read the state; a missing or unreadable file is a replay at its beginning."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ReplayState)
    except (OSError, msgspec.DecodeError):
        return ReplayState()


def write_state(path: Path, state: ReplayState) -> None:
    """Write the state. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, msgspec.json.encode(state))
