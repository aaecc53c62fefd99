"""Events to bytes of the log and back: schema version (1 byte), kind (1 byte), MessagePack array.

A record of an unknown version is not bad, it is from the future: the consumer pauses. Bytes that cannot be
decoded are bad: they go to the dead letters with the error, which names the field.
"""

import re
from typing import Any

import msgspec

from schemas.events import STRUCT_OF, Event, Kind

WIRE_VERSION = 1

_encoder = msgspec.msgpack.Encoder()
_decoders: dict[int, msgspec.msgpack.Decoder[Any]] = {k: msgspec.msgpack.Decoder(s) for k, s in STRUCT_OF.items()}
_kinds = {int(kind): kind for kind in STRUCT_OF}  # quicker than the enum's constructor
_PATH = re.compile(r"\$\[(\d+)\]")


class UndecodableRecord(ValueError):
    """The bytes are no event; the message names the field where one is known."""


class UnknownSchemaVersion(ValueError):
    """The record was written by a newer Clew; nothing may be lost, so the consumer pauses."""

    def __init__(self, version: int) -> None:
        super().__init__(f"schema version {version} is newer than {WIRE_VERSION}, which this Clew knows; upgrade it")
        self.version = version


def encode(kind: Kind, event: Event) -> bytes:
    """Bytes of one log record."""
    return bytes((WIRE_VERSION, kind)) + _encoder.encode(event)


def kind_of(value: bytes) -> Kind:
    """The kind of a record without decoding it. Raises UndecodableRecord, UnknownSchemaVersion."""
    if len(value) < 3:
        raise UndecodableRecord(f"record of {len(value)} bytes is too short")
    if value[0] > WIRE_VERSION:
        raise UnknownSchemaVersion(value[0])
    kind = _kinds.get(value[1])
    if value[0] == 0 or kind is None:
        raise UndecodableRecord(f"no event has version {value[0]} and kind {value[1]}")
    return kind


def decode(value: bytes) -> tuple[Kind, Event]:
    """The event of one log record. Raises UndecodableRecord, UnknownSchemaVersion."""
    kind = kind_of(value)
    try:
        return kind, _decoders[kind].decode(memoryview(value)[2:])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UndecodableRecord(_name_field(kind, str(error))) from error


def _name_field(kind: Kind, message: str) -> str:
    """Array-form errors are positional (`$[2]`); say the field's name instead."""
    names = STRUCT_OF[kind].__struct_fields__

    def name(match: re.Match[str]) -> str:
        position = int(match.group(1))
        return names[position] if position < len(names) else match.group(0)

    return f"{kind.name.lower()}: {_PATH.sub(name, message, count=1)}"
