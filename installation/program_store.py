"""The published program on disk, DIR/program/: a process starts from it while the control plane is unavailable.

`current` names a version and is replaced by renaming. Terms, parts of the routes, and the hashes above them are blobs
in one growing file next to it; a new link appends one part and two lists of hashes. Blobs that the version does not
need are removed by writing a new file once they take more space than the rest.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from installation.blob_file import BlobFile, BlobFileDamaged, read_blobs
from program.hash_tree import FAN_OUT, BadTree, check_part, checked_nodes, checked_parts
from program.routes_tree import RoutesTree, tree_of_parts
from program.terms import Terms, canonical, from_canonical, hash_of
from runtime.file_lock import lock_file
from runtime.files import write_private
from runtime.logs import logger

FORM = 1
GARBAGE_BYTES_MIN = 1 << 20
"""Bytes that blobs without use may take in any case."""
_READS_MAX = 10
_log = logger("installation")


class StoreDamaged(Exception):
    """The stored program cannot be used; the message says why."""


class EffectiveTerms(msgspec.Struct, frozen=True):
    """Terms with the time from which they count, µs."""

    from_us: int
    terms: Terms


@dataclass(frozen=True, slots=True)
class PublishedProgram:
    """One published version. `sequence` counts what was published; `terms` are in the order of their time."""

    sequence: int
    terms: tuple[EffectiveTerms, ...]
    routes: RoutesTree


class _TermsName(msgspec.Struct, frozen=True):
    from_us: int
    hash: str


class _Current(msgspec.Struct, frozen=True, kw_only=True):
    form: int = FORM
    sequence: int
    file: str
    length: int
    """Bytes of the file that count."""
    root: str
    terms: tuple[_TermsName, ...]


def load_published(folder: Path) -> PublishedProgram | None:
    """Read the stored program; None if there is none. Any number of processes may read while one writes.

    Raises StoreDamaged, OSError.
    """
    for _ in range(_READS_MAX):
        current = _read_current(folder)
        if current is None:
            return None
        try:
            blobs = read_blobs(folder / current.file, current.length)
        except FileNotFoundError:
            continue  # the writer has just replaced the file
        except BlobFileDamaged as error:
            raise StoreDamaged(f"{folder / current.file}: {error}") from None
        try:
            return _published(current, blobs)
        except (BadTree, KeyError, ValueError, msgspec.DecodeError) as error:
            place = folder / current.file
            raise StoreDamaged(f"{place} does not contain version {current.sequence}: {error}") from None
    raise StoreDamaged(f"{folder / 'current'} names a file that does not exist")


def _read_current(folder: Path) -> _Current | None:
    path = folder / "current"
    try:
        current = msgspec.json.decode(path.read_bytes(), type=_Current)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise StoreDamaged(f"{path} cannot be read: {error}") from None
    if current.form != FORM or Path(current.file).name != current.file:
        raise StoreDamaged(f"{path} was written by a newer version")
    return current


def _published(current: _Current, blobs: dict[bytes, memoryview]) -> PublishedProgram:
    root = bytes.fromhex(current.root)
    parts = []
    for node in checked_nodes(root, bytes(blobs[root])):
        for digest in checked_parts(node, bytes(blobs[node])):
            part = bytes(blobs[digest])
            check_part(part, digest)
            parts.append(part)
    terms = []
    for name in current.terms:
        text = bytes(blobs[bytes.fromhex(name.hash)])
        if hash_of(text) != name.hash:
            raise BadTree(f"terms do not have the hash {name.hash}")
        terms.append(EffectiveTerms(name.from_us, from_canonical(text)))
    return PublishedProgram(current.sequence, tuple(terms), tree_of_parts(parts, root))


class ProgramStore:
    """The one writer of a stored program."""

    def __init__(self, folder: Path) -> None:
        """Raises FileLocked if another process writes, StoreDamaged, OSError."""
        folder.mkdir(mode=0o700, exist_ok=True)
        self._folder = folder
        self._lock = lock_file(folder / "lock")
        try:
            self._blobs = self._opened()
        except BaseException:
            self._lock.close()
            raise

    def _opened(self) -> BlobFile:
        current = _read_current(self._folder)
        name, length = (current.file, current.length) if current is not None else ("blobs-1", 0)
        self._drop_others(name)
        try:
            return BlobFile(self._folder / name, length)
        except BlobFileDamaged as error:
            raise StoreDamaged(f"{self._folder / name}: {error}") from None

    def save(self, version: PublishedProgram) -> None:
        """Store a version; it is the current one when this returns. Raises OSError, and then the last one stays."""
        self._blobs.append(_blobs_of(version, self._blobs.sizes.keys()))
        self._name(version, self._blobs)
        live = sum(self._blobs.sizes[digest] for digest in _digests_of(version))
        if self._blobs.length > 2 * live + GARBAGE_BYTES_MIN:
            try:
                self._rewrite(version)
            except OSError as error:  # the version is stored; the next save tries again
                _log.error("program_store_not_shortened", why=str(error))

    def _rewrite(self, version: PublishedProgram) -> None:
        """Write the blobs of the version to a new file and remove the old one."""
        old = self._blobs
        number = int(old.path.name.removeprefix("blobs-")) + 1
        fresh = BlobFile(self._folder / f"blobs-{number}")
        try:
            fresh.append(_blobs_of(version, ()))
            self._name(version, fresh)
        except BaseException:
            fresh.close()  # the file may be named already, so it stays until the next save or start
            raise
        self._blobs = fresh
        old.close()
        self._drop_others(fresh.path.name)

    def _name(self, version: PublishedProgram, blobs: BlobFile) -> None:
        names = tuple(_TermsName(one.from_us, one.terms.hash) for one in version.terms)
        current = _Current(
            sequence=version.sequence, file=blobs.path.name, length=blobs.length,
            root=version.routes.root.hex(), terms=names,
        )  # fmt: skip
        write_private(self._folder / "current", msgspec.json.encode(current))
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _drop_others(self, name: str) -> None:
        """Remove files that a crash has left."""
        for path in self._folder.glob("blobs-*"):
            if path.name != name:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        self._blobs.close()
        self._lock.close()


def _blobs_of(version: PublishedProgram, known: Collection[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the blobs of a version that are not known. With a list of hashes, all that it names is known."""
    done: set[bytes] = set()

    def is_new(digest: bytes) -> bool:
        if digest in known or digest in done:
            return False
        done.add(digest)
        return True

    for one in version.terms:
        if is_new(digest := bytes.fromhex(one.terms.hash)):
            yield digest, canonical(one.terms)
    hashes = version.routes.hashes
    if not is_new(hashes.root):
        return
    yield hashes.root, b"".join(hashes.nodes)
    for number, node in enumerate(hashes.nodes):
        if is_new(node):
            low = number * FAN_OUT
            of_node = hashes.parts[low : low + FAN_OUT]
            yield node, b"".join(of_node)
            for part, digest in enumerate(of_node, start=low):
                if is_new(digest):
                    yield digest, version.routes.encoded(part)


def _digests_of(version: PublishedProgram) -> set[bytes]:
    hashes = version.routes.hashes
    terms = (bytes.fromhex(one.terms.hash) for one in version.terms)
    return {hashes.root, *hashes.nodes, *hashes.parts, *terms}
