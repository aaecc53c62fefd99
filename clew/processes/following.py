"""Common part of processes that follow the control plane: the key of the machines, and their names."""

import socket
from hashlib import blake2b
from pathlib import Path

from runtime.machine_key import find_machine_key
from runtime.settings import Settings
from runtime.user_error import UserError


def machine_key_or_error(data: Path | None, settings: Settings) -> str:
    """Return the key of the machines. Raises UserError if there is none."""
    key = find_machine_key(data, settings.follow)
    if key is None:
        raise UserError("the key of the machines is missing: set CLEW_FOLLOW__KEY_FILE to the file with it")
    return key


def follower_name(name: str, data: Path | None) -> str:
    """Name a process for the control plane: the machine, the process, and a digest of its data directory if any."""
    place = f"@{blake2b(str(data.absolute()).encode(), digest_size=3).hexdigest()}" if data is not None else ""
    return f"{socket.gethostname()[:80]}/{name}{place}"
