"""What a mapping says about one value: a template over columns, or how times are written. All pure."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from program.toml.tables import BadValue

_PART = re.compile(r"\{\{|\}\}|\{([^{}]+)\}|[{}]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIX_US = {"unix_s": 1_000_000, "unix_ms": 1_000, "unix_us": 1}
_UNIX = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?", re.ASCII)
_SAMPLE = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
_TIMES_KEPT = 4_096


@dataclass(frozen=True, slots=True)
class Template:
    """A text with columns in braces, as in "{ip}-{device}": literals[0] columns[0] literals[1] … literals[n]."""

    literals: tuple[str, ...]
    columns: tuple[str, ...]

    def fill(self, row: Mapping[str, str]) -> str:
        """The text of one row; empty if it has columns and all of them are empty."""
        values = [row.get(column, "") for column in self.columns]
        if self.columns and not any(values):
            return ""
        return self.literals[0] + "".join(
            value + literal for value, literal in zip(values, self.literals[1:], strict=True)
        )

    @property
    def constant(self) -> str | None:
        """The text if no column is in it."""
        return None if self.columns else self.literals[0]


def parse_template(text: str, *, only: Collection[str] = (), specials: Collection[str] = ()) -> Template:
    """A template; `{{` and `}}` stand for braces. Raises BadValue.

    `only` are all columns it may have, if that is known; `specials` those that begin with @.
    """
    literals, columns, done = [""], [], 0
    for part in _PART.finditer(text):
        literals[-1] += text[done : part.start()]
        done = part.end()
        if part.group(1) is not None:
            columns.append(part.group(1))
            literals.append("")
        elif len(part.group()) == 2:
            literals[-1] += part.group()[0]
        else:
            raise BadValue(f"has a lone {part.group()}; columns are in braces, and {{{{ stands for a brace")
    literals[-1] += text[done:]
    for column in columns:
        if only and column not in only:
            raise BadValue(f"may only have {' and '.join(f'{{{name}}}' for name in only)}")
        if column.startswith("@") and column not in specials:
            raise BadValue(f"{{{column}}} stands for nothing here; see docs/guide/replay.md")
    return Template(tuple(literals), tuple(columns))


class TimeReader:
    """Reads times of one format: rfc3339, unix_s, unix_ms, unix_us or strptime directives."""

    def __init__(self, time_format: str, zone: str) -> None:
        self._format = time_format
        self._zone = ZoneInfo(zone)
        # Logs repeat their times; parsing one costs more than all else about a line.
        self._read = lru_cache(_TIMES_KEPT)(self._parse)

    def micros(self, text: str) -> int:
        """Microseconds since 1970, UTC. Raises BadValue."""
        return self._read(text)

    def _parse(self, text: str) -> int:
        if self._format in _UNIX_US:
            if _UNIX.fullmatch(text) is None:
                raise BadValue(f"{text[:40]!r} is no time of the form {self._format}")
            return int(Decimal(text) * _UNIX_US[self._format])
        try:
            if self._format == "rfc3339":
                moment = datetime.fromisoformat(text)
            else:
                moment = datetime.strptime(text, self._format)  # noqa: DTZ007 - the zone follows
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=self._zone)
            return (moment - _EPOCH) // timedelta(microseconds=1)
        except (ValueError, OverflowError):
            raise BadValue(f"{text[:40]!r} is no time of the form {self._format}") from None


def time_format(text: str) -> str:
    """The name of a format, or strptime directives that read back what they write. Raises BadValue."""
    if text == "rfc3339" or text in _UNIX_US:
        return text
    try:
        moment = datetime.strptime(_SAMPLE.strftime(text), text)  # noqa: DTZ007 - only its parts are compared
    except ValueError:
        moment = None
    if moment is None or moment.date() != _SAMPLE.date():
        raise BadValue(
            'must be rfc3339, unix_s, unix_ms, unix_us or directives of a whole date, as in "%Y-%m-%d %H:%M"'
        )
    return text
