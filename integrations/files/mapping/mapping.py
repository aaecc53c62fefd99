"""Mappings: the columns of another system's file that fill the fields of Clew (docs/guide/replay.md).

`read_mapping` reads a mapping from TOML, or lists all of its mistakes. `clew replay` uses it to make events of lines,
`clew program infer` to make a program.
"""

from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Literal, cast

from integrations.files.mapping.events import EventRule, Mode, read_events
from integrations.files.mapping.program import ProgramPart, read_program_part
from integrations.files.mapping.templates import Template, TimeReader, parse_template, time_format
from program.fields import timezone
from program.toml.tables import BadToml, Mistake, Table, read_toml
from runtime.csv_delimiter import delimiter_of
from runtime.text_encoding import encoding_name
from schemas.values.decimal_text import DECIMAL_SIGNS, BadNumber, NumberFormat, thousands_sign

Format = Literal["csv", "ndjson", "access_log"]

ACCESS_LOG_TIME = "%d/%b/%Y:%H:%M:%S %z"


@dataclass(frozen=True, slots=True)
class Source:
    """Form of the file, and the way its lines are sent."""

    format: Format
    mode: Mode
    times: TimeReader
    delimiter: str = ""
    """Of a CSV file; empty if it is found in the file."""
    columns: tuple[str, ...] = ()
    """Names of a CSV file's columns; empty if its first line has them."""
    encoding: str = ""
    """A name of ENCODINGS; empty for a byte order mark's encoding, otherwise UTF-8."""
    decimal: str = ""
    thousands: str | None = None

    def numbers(self, delimiter: str) -> NumberFormat:
        """Return the format of amounts in a file with this delimiter.

        Spreadsheets separate by semicolons, tabs or pipes where the comma is the decimal sign, so in such files a
        point may be a thousands sign.
        """
        return NumberFormat(self.decimal, self.thousands, self.format != "csv" or delimiter == ",")


@dataclass(frozen=True, slots=True)
class FileMapping:
    """Content of a mapping."""

    source: Source
    events: tuple[EventRule, ...]
    link_code: Template
    """Code of the link of {offer} and {partner}, for events that do not name a link."""
    program: ProgramPart | None
    digest: str
    """Digest of the mapping's text."""

    def columns(self) -> tuple[str, ...]:
        """Return every column that is used, in order of first use."""
        return tuple(dict.fromkeys(column for rule in self.events for column in rule.columns()))


@dataclass(frozen=True, slots=True)
class MappingReading:
    """Result of reading a mapping: the mapping, or its mistakes."""

    mapping: FileMapping | None
    mistakes: tuple[Mistake, ...]


def read_mapping(text: str) -> MappingReading:
    """Read a mapping from the text of its file."""
    try:
        root, book = read_toml(text)
    except BadToml as error:
        return MappingReading(None, (error.mistake,))
    source_table = root.table("source", required=True)
    source = _read_source(source_table)
    events = read_events(root, source.mode)
    head = root.table("program")
    code = partial(parse_template, only=("offer", "partner"))
    link_code = head.parsed("link_code", code, parse_template("{offer}-{partner}"))
    program = None
    if "program" in root:
        program = read_program_part(head)
        _check_goals(root, events, program)
    _check_effects(source_table, head, events)
    head.done()
    root.done()
    if book.mistakes:
        return MappingReading(None, tuple(sorted(book.mistakes)))
    digest = blake2b(text.encode(), digest_size=8).hexdigest()
    return MappingReading(FileMapping(source, events, link_code, program, digest), ())


def _read_source(table: Table) -> Source:
    file_format = cast(Format, table.choice("format", ("csv", "ndjson", "access_log"), "csv"))
    mode = cast(Mode, table.choice("mode", ("events", "clicks"), "events"))
    source = Source(
        format=file_format,
        mode=mode,
        times=_read_times(table, file_format, mode),
        delimiter=table.parsed("delimiter", delimiter_of, ""),
        columns=tuple(text for _, text in table.texts("columns")),
        encoding=table.parsed("encoding", encoding_name, ""),
        decimal=table.choice("decimal", DECIMAL_SIGNS, "") if "decimal" in table else "",
        thousands=_read_thousands(table),
    )
    if source.decimal and source.decimal == source.thousands:
        table.wrong("thousands", "must differ from decimal")
    table.done()
    if file_format != "csv":
        for key in ("delimiter", "columns"):
            if key in table:
                table.wrong(key, f"is only for CSV files, not for {file_format}")
    if len(set(source.columns)) < len(source.columns):
        table.wrong("columns", "has a name twice")
    return source


def _read_times(table: Table, file_format: Format, mode: Mode) -> TimeReader:
    default = ACCESS_LOG_TIME if file_format == "access_log" else "rfc3339"
    times = TimeReader(
        table.parsed("time_format", time_format, default),
        table.parsed("time_zone", timezone, "UTC"),
        table.choice("repeated_time", ("first", "second"), "") if "repeated_time" in table else "",
    )
    keys = [key for key in ("time_zone", "repeated_time") if key in table]
    if mode == "clicks":
        for key in (key for key in ("time_format", *keys) if key in table):
            table.wrong(key, "has no effect on clicks, which are sent with the present time; remove it")
    elif not times.uses_zone:
        for key in keys:
            table.wrong(key, "has no effect: every time of this time_format has its own zone; remove it")
    elif times.repeated and not times.zone_changes:
        table.wrong("repeated_time", "has no effect: the clocks of time_zone are never set back; remove it")
    return times


def _read_thousands(table: Table) -> str | None:
    """Return the thousands sign, which may be a space or empty; None if it is not set."""
    signs = table.one_or_more("thousands")
    if "thousands" not in table:
        return None
    try:
        return thousands_sign(signs[0] if len(signs) == 1 else "?")
    except BadNumber as error:
        table.wrong("thousands", str(error))
        return None


def _check_effects(source: Table, program: Table, events: tuple[EventRule, ...]) -> None:
    """Report keys that no event uses, so that nobody relies on them."""
    if not any("amount" in rule.fields and rule.fields["amount"].columns for rule in events):
        for key in ("decimal", "thousands"):
            if key in source and not source.book.has_mistake((*source.place, key)):
                source.wrong(key, "has no effect: no event takes its amount from a column; remove it")
    touches = [rule for rule in events if rule.type in ("click", "impression")]
    if "link_code" in program and all("link" in rule.fields for rule in touches):
        program.wrong("link_code", "has no effect: every click and impression names its link; remove it")


def _check_goals(root: Table, events: tuple[EventRule, ...], program: ProgramPart) -> None:
    """Report a goal that the program will not have, since every conversion of it would be malformed."""
    known = {key for key, _ in program.goals} or {"1"}
    for index, rule in enumerate(events):
        goal = rule.fields["goal"].constant if "goal" in rule.fields else "1"
        if rule.type == "conversion" and goal is not None and goal not in known:
            root.book.wrong(("event", index, "goal"), f"the goal {goal} is not in [program] goals")
