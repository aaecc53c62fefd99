"""A file that one process at a time holds; the hold goes with the process, however it ends."""

import fcntl
from pathlib import Path
from typing import IO


class Held(Exception):
    """Another process holds the file."""


def hold(path: Path) -> IO[str]:
    """Hold a file until it is closed; children do not inherit it. Raises Held, OSError."""
    handle = open(path, "a")  # noqa: SIM115 - held until it is closed
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        raise Held(str(path)) from None
    return handle
