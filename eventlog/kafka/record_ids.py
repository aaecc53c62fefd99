"""Append ids on the wire: one header per Kafka record (origin 16 bytes, sequence 8 bytes big endian, flags 1 byte)."""

import struct
from collections.abc import Iterable

from eventlog.port import AppendId

HEADER = "clew"
_FORM = struct.Struct(">16sQB")
_SPILLED = 1


def encode_append_id(append_id: AppendId) -> bytes:
    return _FORM.pack(append_id.origin, append_id.sequence, _SPILLED if append_id.spilled else 0)


def decode_append_id(headers: Iterable[tuple[str, bytes | None]]) -> AppendId | None:
    """Return the append id in a record's headers; None if Clew did not write the record."""
    for name, value in headers:
        if name == HEADER and value is not None and len(value) == _FORM.size:
            origin, sequence, flags = _FORM.unpack(value)
            return AppendId(origin, sequence, bool(flags & _SPILLED))
    return None
