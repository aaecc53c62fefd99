"""Read path tables and event tables from CSV and Parquet files, a batch at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from attribution.paths.csv_file import CsvFile, CsvOptions
from attribution.paths.path_table import (
    BadTable,
    EventOptions,
    PathTable,
    PathTableBuilder,
    Progress,
    UnusableOption,
    no_progress,
)

PATH_COLUMNS = ("path", "total_conversions", "total_conversion_value", "total_null")
EVENT_COLUMNS = ("identity", "ts", "type", "channel", "value", "event_id")
OPTIONAL = ("total_conversion_value", "total_null", "value", "event_id")
SEPARATOR = " > "
BATCH_ROWS = 1 << 18


@dataclass(frozen=True)
class TableOptions:
    """Names of a file's columns, and the way its paths and events are read."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Names in the file by our names, for those that differ."""
    separator: str = ""
    """Text between the names of a path; empty for SEPARATOR."""
    events: EventOptions = field(default_factory=EventOptions)
    csv: CsvOptions = field(default_factory=CsvOptions)

    def __post_init__(self) -> None:
        if self.separator and not self.separator.strip():
            raise ValueError("--separator needs at least one character that is not white space")
        unknown = sorted(set(self.columns) - {*PATH_COLUMNS, *EVENT_COLUMNS})
        if unknown:
            ours = ", ".join(dict.fromkeys((*PATH_COLUMNS, *EVENT_COLUMNS)))
            raise ValueError(f"--columns: {unknown[0]!r} is not a column of ours; they are {ours}")


def read_table(file: Path, options: TableOptions, progress: Progress = no_progress) -> PathTable:
    """Read the journeys of a file: a path table if it has a column `path`, an event table if it has `identity`.

    The first bytes tell CSV (gzip too) from Parquet. `progress` is in bytes (CSV) or rows (Parquet). Raises BadTable,
    UnusableOption for an option that does not fit the file, and OSError if the file cannot be read.
    """
    with file.open("rb") as raw:
        is_parquet = raw.read(4) == b"PAR1"
    if is_parquet:
        return _read_parquet(file, options, progress)
    source = CsvFile(file, options.csv, lambda names: _is_table(names, options.columns))
    theirs, is_path = _columns(source.names, options.columns)
    builder = _noting_builder(is_path, options, theirs)
    try:
        for columns, done in source.batches(theirs, plain=source.has_plain_numbers):
            builder.add(columns)
            progress(done, source.bytes_total)
        return builder.build()
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        source.check_utf8()
        if not source.has_plain_numbers:
            raise BadTable(_unreadable(error)) from None
    # A number is not in the form that programs write; read the file again as a spreadsheet, and name a bad cell.
    builder = _noting_builder(is_path, options, theirs)
    try:
        for columns, done in source.batches(theirs, plain=False):
            builder.add(columns)
            progress(done, source.bytes_total)
        return builder.build()
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise BadTable(_unreadable(error)) from None


def _unreadable(error: Exception) -> str:
    return f"this is not a table that can be read: {str(error).splitlines()[0]}"


def table_of(table: pa.Table, options: TableOptions | None = None) -> PathTable:
    """Read the journeys of an Arrow table. Raises BadTable, UnusableOption."""
    options = options or TableOptions()
    _check_not_csv(options.csv, "an Arrow table")
    theirs, is_path = _columns(table.column_names, options.columns)
    builder = _builder(is_path, options)
    for batch in table.to_batches(max_chunksize=BATCH_ROWS):
        builder.add({ours: _plain(batch.column(name)) for ours, name in theirs.items()})
    return builder.build()


def _check_not_csv(options: CsvOptions, noun: str) -> None:
    if given := options.given():
        raise UnusableOption(f"{given[0]} is for CSV files, and this is {noun}; leave it out")


class _Builder(Protocol):
    notes: list[str]

    def add(self, columns: Mapping[str, pa.Array]) -> None: ...

    def build(self) -> PathTable: ...


def _noting_builder(is_path: bool, options: TableOptions, theirs: Mapping[str, str]) -> _Builder:
    """Return a builder that notes the optional columns a file does not have."""
    builder = _builder(is_path, options)
    for name in sorted(set(OPTIONAL[:2] if is_path else OPTIONAL[2:3]) - set(theirs)):
        builder.notes.append(f"there is no column {name}: it counts as 0 in every row")
    return builder


def _builder(is_path: bool, options: TableOptions) -> _Builder:
    """Return the builder of a path table or event table. Raises UnusableOption."""
    events = options.events
    if is_path:
        given = {"--windows": events.windows_us, "--reset": events.resets, "--types": events.types}
        for name, value in given.items():
            if value:
                raise UnusableOption(f"{name} is for event tables, and this is a path table; leave it out")
        return PathTableBuilder((options.separator or SEPARATOR).encode())
    if options.separator:
        raise UnusableOption("--separator is for path tables, and this is an event table; leave it out")
    from attribution.paths.event_table import EventTableBuilder  # slow to import, and path tables do not need it

    return EventTableBuilder(events)


def _is_table(names: Sequence[str], given: Mapping[str, str]) -> bool:
    """Return whether columns of these names are a path table or an event table."""
    return any(given.get(ours, ours) in names for ours in ("path", "identity"))


def _columns(names: Sequence[str], given: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """Return the file's names by ours, and whether this is a path table. Raises BadTable, UnusableOption."""
    is_path = given.get("path", "path") in names and "identity" not in given
    if not is_path and given.get("identity", "identity") not in names:
        asked = next((ours for ours in ("path", "identity") if ours in given), None)
        missing = f"no column {given[asked]}" if asked else "neither a column path nor identity"
        raise BadTable(
            f"there is {missing}, only {', '.join(map(repr, names))}; name the columns, as in "
            f"--columns {asked or 'path'}=NAME"
        )
    wanted = PATH_COLUMNS if is_path else EVENT_COLUMNS
    unused = sorted(set(given) - set(wanted))
    if unused:
        noun = "a path table" if is_path else "an event table"
        raise UnusableOption(f"--columns: {noun} has no column {unused[0]}; it has {', '.join(wanted)}")
    found: dict[str, str] = {}
    for ours in wanted:
        theirs = given.get(ours, ours)
        if list(names).count(theirs) > 1:
            raise BadTable(f"there are two columns {theirs}; rename one")
        if theirs in names:
            found[ours] = theirs
        elif ours in given or ours not in OPTIONAL:
            raise BadTable(
                f"there is no column {theirs}, only {', '.join(map(repr, names))}; name the column, as in "
                f"--columns {ours}=NAME"
            )
        if list(found.values()).count(theirs) > 1:
            raise BadTable(f"column {theirs} is named for two of ours; each has one of its own")
    return found, is_path


def _plain(column: pa.Array) -> pa.Array:
    """Return a column without a dictionary."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _read_parquet(file: Path, options: TableOptions, progress: Progress) -> PathTable:
    from pyarrow import parquet

    _check_not_csv(options.csv, "a Parquet file")
    try:
        opened = parquet.ParquetFile(file)
        theirs, is_path = _columns(opened.schema_arrow.names, options.columns)
        builder = _noting_builder(is_path, options, theirs)
        done = 0
        for batch in opened.iter_batches(batch_size=BATCH_ROWS, columns=list(theirs.values())):
            builder.add({ours: _plain(batch.column(name)) for ours, name in theirs.items()})
            done += batch.num_rows
            progress(done, opened.metadata.num_rows)
        return builder.build()
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise BadTable(f"this Parquet file cannot be read: {str(error).splitlines()[0]}") from None
