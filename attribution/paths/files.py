"""Reads path tables and event tables out of CSV and Parquet files, a batch at a time."""

import csv
import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TextIO

import pyarrow as pa

from attribution.paths.path_table import BadTable, EventOptions, PathTable, PathTableBuilder, Progress, no_progress

PATH_COLUMNS = ("path", "total_conversions", "total_conversion_value", "total_null")
EVENT_COLUMNS = ("identity", "ts", "type", "channel", "value", "event_id")
OPTIONAL = ("total_conversion_value", "total_null", "value", "event_id")
NUMBERS = ("total_conversions", "total_conversion_value", "total_null", "value")
BLOCK_BYTES = 16 << 20
BATCH_ROWS = 1 << 18


@dataclass(frozen=True)
class TableOptions:
    """What a file's columns are called, and how its paths and events are read."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Our name to the file's, for those that differ."""
    separator: str = " > "
    events: EventOptions = field(default_factory=EventOptions)

    def __post_init__(self) -> None:
        if not self.separator.strip():
            raise ValueError("a separator has at least one character that is not white space")
        unknown = sorted(set(self.columns) - {*PATH_COLUMNS, *EVENT_COLUMNS})
        if unknown:
            ours = ", ".join(dict.fromkeys((*PATH_COLUMNS, *EVENT_COLUMNS)))
            raise ValueError(f"{unknown[0]!r} is no column of ours; they are {ours}")


def read_table(file: Path, options: TableOptions, progress: Progress = no_progress) -> PathTable:
    """The journeys of a file: a path table if it has a column `path`, an event table if it has `identity`.

    CSV (gzip too) or Parquet, told by their first bytes. `progress` is in bytes (CSV) or rows (Parquet). Raises
    BadTable, or OSError where there is no such file.
    """
    with file.open("rb") as raw:
        is_parquet = raw.read(4) == b"PAR1"
    source = _parquet(file) if is_parquet else _csv(file)
    theirs, is_path = _columns(source.names, options.columns)
    builder = _builder(is_path, options)
    for name in sorted(set(OPTIONAL[:2] if is_path else OPTIONAL[2:3]) - set(theirs)):
        builder.notes.append(f"there is no column {name}: it counts as 0 in every row")
    try:
        for batch, done in source.batches(theirs):
            builder.add({ours: _plain(batch.column(name)) for ours, name in theirs.items()})
            progress(done, source.total)
        return builder.build()
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        if not is_parquet:
            _refuse_texts(file, theirs)
        raise BadTable(f"this is no table that can be read: {str(error).splitlines()[0]}") from None


def table_of(table: pa.Table, options: TableOptions | None = None) -> PathTable:
    """The same out of an Arrow table. Raises BadTable."""
    options = options or TableOptions()
    theirs, is_path = _columns(table.column_names, options.columns)
    builder = _builder(is_path, options)
    for batch in table.to_batches(max_chunksize=BATCH_ROWS):
        builder.add({ours: _plain(batch.column(name)) for ours, name in theirs.items()})
    return builder.build()


class _Builder(Protocol):
    notes: list[str]

    def add(self, columns: Mapping[str, pa.Array]) -> None: ...

    def build(self) -> PathTable: ...


def _builder(is_path: bool, options: TableOptions) -> _Builder:
    if is_path:
        builder = PathTableBuilder(options.separator.encode())
        if options.events != EventOptions():
            builder.notes.append("windows, types and resets are for event tables; a path table has no times")
        return builder
    from attribution.paths.event_table import EventTableBuilder  # what it imports takes long, and path tables need none

    return EventTableBuilder(options.events)


def _columns(names: Sequence[str], given: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """Our names to the file's, and whether this is a path table."""
    is_path = given.get("path", "path") in names
    if not is_path and given.get("identity", "identity") not in names:
        asked = next((ours for ours in ("path", "identity") if ours in given), None)
        raise BadTable(
            f"there is {f'no column {given[asked]}' if asked else 'neither a column path nor identity'}, only "
            f"{', '.join(map(repr, names))}; say which is which, as in --columns {asked or 'path'}=NAME"
        )
    wanted = PATH_COLUMNS if is_path else EVENT_COLUMNS
    found = {}
    for ours in wanted:
        theirs = given.get(ours, ours)
        if list(names).count(theirs) > 1:
            raise BadTable(f"there are two columns {theirs}; rename one")
        if theirs in names:
            found[ours] = theirs
        elif ours in given or ours not in OPTIONAL:
            raise BadTable(
                f"there is no column {theirs}, only {', '.join(map(repr, names))}; say which it is, as in "
                f"--columns {ours}=NAME"
            )
        if list(found.values()).count(theirs) > 1:
            raise BadTable(f"column {theirs} is named for two of ours; each has one of its own")
    return found, is_path


def _plain(column: pa.Array) -> pa.Array:
    """Without a dictionary."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


@dataclass(frozen=True)
class _Source:
    names: Sequence[str]
    total: int
    batches: Callable[[Mapping[str, str]], Iterator[tuple[Any, int]]]


def _is_gzip(file: Path) -> bool:
    with file.open("rb") as raw:
        return raw.read(2) == b"\x1f\x8b"


def _text(file: Path) -> TextIO:
    if _is_gzip(file):
        return gzip.open(file, "rt", encoding="utf-8-sig", newline="")
    return file.open("r", encoding="utf-8-sig", newline="")


def _refuse_texts(file: Path, theirs: Mapping[str, str]) -> None:
    """Raises BadTable with row and column of the first text that stands for a number; slow, for what failed already."""
    with suppress(csv.Error, UnicodeDecodeError, IndexError), _text(file) as text:
        rows = (row for row in csv.reader(text) if row)
        header = next(rows)
        places = {theirs[ours]: header.index(theirs[ours]) for ours in NUMBERS if ours in theirs}
        for number, row in enumerate(rows, 1):
            for name, place in places.items():
                if not _is_number(row[place]):
                    raise BadTable(
                        f"{name} is {row[place]!r} in row {number}; give a number with a point for decimals and "
                        "nothing between thousands, or leave it empty"
                    )


def _is_number(text: str) -> bool:
    try:
        float(text or 0)
    except ValueError:
        return False
    return "_" not in text


def _csv(file: Path) -> _Source:
    is_gzip = _is_gzip(file)
    try:
        with _text(file) as text:
            names = next(csv.reader(text), [])
    except (UnicodeDecodeError, csv.Error, EOFError, gzip.BadGzipFile) as error:
        raise BadTable(f"this is neither Parquet nor CSV in UTF-8: {error}") from None
    if not names:
        raise BadTable("the file is empty; give one with a line of column names")

    def batches(theirs: Mapping[str, str]) -> Iterator[tuple[Any, int]]:
        from pyarrow import csv as arrow_csv

        types = {name: pa.float64() if ours in NUMBERS else pa.string() for ours, name in theirs.items()}
        convert = arrow_csv.ConvertOptions(
            include_columns=list(theirs.values()),
            column_types=types,
            null_values=[""],
            strings_can_be_null=False,
        )
        with pa.OSFile(str(file)) as raw:
            stream = pa.CompressedInputStream(raw, "gzip") if is_gzip else raw
            reading = arrow_csv.ReadOptions(block_size=BLOCK_BYTES)
            with arrow_csv.open_csv(stream, read_options=reading, convert_options=convert) as reader:
                for batch in reader:
                    yield batch, raw.tell()

    return _Source(names, file.stat().st_size, batches)


def _parquet(file: Path) -> _Source:
    from pyarrow import parquet

    try:
        opened = parquet.ParquetFile(file)
    except pa.ArrowInvalid as error:
        raise BadTable(f"this Parquet file cannot be read: {str(error).splitlines()[0]}") from None

    def batches(theirs: Mapping[str, str]) -> Iterator[tuple[Any, int]]:
        done = 0
        for batch in opened.iter_batches(batch_size=BATCH_ROWS, columns=list(theirs.values())):
            done += batch.num_rows
            yield batch, done

    return _Source(opened.schema_arrow.names, opened.metadata.num_rows, batches)
