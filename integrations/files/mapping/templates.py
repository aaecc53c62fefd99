"""Values of a mapping: templates over columns, and formats of times. Pure."""

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
_DIRECTIVE = re.compile(r"%(.)", re.DOTALL)
_SAMPLE = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
_TIMES_KEPT = 4_096


@dataclass(frozen=True, slots=True)
class Template:
    """Text with columns in braces, as in "{ip}-{device}": literals[0] columns[0] literals[1] … literals[n]."""

    literals: tuple[str, ...]
    columns: tuple[str, ...]

    def fill(self, row: Mapping[str, str]) -> str:
        """Return the text for one row; empty if the template has columns and all of them are empty."""
        if self.literals == ("", ""):
            return row.get(self.columns[0], "")
        values = [row.get(column, "") for column in self.columns]
        if self.columns and not any(values):
            return ""
        return self.literals[0] + "".join(
            value + literal for value, literal in zip(values, self.literals[1:], strict=True)
        )

    @property
    def constant(self) -> str | None:
        """Return the text of a template without columns; None if it has columns."""
        return None if self.columns else self.literals[0]


def parse_template(text: str, *, only: Collection[str] = (), specials: Collection[str] = ()) -> Template:
    """Parse a template; `{{` and `}}` are braces. Raises BadValue.

    `only` lists the columns that it may have, if that is known; `specials` those that begin with @.
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
            raise BadValue(f"has a single {part.group()}; write columns in braces, and a brace as {{{{ or }}}}")
    literals[-1] += text[done:]
    for column in columns:
        if only and column not in only:
            raise BadValue(f"may only have {' and '.join(f'{{{name}}}' for name in only)}")
        if column.startswith("@") and column not in specials:
            raise BadValue(f"{{{column}}} has no value here; see docs/guide/replay.md")
    return Template(tuple(literals), tuple(columns))


class TimeReader:
    """Reader for times of one format: rfc3339, unix_s, unix_ms, unix_us or directives of strptime."""

    def __init__(self, time_format: str, zone: str, repeated: str = "") -> None:
        self._format = time_format
        self._zone = ZoneInfo(zone)
        self.zone = zone
        self.repeated = repeated
        """Meaning of a local time that occurs twice: first or second; empty if not set."""
        # Logs repeat their times, and parsing one costs more than the rest of a line.
        self._read = lru_cache(_TIMES_KEPT)(self._parse)

    @property
    def uses_zone(self) -> bool:
        """Return whether a time of this format can be without a zone of its own."""
        return self._format not in _UNIX_US and "z" not in _DIRECTIVE.findall(self._format)

    @property
    def zone_changes(self) -> bool:
        """Return whether the clocks of the zone are ever changed."""
        return self._zone.utcoffset(None) is None

    def moments(self, text: str) -> tuple[int, ...]:
        """Return microseconds since 1970, UTC; two values for a local time that occurred twice. Raises BadValue."""
        return self._read(text)

    def _parse(self, text: str) -> tuple[int, ...]:
        if self._format in _UNIX_US:
            if _UNIX.fullmatch(text) is None:
                raise BadValue(f"{text[:40]!r} is not a time of the form {self._format}")
            return (int(Decimal(text) * _UNIX_US[self._format]),)
        try:
            if self._format == "rfc3339":
                moment = datetime.fromisoformat(text)
            else:
                moment = datetime.strptime(text, self._format)  # noqa: DTZ007 - the zone follows
            return self._of_zone(moment, text) if moment.tzinfo is None else (_micros(moment),)
        except BadValue:
            raise
        except (ValueError, OverflowError):
            raise BadValue(f"{text[:40]!r} is not a time of the form {self._format}") from None

    def _of_zone(self, local: datetime, text: str) -> tuple[int, ...]:
        first, second = (local.replace(tzinfo=self._zone, fold=fold) for fold in (0, 1))
        before, after = first.utcoffset(), second.utcoffset()
        if before == after:
            return (_micros(first),)
        if before is None or after is None or before < after:
            raise BadValue(
                f"{text[:40]!r} never occurred in {self.zone}, where the clocks were set forward; correct the time "
                "in the file, or time_zone in [source]"
            )
        return _micros(first), _micros(second)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def time_format(text: str) -> str:
    """Check the name of a format, or directives of strptime that read back what they write. Raises BadValue."""
    if text == "rfc3339" or text in _UNIX_US:
        return text
    if "Z" in _DIRECTIVE.findall(text):
        raise BadValue("must not have %Z, which gives no offset; write the name of the zone itself, and set time_zone")
    try:
        moment = datetime.strptime(_SAMPLE.strftime(text), text)  # noqa: DTZ007 - only its parts are compared
    except ValueError:
        moment = None
    if moment is None or moment.date() != _SAMPLE.date():
        raise BadValue(
            'must be rfc3339, unix_s, unix_ms, unix_us or directives of a whole date, as in "%Y-%m-%d %H:%M"'
        )
    return text
