"""Storing and reading of files. A file is written in the open transaction, so it is there whole or not at all."""

import tempfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO

from control.files.models import FileChunk, StoredFile

CHUNK_BYTES = 1024**2
SPOOL_BYTES_MAX = 4 * 1024**2
"""Bytes of an opened file that are held in memory; more are in a temporary file."""


class FileTooLarge(ValueError):
    """A file has more bytes than are allowed; the message says so."""


def store_file(name: str, content_type: str, parts: Iterable[bytes], bytes_max: int) -> StoredFile:
    """Store a file. Raises FileTooLarge."""
    file = StoredFile.objects.create(name=name[-200:], content_type=content_type)
    for position, chunk in enumerate(_chunks(parts)):
        file.size_bytes += len(chunk)
        if file.size_bytes > bytes_max:
            raise FileTooLarge(f"has more than {bytes_max // 1024**2} MiB; split it")
        FileChunk.objects.create(file=file, position=position, content=zlib.compress(chunk, 1))
    file.save(update_fields=["size_bytes"])
    return file


def _chunks(parts: Iterable[bytes]) -> Iterator[bytes]:
    pending = bytearray()
    for part in parts:
        pending += part
        while len(pending) >= CHUNK_BYTES:
            yield bytes(pending[:CHUNK_BYTES])
            del pending[:CHUNK_BYTES]
    if pending:
        yield bytes(pending)


def read_chunks(file: StoredFile) -> Iterator[bytes]:
    """Read a file in parts, one query for each, so that no cursor stays open."""
    position = 0
    while (chunk := FileChunk.objects.filter(file=file, position=position).first()) is not None:
        yield zlib.decompress(bytes(chunk.content))
        position += 1


def open_file(file: StoredFile) -> IO[bytes]:
    """Copy a file to a temporary one that can be read in any order. The caller closes it."""
    opened = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES_MAX)  # noqa: SIM115 - the caller closes it
    for chunk in read_chunks(file):
        opened.write(chunk)
    opened.seek(0)
    return opened
