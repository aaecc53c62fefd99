"""Files that only their owner may read, replaced in one durable step."""

import os
import secrets
from pathlib import Path


def write_private(path: Path, data: bytes) -> None:
    """Replace a file in one step, readable by its owner only, durable."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
