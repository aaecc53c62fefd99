"""The file of token keys: made at the first start, read by every process, rotated by the operator.

Its content allows forging click ids, so it is created with mode 0600. It appears under its name only when it is
whole and on disk: of several processes that start at once, one makes it and all use the same.
"""

import fcntl
import os
import stat
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

from runtime.files import write_private
from runtime.logs import logger
from schemas.values.click_id import TokenKey, TokenKeys

SECRET_BYTES = 32
_SECRET_BYTES_MIN = 16
_KEY_ID_MAX = 255
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEAD = """\
# Keys that sign click and impression ids. Who can read this file can forge them; who loses it cannot take
# postbacks for ids that were issued. Keep it secret, keep a copy, share it with every edge of the installation.
"""


class KeysFileError(ValueError):
    """The file cannot be used; the message says why and what to do, and shows no secret."""


@dataclass(frozen=True, slots=True)
class _Entry:
    key: TokenKey
    created: str


@dataclass(frozen=True, slots=True)
class _KeysFile:
    hash_secret: bytes
    current: int
    entries: tuple[_Entry, ...]

    def token_keys(self) -> TokenKeys:
        return TokenKeys.of([entry.key for entry in self.entries], self.current, self.hash_secret)

    def text(self) -> str:
        lines = [_HEAD + f'hash_secret = "{self.hash_secret.hex()}"', f"current = {self.current}"]
        for entry in self.entries:
            lines += ["", "[[key]]", f"id = {entry.key.key_id}", f'secret = "{entry.key.secret.hex()}"']
            lines.append(f"created = {entry.created}")
            if entry.key.verify_until_ms is not None:
                lines.append(f"verify_until = {_text_of_ms(entry.key.verify_until_ms)}")
        return "\n".join(lines) + "\n"


def load_keys(path: Path) -> TokenKeys:
    """Return the keys in the file. Raises KeysFileError, also if there is no file."""
    try:
        return _read(path).token_keys()
    except FileNotFoundError:
        raise KeysFileError(_lost(path)) from None


def load_or_make_keys(
    path: Path, random_bytes: Callable[[int], bytes], now_ms: int, *, may_make: bool = True
) -> TokenKeys:
    """The keys in the file; without `may_make` a missing file is an error. Raises KeysFileError.

    An installation that has issued ids must not get new keys by itself: it would refuse every postback for them.
    """
    try:
        return _read(path).token_keys()
    except FileNotFoundError:
        if not may_make:
            raise KeysFileError(_lost(path)) from None
    made = _KeysFile(
        hash_secret=random_bytes(SECRET_BYTES),
        current=1,
        entries=(_Entry(TokenKey(1, random_bytes(SECRET_BYTES)), _text_of_ms(now_ms)),),
    )
    try:
        draft = path.with_name(f".{path.name}.{random_bytes(8).hex()}")
        write_private(draft, made.text().encode())
        try:
            os.link(draft, path)  # unlike a rename it never replaces what another process made meanwhile
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        _sync_folder(path.parent)
        return _read(path).token_keys()
    except OSError as error:
        raise KeysFileError(f"{path}: cannot make the token keys: {error.strerror}") from error


def _lost(path: Path) -> str:
    return (
        f"{path} is missing, but ids were issued here: without their keys no postback for them is accepted. Restore "
        "the file from a copy or a backup; `clew keys new --give-up-issued-ids` makes new keys if it is lost for good"
    )


def rotate_keys(path: Path, random_bytes: Callable[[int], bytes], now_ms: int, *, old_verifies_ms: int) -> TokenKeys:
    """Make a new key the current one; the old one's ids verify for `old_verifies_ms` more. Raises KeysFileError.

    Restart the edges soon: one that has not read the new key takes no postback for the ids of one that has.
    """
    try:
        with path.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(held.fileno()).st_ino != path.stat().st_ino:
                raise KeysFileError(f"{path}: another rotation changed it at the same time; check it, then retry")
            rotated = _rotated(_read(path), random_bytes, now_ms, now_ms + old_verifies_ms, path)
            write_private(path, rotated.text().encode())
            _sync_folder(path.parent)
    except BlockingIOError:
        raise KeysFileError(f"{path}: another rotation is running; wait for it") from None
    except OSError as error:
        raise KeysFileError(f"{path}: cannot rotate the token keys: {error.strerror}") from error
    return rotated.token_keys()


def _rotated(
    file: _KeysFile, random_bytes: Callable[[int], bytes], now_ms: int, until_ms: int, path: Path
) -> _KeysFile:
    alive = {
        entry.key.key_id: entry
        for entry in file.entries
        if entry.key.key_id == file.current or entry.key.verify_until_ms is None or entry.key.verify_until_ms >= now_ms
    }
    # The number of a key that ended is used again only when there is no other.
    top = max(entry.key.key_id for entry in file.entries)
    free = next((i for i in chain(range(top + 1, _KEY_ID_MAX + 1), range(1, top)) if i not in alive), None)
    if free is None:
        raise KeysFileError(f"{path}: all {_KEY_ID_MAX} key numbers still verify; give some an earlier end date")
    old = alive[file.current]
    alive[file.current] = _Entry(TokenKey(old.key.key_id, old.key.secret, until_ms), old.created)
    kept = {entry.key.key_id: entry for entry in file.entries} | alive
    kept[free] = _Entry(TokenKey(free, random_bytes(SECRET_BYTES)), _text_of_ms(now_ms))
    return _KeysFile(file.hash_secret, free, tuple(kept[key_id] for key_id in sorted(kept)))


def _read(path: Path) -> _KeysFile:
    """Parse the file. Raises FileNotFoundError, KeysFileError."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            values = tomllib.loads(file.read().decode())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise KeysFileError(f"{path}: cannot read the token keys: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # The error itself could quote the content of the file.
        raise KeysFileError(f"{path}: not a TOML file; restore it from a copy") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        logger("keys").warning("others can read or change the token keys", path=str(path), fix="chmod 600")
    try:
        return _file_of(values)
    except (KeyError, ValueError) as error:
        what = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise KeysFileError(f"{path}: {what}; restore the file from a copy") from None


def _file_of(values: dict[str, Any]) -> _KeysFile:
    entries = []
    if not isinstance(values["key"], list) or not all(isinstance(table, dict) for table in values["key"]):
        raise ValueError("the keys must be [[key]] tables")
    for number, table in enumerate(values["key"], start=1):
        key_id = table["id"]
        if type(key_id) is not int or not 1 <= key_id <= _KEY_ID_MAX:
            raise ValueError(f"the id of key {number} must be a whole number from 1 to {_KEY_ID_MAX}")
        until_ms = _ms_of(table["verify_until"], key_id) if "verify_until" in table else None
        secret = _secret(table["secret"], f"the secret of key {key_id}", bytes_max=32)
        created = _text_of_ms(_ms_of(table["created"], key_id)) if "created" in table else _text_of_ms(0)
        entries.append(_Entry(TokenKey(key_id, secret, until_ms), created))
    ids = [entry.key.key_id for entry in entries]
    if len(set(ids)) < len(ids):
        raise ValueError("two keys have the same id")
    if values["current"] not in ids:
        raise ValueError("current names no key of the file")
    return _KeysFile(_secret(values["hash_secret"], "hash_secret", bytes_max=64), values["current"], tuple(entries))


def _secret(value: object, what: str, *, bytes_max: int) -> bytes:
    try:
        secret = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        secret = b""
    if not _SECRET_BYTES_MIN <= len(secret) <= bytes_max:
        raise ValueError(f"{what} must be {_SECRET_BYTES_MIN} to {bytes_max} bytes in hex digits")
    return secret


def _ms_of(value: object, key_id: int) -> int:
    """Parse an RFC 3339 time, given as a TOML time or a string."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueError(f"the dates of key {key_id} must be as in 2026-01-31T12:00:00Z")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _text_of_ms(ms: int) -> str:
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
