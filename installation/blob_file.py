"""A file of blobs by hash that only grows: one write and one sync store any number of them.

A separate file for each of 4,096 parts would need as many syncs. The length that a reader is given ends before
everything that was not finished, so a crash leaves nothing to repair. Readers of a blob check its hash.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from struct import Struct

_HEAD = Struct(">16sI")
"""Hash and length, before each blob."""


class BlobFileDamaged(Exception):
    """The file is shorter than it should be, or its lengths do not add up."""


class BlobFile:
    """The file, open for one writer."""

    def __init__(self, path: Path, length: int = 0) -> None:
        """Open or create the file; what comes after `length` is dropped. Raises BlobFileDamaged, OSError."""
        self.path = path
        self.sizes: dict[bytes, int] = {}
        """Bytes that each blob takes in the file."""
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        self.length = 0
        try:
            self._add(_records(self._file.read(length), length))
            self._file.truncate(length)
        except BaseException:
            self._file.close()
            raise

    def append(self, blobs: Iterable[tuple[bytes, bytes]]) -> None:
        """Store blobs durably. Raises OSError; what was written then is dropped by the next call."""
        data = b"".join(part for digest, blob in blobs for part in (_HEAD.pack(digest, len(blob)), blob))
        self._file.seek(self.length)
        self._file.truncate()
        self._file.write(data)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._add(_records(data, len(data)))

    def _add(self, records: Iterable[tuple[bytes, memoryview]]) -> None:
        for digest, blob in records:
            size = _HEAD.size + len(blob)
            self.sizes[digest] = size
            self.length += size

    def close(self) -> None:
        self._file.close()


def read_blobs(path: Path, length: int) -> dict[bytes, memoryview]:
    """Read the blobs in the first `length` bytes. Raises BlobFileDamaged, OSError."""
    with path.open("rb") as file:
        return dict(_records(file.read(length), length))


def _records(data: bytes, length: int) -> Iterator[tuple[bytes, memoryview]]:
    view, at = memoryview(data), 0
    while at < length:
        if at + _HEAD.size > len(data):
            raise BlobFileDamaged(f"the file ends at byte {len(data)}, before byte {length}")
        digest, size = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if at + size > len(data):
            raise BlobFileDamaged(f"the blob at byte {at} is longer than the file")
        yield digest, view[at : at + size]
        at += size
