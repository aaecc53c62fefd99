"""A file that one process at a time holds; the hold goes with the process, however it ends."""

import errno
import fcntl
from pathlib import Path
from typing import IO


class Held(Exception):
    """Another process holds the file."""


def hold(path: Path) -> IO[str]:
    """Hold a file until it is closed; children do not inherit it. Raises Held, OSError."""
    try:
        handle = open(path, "a")  # noqa: SIM115 - held until it is closed
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.ENOSPC, errno.EDQUOT):
            raise
        handle = open(path)  # noqa: SIM115 - a disk that cannot be written can still be locked
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        raise Held(str(path)) from None
    return handle
