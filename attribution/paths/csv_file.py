"""Read a CSV file of a program or a spreadsheet as Arrow batches, plain or gz."""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from attribution.paths.number_cells import NumberCells
from attribution.paths.path_table import BadTable
from runtime.csv_delimiter import (
    SAMPLE_CHARS_MAX,
    SAMPLE_LINES_MAX,
    BadDelimiter,
    choose,
    detect,
    likeliest_header,
    sep_line,
)
from runtime.text_encoding import BAD_BYTES, HEAD_BYTES, BadEncoding, TextEncoding, find_encoding
from schemas.values.decimal_text import NumberFormat

NUMBERS = ("total_conversions", "total_conversion_value", "total_null", "value")
BLOCK_BYTES = 16 << 20
_OTHER = "name another encoding, as in --encoding windows-1252"
_NOT_UTF8 = f"the file has bytes that are not UTF-8; {_OTHER}"
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class CsvOptions:
    """Form of a CSV file; an empty value or None is detected."""

    delimiter: str = ""
    encoding: str = ""
    decimal: str = ""
    thousands: str | None = None

    def __post_init__(self) -> None:
        if self.decimal and self.decimal == self.thousands:
            raise ValueError("--thousands must differ from --decimal")

    def given(self) -> list[str]:
        """Return the names of the options that are set."""
        signs = {"--delimiter": self.delimiter, "--encoding": self.encoding, "--decimal": self.decimal}
        return [name for name, value in signs.items() if value] + ["--thousands"] * (self.thousands is not None)


class CsvFile:
    """CSV file of a known form; its first line has the names of its columns."""

    def __init__(self, file: Path, options: CsvOptions, accepts: Callable[[Sequence[str]], bool]) -> None:
        """Find encoding and delimiter: `accepts` tells whether names of columns can be the file's. Raises BadTable."""
        self._file = file
        self.bytes_total = file.stat().st_size
        with file.open("rb") as raw:
            self._is_gzip = raw.read(2) == _GZIP
        with self._errors():
            with self._open() as stream:
                self._encoding = _encoding_of(stream.read(HEAD_BYTES), options.encoding)
            sample = self._sample()
        try:
            delimiter = choose(sample[0] if sample else "", options.delimiter)
            self._skipped = 1 if sample and sep_line(sample[0]) else 0
            lines = sample[self._skipped :]
            self._delimiter = delimiter or detect(lines, accepts) or ""
        except BadDelimiter as error:
            raise BadTable(f"{error}; give it by --delimiter") from None
        with self._errors():
            self.names = next(csv.reader(lines, delimiter=self._delimiter), []) if self._delimiter else []
        self.names = self.names or likeliest_header(lines)
        if not self.names:
            raise BadTable("the file is empty; give one with a line of column names")
        self._numbers = NumberFormat(options.decimal, options.thousands, self._delimiter in (",", ""))

    @property
    def has_plain_numbers(self) -> bool:
        """Return whether numbers can be tried in the form that programs write, which is read faster."""
        return not self._numbers.is_set and self._numbers.point_by_default

    def batches(self, theirs: Mapping[str, str], *, plain: bool) -> Iterator[tuple[dict[str, pa.Array], int]]:
        """Yield our columns and the bytes read. Raises BadTable; ArrowInvalid for a number that is not plain."""
        from pyarrow import csv as arrow_csv

        types = {name: pa.float64() if plain and ours in NUMBERS else pa.string() for ours, name in theirs.items()}
        convert = arrow_csv.ConvertOptions(
            include_columns=list(theirs.values()), column_types=types, null_values=[""], strings_can_be_null=False
        )
        codec = "utf8" if self._encoding.name == "utf-8" else self._encoding.codec
        reading = arrow_csv.ReadOptions(block_size=BLOCK_BYTES, encoding=codec, skip_rows=self._skipped)
        parsing = arrow_csv.ParseOptions(delimiter=self._delimiter or ",", newlines_in_values=True)
        cells, rows = NumberCells(self._numbers), 0
        with pa.OSFile(str(self._file)) as raw, self._errors():
            stream = pa.CompressedInputStream(raw, "gzip") if self._is_gzip else raw
            with arrow_csv.open_csv(
                stream, read_options=reading, parse_options=parsing, convert_options=convert
            ) as reader:
                for batch in reader:
                    columns: dict[str, Any] = {ours: batch.column(name) for ours, name in theirs.items()}
                    if not plain:
                        columns |= {name: cells.read(columns[name], name, rows) for name in NUMBERS if name in columns}
                    rows += batch.num_rows
                    yield columns, raw.tell()
        cells.finish()

    def _open(self) -> "gzip.GzipFile | io.BufferedReader":
        return gzip.open(self._file) if self._is_gzip else self._file.open("rb")

    def _sample(self) -> list[str]:
        """Read the first lines. Raises BadTable if they are not UTF-8 although nothing names another encoding."""
        lines: list[str] = []
        chars = 0
        with io.TextIOWrapper(self._open(), self._encoding.codec, BAD_BYTES, newline="") as text:
            while len(lines) < SAMPLE_LINES_MAX and chars < SAMPLE_CHARS_MAX:
                line = text.readline(SAMPLE_CHARS_MAX)
                if not line:
                    break
                lines.append(line)
                chars += len(line)
        if not self._encoding.is_known and any("\udc00" <= char <= "\udcff" for line in lines for char in line):
            raise BadTable(_NOT_UTF8)
        return lines

    def check_utf8(self) -> None:
        """Raise BadTable for a file that is not UTF-8 although nothing names another encoding."""
        if self._encoding.is_known:
            return
        try:
            with io.TextIOWrapper(self._open(), "utf-8") as text:
                while text.read(BLOCK_BYTES):
                    pass
        except UnicodeDecodeError:
            raise BadTable(_NOT_UTF8) from None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn errors of decoding and unpacking into BadTable."""
        try:
            yield
        except UnicodeDecodeError as error:
            raise BadTable(f"the file has bytes that are not {self._encoding.name}; {_OTHER}") from error
        except (csv.Error, EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise BadTable(f"this is neither Parquet nor CSV: {error}") from None


def _encoding_of(head: bytes, wanted: str) -> TextEncoding:
    try:
        return find_encoding(head, wanted)
    except BadEncoding as error:
        raise BadTable(f"{error}; give --encoding as the file has it") from None
