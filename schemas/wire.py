"""Encode and decode the records of the log: schema version (1 byte), kind (1 byte), MessagePack array.

A record of a newer version is not damaged: the consumer pauses until Clew is upgraded. Bytes that cannot be decoded
are damaged: they go to the dead letters with an error that names the field.
"""

import re
from typing import Any

import msgspec

from schemas.events import STRUCT_OF, Event, Kind

WIRE_VERSION = 1

_encoder = msgspec.msgpack.Encoder()
_decoders: dict[Kind, msgspec.msgpack.Decoder[Any]] = {k: msgspec.msgpack.Decoder(s) for k, s in STRUCT_OF.items()}
_readers = {
    bytes((version, kind)): (kind, decoder.decode)
    for version in range(1, WIRE_VERSION + 1)
    for kind, decoder in _decoders.items()
}
"""Kind and decoder by the first two bytes of a record."""
_PATH = re.compile(r"\$\[(\d+)\]")


class UndecodableRecord(ValueError):
    """Error for bytes that are not an event; the message names the field if one is known."""


class UnknownSchemaVersion(ValueError):
    """Error for a record of a newer Clew; the consumer pauses, so that nothing is lost."""

    def __init__(self, version: int) -> None:
        super().__init__(f"schema version {version} is newer than {WIRE_VERSION}, the newest one known; upgrade Clew")
        self.version = version


def encode(kind: Kind, event: Event) -> bytes:
    """Encode an event as one log record."""
    return bytes((WIRE_VERSION, kind)) + _encoder.encode(event)


def kind_of(value: bytes) -> Kind:
    """Read the kind of a record without decoding it. Raises UndecodableRecord, UnknownSchemaVersion."""
    found = _readers.get(value[:2])
    if found is None or len(value) < 3:
        raise _unreadable(value)
    return found[0]


def decode(value: bytes) -> tuple[Kind, Event]:
    """Decode one log record. Raises UndecodableRecord, UnknownSchemaVersion."""
    found = _readers.get(value[:2])
    if found is None or len(value) < 3:
        raise _unreadable(value)
    kind, read = found
    try:
        return kind, read(value[2:])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UndecodableRecord(_name_field(kind, str(error))) from error


def _unreadable(value: bytes) -> UndecodableRecord | UnknownSchemaVersion:
    if len(value) < 3:
        return UndecodableRecord(f"record of {len(value)} bytes is too short")
    if value[0] > WIRE_VERSION:
        return UnknownSchemaVersion(value[0])
    return UndecodableRecord(f"there is no event of version {value[0]} and kind {value[1]}")


def _name_field(kind: Kind, message: str) -> str:
    """Replace the position in an error of the array form (`$[2]`) by the name of the field."""
    names = STRUCT_OF[kind].__struct_fields__

    def name(match: re.Match[str]) -> str:
        position = int(match.group(1))
        return names[position] if position < len(names) else match.group(0)

    return f"{kind.name.lower()}: {_PATH.sub(name, message, count=1)}"
