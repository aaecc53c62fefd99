"""How far a replay has come: one small file per history, mapping and installation, outside the data's folder.

Written after every window of lines that was answered, so a stopped replay goes on where it was.
"""

from hashlib import blake2b
from pathlib import Path

import msgspec

from runtime.files import write_private


class ReplayState(msgspec.Struct, frozen=True):
    """What was done so far. `lines` counts records of the file, from its beginning."""

    lines: int = 0
    sent: int = 0
    problems: int = 0
    verdicts: dict[str, int] = {}
    finished: bool = False


def default_state_dir(xdg_state_home: str | None, home: Path) -> Path:
    """Where the user's programs keep what they would miss, but could do without."""
    base = Path(xdg_state_home) if xdg_state_home else home / ".local" / "state"
    return base / "clew" / "replay"


def state_path(folder: Path, name: tuple[str, ...]) -> Path:
    """The file of one replay. Another installation behind the same URL, or another key, is another replay."""
    return folder / f"{blake2b(repr(name).encode(), digest_size=16).hexdigest()}.json"


def read_state(path: Path) -> ReplayState:
    """What the file says; a new beginning if there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ReplayState)
    except (OSError, msgspec.DecodeError):
        return ReplayState()


def write_state(path: Path, state: ReplayState) -> None:
    """Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, msgspec.json.encode(state))
