"""A file of somebody else's history as rows: CSV, NDJSON or an Apache log, plain or gz, one line at a time.

A line that cannot be read is a LineProblem among the rows; what makes the whole file unreadable is a SourceError.
"""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any

from integrations.files.mapping.mapping import Source

LINE_CHARS_MAX = 1_048_576
_GZIP = b"\x1f\x8b"
_CHUNK_BYTES = 1_048_576
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_ACCESS = re.compile(r'(\S+) (\S+) (.*?) \[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\d{3}|-) (\d+|-)(?: (".*)|$)')
# The line's end closes a quote, too: a server that stopped while it wrote leaves such a line.
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)(?:"|$)')
ACCESS_LOG_COLUMNS = ("host", "ident", "user", "time", "request", "status", "bytes", "referrer", "user_agent")
_REQUEST_COLUMNS = ("method", "path", "protocol")
_BYTES = re.compile(r"(?:\\x[0-9a-fA-F]{2})+")


class SourceError(ValueError):
    """The file cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record of the file. `line` is where it begins, counted from 1."""

    line: int
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class LineProblem:
    """A record that made no event, or one that was not accepted."""

    line: int
    message: str


class SourceFile:
    """An open file. Use it in a `with`; `rows` reads it once from its beginning."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> "SourceFile":
        try:
            self._raw = self._path.open("rb")
        except OSError as error:
            raise SourceError(f"{self._path}: cannot be read: {error.strerror}") from error
        self.bytes_total = self._path.stat().st_size
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._raw.close()

    @property
    def bytes_done(self) -> int:
        """How much of the file is read, as it lies on disk."""
        return self._raw.tell()

    def digest(self) -> str:
        """16 hex digits that name the content, whether it is compressed or not."""
        hashed = blake2b(digest_size=8)
        with _errors_of(self._path):
            stream = self._stream()
            while chunk := stream.read(_CHUNK_BYTES):
                hashed.update(chunk)
        return hashed.hexdigest()

    def rows(self, source: Source, used: tuple[str, ...]) -> Iterator[Row | LineProblem]:
        """Every record. Raises SourceError if a column of `used` is not in the file."""
        with _errors_of(self._path):
            if source.format == "csv":
                yield from self._csv_rows(source, used)
                return
            if source.format == "access_log":
                _check_columns(self._path, (*ACCESS_LOG_COLUMNS, *_REQUEST_COLUMNS), used)
            read = _access_values if source.format == "access_log" else _json_values
            for line, text in enumerate(self._lines("\n"), start=1):
                text = text.rstrip("\r\n")
                if not text.strip():
                    continue
                if _NOT_UTF8.search(text):
                    yield _not_utf8(line)
                    continue
                values = read(text)
                yield Row(line, values) if isinstance(values, dict) else LineProblem(line, values)

    def _csv_rows(self, source: Source, used: tuple[str, ...]) -> Iterator[Row | LineProblem]:
        reader = csv.reader(self._lines(""), delimiter=source.delimiter, strict=True)
        header = source.columns or tuple(name.strip() for name in next(reader, ()))
        _check_columns(self._path, header, used)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                lines = f"lines {line} to {reader.line_num}" if reader.line_num > line else "the line"
                yield LineProblem(line, f"{lines} cannot be read as CSV: {error}")
                continue
            if cells is None:
                return
            if not cells:
                continue
            if len(cells) != len(header):
                yield LineProblem(line, f"has {len(cells)} fields where there are {len(header)} columns")
            elif _NOT_UTF8.search("".join(cells)):
                yield _not_utf8(line)
            else:
                yield Row(line, dict(zip(header, cells, strict=True)))

    def _stream(self) -> gzip.GzipFile | io.BufferedReader:
        self._raw.seek(0)
        packed = self._raw.read(2) == _GZIP
        self._raw.seek(0)
        return gzip.GzipFile(fileobj=self._raw) if packed else self._raw

    def _lines(self, newline: str) -> Iterator[str]:
        text = io.TextIOWrapper(self._stream(), "utf-8-sig", "surrogateescape", newline)
        try:
            number = 1
            while line := text.readline(LINE_CHARS_MAX):
                if len(line) == LINE_CHARS_MAX:
                    raise SourceError(f"{self._path}: line {number} is longer than {LINE_CHARS_MAX} characters")
                yield line
                number += 1
        finally:
            if not text.closed:
                text.detach()  # or it would close the file


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    """Errors of reading as SourceErrors that name the file."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{path}: the gz file is cut off or broken") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error


def _not_utf8(line: int) -> LineProblem:
    return LineProblem(line, "has bytes that are no UTF-8")


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
    """Values by name, numbers as they are written, nested ones as `a.b`; or what is wrong."""
    try:
        record = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        return f"is no JSON: {error}"
    if not isinstance(record, dict):
        return "is no JSON object"
    values: dict[str, str] = {}
    _flatten("", record, values)
    return values


def _flatten(prefix: str, record: dict[str, Any], values: dict[str, str]) -> None:
    for name, value in record.items():
        if isinstance(value, dict):
            _flatten(f"{prefix}{name}.", value, values)
        elif isinstance(value, bool):
            values[prefix + name] = "true" if value else "false"
        elif isinstance(value, str):
            values[prefix + name] = value


def _access_values(text: str) -> dict[str, str] | str:
    match = _ACCESS.fullmatch(text)
    if match is None:
        return "is no line of an Apache access log"
    *first, rest = match.groups()
    referrer, user_agent = (*_QUOTED.findall(rest or ""), "", "")[:2]
    cells = (*first, referrer, user_agent)
    values = {name: _unquoted(cell) for name, cell in zip(ACCESS_LOG_COLUMNS, cells, strict=True)}
    parts = values["request"].split(" ")
    requested = parts if len(parts) == 3 else ("", values["request"], "")
    return values | dict(zip(_REQUEST_COLUMNS, requested, strict=True))


def _unquoted(value: str) -> str:
    r"""A logged value as it was sent: `-` is nothing; \" \\ and, where they are UTF-8, \xhh are undone."""
    if value == "-":
        return ""
    if "\\" not in value:
        return value
    return _BYTES.sub(_bytes_text, value).replace('\\"', '"').replace("\\\\", "\\")


def _bytes_text(match: re.Match[str]) -> str:
    try:
        return bytes.fromhex(match.group().replace("\\x", "")).decode()
    except UnicodeDecodeError:
        return match.group()
