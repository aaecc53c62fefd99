"""Files through which the processes of one parent share their metrics, in memory where possible.

prometheus_client maps these files; writing to a page that the disk cannot allocate ends a process with SIGBUS. Every
file is therefore allocated in full before it is mapped; a process that cannot allocate it does not share its metrics.
"""

import os
import shutil
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
FILE_BYTES = 256 * 1024
"""Bytes allocated per file: several times what is needed, because labels are closed lists."""
_KINDS = ("counter", "histogram", "gauge_livemostrecent")
_MEMORY = Path("/dev/shm")
_PREFIX = "clew-metrics-"


def make_folder() -> Path | None:
    """Create a private folder in memory or in the temporary folder; None if neither is possible."""
    for parent in _parents():
        try:
            return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        except OSError:
            continue
    return None


def _parents() -> tuple[Path, ...]:
    return _MEMORY, Path(tempfile.gettempdir())


def remove_folder(folder: Path | None) -> None:
    """Remove a folder created by `make_folder`."""
    if folder is not None and folder.name.startswith(_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned_folders() -> None:
    """Remove folders of killed parents: their lock is free."""
    from runtime.file_lock import FileLocked, lock_file

    for folder in (found for parent in _parents() for found in parent.glob(f"{_PREFIX}*")):
        lock = folder / "lock"
        try:
            if not lock.exists() or folder.stat().st_uid != os.geteuid():
                continue
            lock_file(lock).close()
        except (FileLocked, OSError):
            continue
        remove_folder(folder)


def allocate(environment: MutableMapping[str, str]) -> None:
    """Allocate this process's files before prometheus_client maps them; without space, share nothing."""
    folder = environment.get(VARIABLE)
    if folder is None:
        return
    try:
        for kind in _KINDS:
            handle = os.open(Path(folder) / f"{kind}_{os.getpid()}.db", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(handle, 0, FILE_BYTES)
            finally:
                os.close(handle)
    except OSError:
        del environment[VARIABLE]
