"""CSV files: encoding and delimiter are recognised, or given."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from typing import IO

from control.tables.table import BadTable, TableForm, TableRow, counted, headings_of
from runtime.csv_delimiter import (
    SAMPLE_LINES_MAX,
    BadDelimiter,
    choose,
    delimiter_of,
    detect,
    likeliest_header,
    name_of,
    sep_line,
)
from runtime.text_encoding import HEAD_BYTES, BadEncoding, encoding_name, find_encoding

FALLBACK_ENCODING = "windows-1252"
"""Encoding of a file that is not UTF-8 and does not say what it is; spreadsheets on Windows write it."""
_LINE_CHARS_MAX = 1_000_000
_PART_BYTES = 1024**2


class CsvTable:
    """A CSV file that was opened."""

    def __init__(self, file: IO[bytes], encoding: str = "", delimiter: str = "") -> None:
        name, codec = _encoding(file, encoding)
        file.seek(0)
        self._text = io.TextIOWrapper(file, encoding=codec, newline="")
        first = self._text.readline(_LINE_CHARS_MAX)
        self._skipped = 1 if sep_line(first) is not None else 0
        found = _delimiter(self._text, first, delimiter, skip=bool(self._skipped))
        self._restart()
        self._reader = csv.reader(self._text, delimiter=found, strict=True)
        self.headings: Sequence[str] = headings_of(next(self._records(), TableRow(1, ())).cells)
        self.form = TableForm("csv", name, name_of(found))

    def rows(self) -> Iterator[TableRow]:
        return counted(self._records(), len(self.headings))

    def _restart(self) -> None:
        self._text.seek(0)
        for _ in range(self._skipped):
            self._text.readline(_LINE_CHARS_MAX)

    def _records(self) -> Iterator[TableRow]:
        """Yield what the file has left. A record is named by its last line, as text editors count. Raises BadTable."""
        while True:
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                line = self._reader.line_num + self._skipped
                raise BadTable(f"line {line} cannot be read as CSV: {error}; check quotes and delimiter") from None
            yield TableRow(self._reader.line_num + self._skipped, [_plain(cell) for cell in cells])

    def close(self) -> None:
        """Leave the file to the caller."""
        self._text.detach()


def _plain(cell: str) -> str:
    """Take away the apostrophe that our exports put before a text that a spreadsheet would take for a formula."""
    return cell[1:] if len(cell) > 1 and cell[0] == "'" and cell[1] in "=+-@\t\r" else cell


def _encoding(file: IO[bytes], wanted: str) -> tuple[str, str]:
    """Return name and codec of the file's encoding, under which all of it can be read. Raises BadTable."""
    try:
        name = encoding_name(wanted) if wanted else ""
        file.seek(0)
        found = find_encoding(file.read(HEAD_BYTES), name)
    except BadEncoding as error:
        raise BadTable(str(error), "encoding") from None
    fault = _fault(file, found.codec)
    if not fault:
        return found.name, found.codec
    if found.is_known:
        raise BadTable(fault, "encoding" if wanted else "file")
    other = find_encoding(b"", FALLBACK_ENCODING)
    # Windows leaves some bytes without a character, and a picture or program has them.
    if fault := _fault(file, other.codec):
        raise BadTable(f"is not UTF-8, and {fault}; choose its encoding", "encoding")
    return other.name, other.codec


def _fault(file: IO[bytes], codec: str) -> str:
    """Return why a file cannot be read under a codec; empty if it can."""
    decoder = codecs.getincrementaldecoder(codec)()
    file.seek(0)
    done = 0
    while True:
        part = file.read(_PART_BYTES)
        try:
            text = decoder.decode(part, final=not part)
        except UnicodeDecodeError as error:
            return f"byte {done + error.start:,} is not {codec}"
        if "\0" in text:
            return "holds NUL characters, so it is not a text file"
        if not part:
            return ""
        done += len(part)


def _delimiter(text: "io.TextIOWrapper[IO[bytes]]", first: str, wanted: str, *, skip: bool) -> str:
    """Return the delimiter; one column needs none. Raises BadTable."""
    try:
        said = choose(first, delimiter_of(wanted) if wanted else "")
        if said:
            return said
        sample = [] if skip else [first]
        while len(sample) < SAMPLE_LINES_MAX and (line := text.readline(_LINE_CHARS_MAX)):
            sample.append(line)
        width = len(likeliest_header(sample))
        return detect(sample, lambda record: len(record) == width) or ","
    except BadDelimiter as error:
        raise BadTable(f"{error}; choose the delimiter", "delimiter") from None
