"""The intent: the offsets that are about to be stored, committed before the first insert. Pure."""

import zlib
from dataclasses import dataclass

_FORM = "v2"


class BadIntent(ValueError):
    """The text is not an intent that this version of Clew understands."""


@dataclass(frozen=True, slots=True)
class Intent:
    """The batch [lo, hi]; `lo` is the committed offset that carries it. Both ends are inclusive."""

    hi: int
    schema: int
    epoch: str
    created_ms: int
    code_version: str

    def encode(self) -> str:
        """Return `v2|hi|schema|epoch|created_ms|code_version|crc`."""
        epoch = self.epoch.replace("|", "/")  # a geo database may be called anything
        body = f"{_FORM}|{self.hi}|{self.schema}|{epoch}|{self.created_ms}|{self.code_version}"
        return f"{body}|{zlib.crc32(body.encode()):08x}"

    @classmethod
    def decode(cls, text: str) -> "Intent":
        """Parse an encoded intent. Raises BadIntent."""
        body, _, crc = text.rpartition("|")
        if f"{zlib.crc32(body.encode()):08x}" != crc:
            raise BadIntent(f"the intent {text!r} is damaged")
        parts = body.split("|")
        if len(parts) != 6 or parts[0] != _FORM:
            raise BadIntent(f"the intent {text!r} has another form than {_FORM}")
        return cls(int(parts[1]), int(parts[2]), parts[3], int(parts[4]), parts[5])
