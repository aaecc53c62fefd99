"""Unpacking and parsing of the parts of an XLSX file, within limits."""

import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from xml.parsers import expat

from control.tables.table import BadTable

UNPACKED_BYTES_MAX = 512 * 1024**2
"""Most bytes that all parts of a file unpack to. A sheet of 200,000 rows has about 200 MiB."""
_PIECE_BYTES = 256 * 1024
_TAGS_MAX = 64
Start = Callable[[str, dict[str, str]], None]


@dataclass(slots=True)
class Unpacked:
    """Count of what was unpacked; headers of the archive are not believed."""

    count_bytes: int = 0

    def parts(self, archive: zipfile.ZipFile, path: str, bytes_max: int = UNPACKED_BYTES_MAX) -> Iterator[bytes]:
        """Unpack one entry in pieces. Raises BadTable."""
        own_bytes = 0
        try:
            with archive.open(path) as entry:
                while piece := entry.read(_PIECE_BYTES):
                    own_bytes += len(piece)
                    self.count_bytes += len(piece)
                    if own_bytes > bytes_max or self.count_bytes > UNPACKED_BYTES_MAX:
                        raise BadTable("unpacks to more than is allowed; split it, or save it as CSV")
                    yield piece
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise BadTable(f"is damaged ({error}); save it again") from None
        except (NotImplementedError, RuntimeError) as error:  # an unknown compression, or a password
            raise BadTable(f"cannot be unpacked ({error}); save it without a password") from None


class Feed:
    """XML that is parsed piece by piece. Names are without their namespace, those of attributes with it."""

    def __init__(self, start: Start, end: Callable[[str], None], text: Callable[[str], None]) -> None:
        self._depth = 0
        self._start, self._end = start, end
        self._parser = expat.ParserCreate(namespace_separator="}")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._started
        self._parser.EndElementHandler = self._ended
        self._parser.CharacterDataHandler = text
        self._parser.StartDoctypeDeclHandler = _refuse
        self._parser.EntityDeclHandler = _refuse

    def write(self, piece: bytes) -> None:
        """Parse a piece. Raises BadTable."""
        self._parse(piece, final=False)

    def end(self) -> None:
        """Parse what is left. Raises BadTable."""
        self._parse(b"", final=True)

    def _parse(self, piece: bytes, *, final: bool) -> None:
        try:
            self._parser.Parse(piece, final)
        except expat.ExpatError as error:
            raise BadTable(f"holds XML with a mistake ({error}); save it again") from None

    def _started(self, name: str, values: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _TAGS_MAX:
            raise BadTable("holds XML with too many levels; save it again")
        self._start(name.rpartition("}")[2], values)

    def _ended(self, name: str) -> None:
        self._depth -= 1
        self._end(name.rpartition("}")[2])


def _refuse(*_arguments: object) -> None:
    raise BadTable("holds XML with a document type, which no spreadsheet writes")


def elements(pieces: Iterable[bytes]) -> list[tuple[str, dict[str, str]]]:
    """Return all elements of a small part, with their attributes. Raises BadTable."""
    found: list[tuple[str, dict[str, str]]] = []

    def start(name: str, values: dict[str, str]) -> None:
        found.append((name, {_attribute(key): value for key, value in values.items()}))

    feed = Feed(start, lambda _name: None, lambda _text: None)
    for piece in pieces:
        feed.write(piece)
    feed.end()
    return found


def _attribute(name: str) -> str:
    space, brace, local = name.rpartition("}")
    return f"{{{space}}}{local}" if brace else local
