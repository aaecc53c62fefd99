"""Mappings: which column of somebody else's file is what to Clew (docs/guide/replay.md).

`read_mapping` turns a mapping's TOML into values, or lists all that is wrong with it. `clew replay` makes events
of lines with it, `clew program infer` a program.
"""

from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Literal, cast

from integrations.files.mapping.events import EventRule, Mode, read_events
from integrations.files.mapping.program import ProgramPart, read_program_part
from integrations.files.mapping.templates import Template, TimeReader, parse_template, time_format
from program.fields import timezone
from program.toml.tables import BadToml, BadValue, Mistake, Table, read_toml

Format = Literal["csv", "ndjson", "access_log"]

ACCESS_LOG_TIME = "%d/%b/%Y:%H:%M:%S %z"


@dataclass(frozen=True, slots=True)
class Source:
    """How the file is written, and how its lines are sent."""

    format: Format
    mode: Mode
    times: TimeReader
    delimiter: str = ","
    columns: tuple[str, ...] = ()
    """Names of a CSV file's columns; without any, its first line has them."""


@dataclass(frozen=True, slots=True)
class FileMapping:
    """All that a mapping says."""

    source: Source
    events: tuple[EventRule, ...]
    link_code: Template
    """Code of the link of {offer} and {partner}, where no event names the link itself."""
    program: ProgramPart | None
    digest: str
    """Names the mapping by its text."""

    def columns(self) -> tuple[str, ...]:
        """Every column that is used, in order of first use."""
        return tuple(dict.fromkeys(column for rule in self.events for column in rule.columns()))


@dataclass(frozen=True, slots=True)
class MappingReading:
    """What a mapping's text gave: a mapping if there is no mistake."""

    mapping: FileMapping | None
    mistakes: tuple[Mistake, ...]


def read_mapping(text: str) -> MappingReading:
    """The mapping of a file's text."""
    try:
        root, book = read_toml(text)
    except BadToml as error:
        return MappingReading(None, (error.mistake,))
    source = _read_source(root.table("source", required=True))
    events = read_events(root, source.mode)
    head = root.table("program")
    code = partial(parse_template, only=("offer", "partner"))
    link_code = head.parsed("link_code", code, parse_template("{offer}-{partner}"))
    program = None
    if "program" in root:
        program = read_program_part(head)
        _check_goals(root, events, program)
    head.done()
    root.done()
    if book.mistakes:
        return MappingReading(None, tuple(sorted(book.mistakes)))
    digest = blake2b(text.encode(), digest_size=8).hexdigest()
    return MappingReading(FileMapping(source, events, link_code, program, digest), ())


def _read_source(table: Table) -> Source:
    file_format = cast(Format, table.choice("format", ("csv", "ndjson", "access_log"), "csv"))
    default_time = ACCESS_LOG_TIME if file_format == "access_log" else "rfc3339"
    source = Source(
        format=file_format,
        mode=cast(Mode, table.choice("mode", ("events", "clicks"), "events")),
        times=TimeReader(
            table.parsed("time_format", time_format, default_time), table.parsed("time_zone", timezone, "UTC")
        ),
        delimiter=table.parsed("delimiter", _delimiter, ","),
        columns=tuple(text for _, text in table.texts("columns")),
    )
    table.done()
    if file_format != "csv":
        for key in ("delimiter", "columns"):
            if key in table:
                table.wrong(key, f"is only for CSV files, not for {file_format}")
    if len(set(source.columns)) < len(source.columns):
        table.wrong("columns", "has a name twice")
    return source


def _delimiter(text: str) -> str:
    if text == "tab":
        return "\t"
    if len(text) != 1 or not text.isascii() or text == '"':
        raise BadValue('must be one character, or "tab"')
    return text


def _check_goals(root: Table, events: tuple[EventRule, ...], program: ProgramPart) -> None:
    """A goal that the program will not have would make every one of its conversions malformed."""
    known = {key for key, _ in program.goals} or {"1"}
    for index, rule in enumerate(events):
        goal = rule.fields["goal"].constant if "goal" in rule.fields else "1"
        if rule.type == "conversion" and goal is not None and goal not in known:
            root.book.wrong(("event", index, "goal"), f"the goal {goal} is not in [program] goals")
