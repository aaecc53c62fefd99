"""Key by which the processes of an installation ask the control plane for the program."""

import secrets
from pathlib import Path

from runtime.control_settings import FollowSettings
from runtime.files import write_private_once
from runtime.user_error import UNREACHABLE, UserError

FILE_NAME = "machine.key"
KEY_CHARS_MIN = 32


def find_machine_key(data: Path | None, settings: FollowSettings) -> str | None:
    """Return the key of the setting, or of the file in the data directory, made once; None without either.

    Raises UserError.
    """
    if settings.key is not None and settings.key_file is not None:
        raise UserError("CLEW_FOLLOW__KEY and CLEW_FOLLOW__KEY_FILE are both set; unset one")
    if settings.key is not None:
        return settings.key
    if settings.key_file is not None:
        return read_key(settings.key_file)
    if data is None:
        return None
    path = data / FILE_NAME
    try:
        if not path.exists():
            write_private_once(path, secrets.token_urlsafe(48).encode())
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}", UNREACHABLE) from None
    return read_key(path)


def read_key(path: Path) -> str:
    """Read a key of at least KEY_CHARS_MIN characters. Raises UserError."""
    try:
        key = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a text file"
        raise UserError(f"{path} cannot be read: {why}", UNREACHABLE) from None
    if len(key) < KEY_CHARS_MIN:
        raise UserError(f"{path}: the key needs at least {KEY_CHARS_MIN} characters, it has {len(key)}", UNREACHABLE)
    return key
