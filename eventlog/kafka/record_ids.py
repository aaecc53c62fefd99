"""An append id on the wire: one header of a Kafka record. Origin 16 bytes, sequence 8 bytes big endian, flags 1 byte."""

import struct
from collections.abc import Iterable

from eventlog.port import AppendId

HEADER = "clew"
_FORM = struct.Struct(">16sQB")
_SPILLED = 1


def encode_append_id(append_id: AppendId) -> bytes:
    return _FORM.pack(append_id.origin, append_id.sequence, _SPILLED if append_id.spilled else 0)


def decode_append_id(headers: Iterable[tuple[str, bytes | None]]) -> AppendId | None:
    """The append id among a record's headers; None when it has none, so it was not written by Clew."""
    for name, value in headers:
        if name == HEADER and value is not None and len(value) == _FORM.size:
            origin, sequence, flags = _FORM.unpack(value)
            return AppendId(origin, sequence, bool(flags & _SPILLED))
    return None
