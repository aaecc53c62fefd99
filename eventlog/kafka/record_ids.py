"""A mark on the wire: one header of a Kafka record. Origin 16 bytes, sequence 8 bytes big endian, flags 1 byte."""

import struct
from collections.abc import Iterable

from eventlog.port import Mark

HEADER = "clew"
_FORM = struct.Struct(">16sQB")
_SPILLED = 1


def encode_mark(mark: Mark) -> bytes:
    return _FORM.pack(mark.origin, mark.sequence, _SPILLED if mark.spilled else 0)


def decode_mark(headers: Iterable[tuple[str, bytes | None]]) -> Mark | None:
    """The mark among a record's headers; None when it has none, so it was not written by Clew."""
    for name, value in headers:
        if name == HEADER and value is not None and len(value) == _FORM.size:
            origin, sequence, flags = _FORM.unpack(value)
            return Mark(origin, sequence, bool(flags & _SPILLED))
    return None
