"""Reads path tables and event tables out of CSV and Parquet files, a batch at a time."""

import csv
import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from attribution.paths.table import BadTable, EventOptions, PathTable, PathTableBuilder, Progress, unseen

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


def read_table(file: Path, options: TableOptions, progress: Progress = unseen) -> PathTable:
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
        return PathTableBuilder(options.separator.encode())
    from attribution.paths.events import EventTableBuilder  # what it imports takes long, and path tables need none

    return EventTableBuilder(options.events)


def _columns(names: Sequence[str], given: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """Our names to the file's, and whether this is a path table."""
    unknown = sorted(set(given) - {*PATH_COLUMNS, *EVENT_COLUMNS})
    if unknown:
        raise BadTable(f"{unknown[0]!r} is no column of ours; they are {', '.join((*PATH_COLUMNS, *EVENT_COLUMNS))}")
    is_path = given.get("path", "path") in names
    if not is_path and given.get("identity", "identity") not in names:
        raise BadTable(
            f"there is neither a column path nor identity, only {', '.join(map(repr, names))}; say which is which, "
            "as in --columns path=journey"
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
    return found, is_path


def _plain(column: pa.Array) -> pa.Array:
    """Without a dictionary."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


@dataclass(frozen=True)
class _Source:
    names: Sequence[str]
    total: int
    batches: Callable[[Mapping[str, str]], Iterator[tuple[Any, int]]]


def _csv(file: Path) -> _Source:
    with file.open("rb") as raw:
        is_gzip = raw.read(2) == b"\x1f\x8b"
    try:
        with (
            gzip.open(file, "rt", encoding="utf-8-sig", newline="")
            if is_gzip
            else file.open("r", encoding="utf-8-sig", newline="") as text
        ):
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
