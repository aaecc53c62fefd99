"""A history file as rows: CSV, NDJSON or an access log, plain or gz, one line at a time.

A line that cannot be read is a LineProblem among the rows; a file that cannot be read raises SourceError.
"""

import csv
import gzip
import io
import json
import re
import zlib
from codecs import getincrementaldecoder
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from integrations.files.access_log import ACCESS_LOG_COLUMNS, parse_line
from integrations.files.mapping.mapping import FileMapping
from runtime.csv_delimiter import (
    SAMPLE_CHARS_MAX,
    SAMPLE_LINES_MAX,
    BadDelimiter,
    choose,
    detect,
    likeliest_header,
    sep_line,
)
from runtime.text_encoding import BAD_BYTES, HEAD_BYTES, BadEncoding, find_encoding

LINE_CHARS_MAX = 1_048_576
_GZIP = b"\x1f\x8b"
_CHUNK_BYTES = 1_048_576
_BAD_BYTE = re.compile("[\udc00-\udcff]")


class SourceError(ValueError):
    """Error for a file that cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record of the file. `line` is the number of its first line, counted from 1."""

    line: int
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class LineProblem:
    """A record that made no event, or an event that was not accepted."""

    line: int
    message: str


class JsonNumber(str):
    """A number of a JSON record, as written: its decimal sign is a point in every file."""

    __slots__ = ()


class SourceFile:
    """An open history file, read under a mapping. Use it in a `with`; `rows` reads it once from its beginning."""

    def __init__(self, path: Path, mapping: FileMapping) -> None:
        self._path = path
        self._source = mapping.source
        self._used = mapping.columns()
        self.delimiter = ""
        """Of a CSV file: set in the mapping, named by its `sep=` line, or found in its first lines."""

    def __enter__(self) -> "SourceFile":
        try:
            self._raw = self._path.open("rb")
        except OSError as error:
            raise SourceError(f"{self._path}: cannot be read: {error.strerror}") from error
        try:
            self._find_form()
        except BaseException:
            self._raw.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._raw.close()

    @property
    def bytes_done(self) -> int:
        """Return how much of the file is read, in bytes on disk."""
        return self._raw.tell()

    def digest(self) -> str:
        """Return 16 hex digits that identify the content, compressed or not. Raises SourceError.

        A file whose encoding nothing names is checked as a whole, so that nothing is sent of one that is not UTF-8.
        """
        hashed = blake2b(digest_size=8)
        decoder = getincrementaldecoder("utf-8")()
        lines = 1
        with _errors_of(self._path):
            stream = self._stream()
            while chunk := stream.read(_CHUNK_BYTES):
                hashed.update(chunk)
                if not self._encoding.is_known:
                    try:
                        decoder.decode(chunk)
                    except UnicodeDecodeError as error:
                        raise self._not_utf8(lines + chunk[: error.start].count(b"\n")) from None
                    lines += chunk.count(b"\n")
        return hashed.hexdigest()

    def rows(self) -> Iterator[Row | LineProblem]:
        """Read every record. Raises SourceError."""
        with _errors_of(self._path):
            if self._source.format == "csv":
                yield from self._csv_rows()
                return
            read = parse_line if self._source.format == "access_log" else _json_values
            for line, text in enumerate(self._lines("\n"), start=1):
                text = text.rstrip("\r\n")
                if not text.strip():
                    continue
                if _BAD_BYTE.search(text):
                    yield self._undecoded(line)
                    continue
                values = read(text)
                yield Row(line, values) if isinstance(values, dict) else LineProblem(line, values)

    def _csv_rows(self) -> Iterator[Row | LineProblem]:
        lines = self._lines("")
        skipped = 1 if self._has_sep_line else 0
        reader = csv.reader(islice(lines, skipped, None), delimiter=self.delimiter, strict=True)
        header = self._source.columns or _header(next(reader, []))
        while True:
            line = skipped + reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                last = skipped + reader.line_num
                lines_read = f"lines {line} to {last}" if last > line else "the line"
                yield LineProblem(line, f"{lines_read} cannot be read as CSV: {error}")
                continue
            if cells is None:
                return
            if not any(cells):  # spreadsheets write rows of delimiters below the last one
                continue
            if len(cells) != len(header):
                yield LineProblem(line, f"has {len(cells)} fields where there are {len(header)} columns")
            elif _BAD_BYTE.search("".join(cells)):
                yield self._undecoded(line)
            else:
                yield Row(line, dict(zip(header, cells, strict=True)))

    def _find_form(self) -> None:
        """Find the encoding and, of a CSV file, the delimiter. Raises SourceError."""
        self.bytes_total = self._path.stat().st_size
        with _errors_of(self._path):
            try:
                self._encoding = find_encoding(self._stream().read(HEAD_BYTES), self._source.encoding)
            except BadEncoding as error:
                raise SourceError(f"{self._path}: {error} in [source] of the mapping") from None
            if self._source.format == "access_log":
                _check_columns(self._path, ACCESS_LOG_COLUMNS, self._used)
            elif self._source.format == "csv":
                self._find_delimiter(self._sample())

    def _sample(self) -> list[str]:
        lines, chars = [], 0
        for line in islice(self._lines(""), SAMPLE_LINES_MAX):
            lines.append(line)
            chars += len(line)
            if chars > SAMPLE_CHARS_MAX:
                break
        for number, line in enumerate(lines, start=1):
            if not self._encoding.is_known and _BAD_BYTE.search(line):
                raise self._not_utf8(number)
        return lines

    def _find_delimiter(self, lines: list[str]) -> None:
        try:
            delimiter = choose(lines[0] if lines else "", self._source.delimiter)
            self._has_sep_line = bool(lines) and sep_line(lines[0]) is not None
            lines = lines[1:] if self._has_sep_line else lines
            self.delimiter = delimiter or detect(lines, self._accepts) or ""
        except BadDelimiter as error:
            raise SourceError(f"{self._path}: {error}; set delimiter in [source] of the mapping") from None
        if self._source.columns:
            _check_columns(self._path, self._source.columns, self._used)
            if not self.delimiter:
                self.delimiter = ","
        else:
            header = (
                next(csv.reader(lines, delimiter=self.delimiter), []) if self.delimiter else likeliest_header(lines)
            )
            _check_columns(self._path, _header(header), self._used)

    def _accepts(self, record: list[str]) -> bool:
        """Return whether a first record has every column that the mapping uses."""
        if self._source.columns:
            return len(record) == len(self._source.columns)
        return set(self._used) <= set(_header(record))

    def _not_utf8(self, line: int) -> SourceError:
        return SourceError(
            f"{self._path}: line {line} has bytes that are not UTF-8; set encoding in [source] of the mapping, for "
            'example encoding = "windows-1252" (with encoding = "utf-8", such lines are listed as problems)'
        )

    def _undecoded(self, line: int) -> LineProblem:
        if not self._encoding.is_known:
            raise self._not_utf8(line)
        return LineProblem(line, f"has bytes that are not {self._encoding.name}; see encoding in [source]")

    def _stream(self) -> gzip.GzipFile | io.BufferedReader:
        self._raw.seek(0)
        packed = self._raw.read(2) == _GZIP
        self._raw.seek(0)
        return gzip.GzipFile(fileobj=self._raw) if packed else self._raw

    def _lines(self, newline: str) -> Iterator[str]:
        text = io.TextIOWrapper(self._stream(), self._encoding.codec, BAD_BYTES, newline)
        try:
            number = 1
            while line := text.readline(LINE_CHARS_MAX):
                if len(line) == LINE_CHARS_MAX:
                    raise SourceError(
                        f"{self._path}: line {number} is longer than {LINE_CHARS_MAX:,} characters; check format in "
                        "[source], and the line ends of the file"
                    )
                yield line
                number += 1
        finally:
            if not text.closed:
                text.detach()  # or it would close the file


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    """Turn errors of reading into SourceErrors that name the file."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{path}: the gz file is cut off or broken") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error


def _header(record: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.strip() for name in record)


def _check_columns(path: Path, header: tuple[str, ...], used: tuple[str, ...]) -> None:
    missing = [name for name in used if name not in header]
    if missing:
        raise SourceError(
            f"{path}: there is no column {', '.join(missing)}; the columns are {', '.join(header) or 'none'}"
        )
    twice = [name for name in used if header.count(name) > 1]
    if twice:
        raise SourceError(f"{path}: there are several columns {', '.join(twice)}; give each a name of its own")


def _json_values(text: str) -> dict[str, str] | str:
    """Return values by name, numbers as written, nested ones as `a.b`; or a sentence that says what is wrong."""
    values: dict[str, str] = {}
    try:
        record = json.loads(text, parse_float=JsonNumber, parse_int=JsonNumber, parse_constant=str)
        if not isinstance(record, dict):
            return "is not a JSON object"
        _flatten("", record, values)
    except (ValueError, RecursionError) as error:
        return f"is not JSON: {error}"
    return values


def _flatten(prefix: str, record: dict[str, Any], values: dict[str, str]) -> None:
    for name, value in record.items():
        if isinstance(value, dict):
            _flatten(f"{prefix}{name}.", value, values)
        elif isinstance(value, bool):
            values[prefix + name] = "true" if value else "false"
        elif isinstance(value, str):
            values[prefix + name] = value
