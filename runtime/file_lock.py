"""Lock files: one process at a time. The kernel releases the lock when the process ends, however it ends."""

import errno
import fcntl
from pathlib import Path
from typing import IO


class FileLocked(Exception):
    """Another process holds the lock."""


def lock_file(path: Path) -> IO[str]:
    """Lock a file until it is closed; child processes do not inherit the lock. Raises FileLocked, OSError."""
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
        raise FileLocked(str(path)) from None
    return handle
