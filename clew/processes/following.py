"""Common part of processes that follow the control plane: the key of the machines, and their names."""

import socket
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


def follower_name(name: str) -> str:
    """Name a process of this machine for the control plane."""
    return f"{socket.gethostname()[:80]}/{name}"
