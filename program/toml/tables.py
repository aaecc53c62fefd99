"""Read TOML tables key by key and collect every mistake with its place, instead of stopping at the first.

Program files and mappings are read with it. A getter always returns a value of its type, so that reading goes on
after a mistake; the caller checks `Book.mistakes` at the end. Messages never quote a value, because it may be a
secret.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from functools import cached_property
from typing import Any, TypeVar

from program.toml.lines import TomlPath, line_numbers

T = TypeVar("T")
TEXT_CHARS_MAX = 2_048
_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$")
_TYPE_NAMES = {
    bool: "true or false",
    int: "a whole number",
    Decimal: "a number",
    str: "a text",
    list: "a list",
    dict: "a table",
}


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake or warning. `place` is a path such as `offer[0].landing_url`."""

    line: int
    place: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.place}: {self.message}" if self.place else f"line {self.line}: {self.message}"


class BadValue(ValueError):
    """Error for a text that is not a valid value; the message is a sentence for its author."""


class BadToml(ValueError):
    """Error for a text that is not TOML."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(str(mistake))
        self.mistake = mistake


class Book:
    """Mistakes and warnings of one file."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.mistakes: list[Mistake] = []
        self.warnings: list[Mistake] = []

    @cached_property
    def _lines(self) -> dict[TomlPath, int]:
        return line_numbers(self._text)

    def line_of(self, place: TomlPath) -> int:
        """Return the line of a place; of the table or list around it if the place itself is missing."""
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)

    def note(self, place: TomlPath, line: int) -> None:
        """Give the line of a place that the text does not contain."""
        self._lines[place] = line

    def wrong(self, place: TomlPath, message: str) -> None:
        self.mistakes.append(Mistake(self.line_of(place), place_text(place), message))

    def has_mistake(self, place: TomlPath) -> bool:
        """Return whether a mistake was reported for exactly this place."""
        return any(mistake.place == place_text(place) for mistake in self.mistakes)

    def warn(self, place: TomlPath, message: str) -> None:
        self.warnings.append(Mistake(self.line_of(place), place_text(place), message))


def place_text(place: TomlPath) -> str:
    """Write a place as text, such as `offer[0].landing_url`; list indexes count from 0."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_toml(text: str) -> tuple["Table", Book]:
    """Parse a file into one table and the book for its mistakes. Raises BadToml."""
    text = text.removeprefix("\ufeff")
    try:
        values = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        line = int(found.group(1)) if found else text.count("\n") + 1
        raise BadToml(Mistake(line, "", f"this is not TOML: {_AT_LINE.sub('', str(error))}")) from None
    except RecursionError:
        raise BadToml(Mistake(1, "", "lists or tables are nested too deeply")) from None
    book = Book(text)
    return Table(values, (), book), book


class Table:
    """A table that is being read. `done` reports the keys that were never read."""

    def __init__(self, values: Mapping[str, Any], place: TomlPath, book: Book) -> None:
        self._values = values
        self._known: set[str] = set()
        self.place = place
        self.book = book

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def asked(self) -> frozenset[str]:
        """Return every key that was read so far."""
        return frozenset(self._known)

    def wrong(self, key: str, message: str) -> None:
        self.book.wrong((*self.place, key), message)

    def warn(self, key: str, message: str) -> None:
        self.book.warn((*self.place, key), message)

    def _get(self, key: str, kinds: tuple[type, ...], required: bool) -> Any:
        """Return the value, or None if it is missing or of another type."""
        self._known.add(key)
        if key not in self._values:
            if required:
                self.wrong(key, "is missing")
            return None
        value = self._values[key]
        if type(value) not in kinds:
            self.wrong(key, f"must be {_TYPE_NAMES[kinds[0]]}, not {_type_name(value)}")
            return None
        return value

    def text(self, key: str, default: str | None = None, *, empty_allowed: bool = False) -> str:
        """Return a text. Without a default the key is required."""
        value = self._get(key, (str,), default is None)
        if value is None:
            return default or ""
        if message := _text_mistake(value, empty_allowed):
            self.wrong(key, message)
            return default or ""
        return str(value)

    def number(self, key: str, default: int | None = None, *, least: int, most: int) -> int | None:
        """Return a whole number, or the default; None after a mistake."""
        value = self._get(key, (int,), default is None)
        if value is None:
            return default
        if not least <= value <= most:
            self.wrong(key, f"must be a whole number from {least} to {most}")
            return None
        return int(value)

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false, or the default."""
        value = self._get(key, (bool,), False)
        return default if value is None else bool(value)

    def instant(self, key: str, parse: Callable[[str], T]) -> T | None:
        """Return a parsed timestamp, written as a text or as a TOML date-time; None if it is missing or a mistake."""
        value = self._get(key, (str, datetime), False)
        if value is None:
            return None
        try:
            return parse(value.isoformat() if isinstance(value, datetime) else value)
        except ValueError as error:
            self.wrong(key, str(error))
            return None

    def choice(self, key: str, choices: tuple[str, ...], default: str) -> str:
        value = self.text(key, default)
        if value not in choices:
            self.wrong(key, f"must be one of {', '.join(choices)}")
            return default
        return value

    def parsed(
        self,
        key: str,
        parse: Callable[[str], T],
        default: T,
        *,
        required: bool = False,
        empty_allowed: bool = False,
        numbers_allowed: bool = False,
    ) -> T:
        """Return the parsed text, or the default; a ValueError of `parse` is reported as the mistake."""
        value = self._get(key, (str, int, Decimal) if numbers_allowed else (str,), required)
        if value is None:
            return default
        if message := _text_mistake(str(value), empty_allowed):
            self.wrong(key, message)
            return default
        try:
            return parse(str(value))
        except ValueError as error:
            self.wrong(key, str(error))
            return default

    def texts(self, key: str) -> list[tuple[TomlPath, str]]:
        """Return a list of texts, each with its place, without the items that have a mistake."""
        found = []
        for index, value in enumerate(self._get(key, (list,), False) or []):
            place = (*self.place, key, index)
            if not isinstance(value, str):
                self.book.wrong(place, f"must be a text, not {_type_name(value)}")
            elif message := _text_mistake(value, False):
                self.book.wrong(place, message)
            else:
                found.append((place, value))
        return found

    def one_or_more(self, key: str) -> list[str]:
        """Return a list from a text or a list of texts; empty texts are kept."""
        value = self._get(key, (str, list), False)
        values = value if isinstance(value, list) else [value] if value is not None else []
        if not all(isinstance(item, str) for item in values):
            self.wrong(key, "must be a text or a list of texts")
            return []
        return values

    def parsed_texts(self, key: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        """Return the parsed texts of a list."""
        found = []
        for place, value in self.texts(key):
            try:
                found.append(parse(value))
            except ValueError as error:
                self.book.wrong(place, str(error))
        return tuple(found)

    def table(self, key: str, *, required: bool = False) -> "Table":
        """Return a table; an empty one if it is missing."""
        if isinstance(self._values.get(key), list):
            self._known.add(key)
            self.wrong(key, f"may occur only once: write [{key}] with single brackets")
            return Table({}, (*self.place, key), self.book)
        value = self._get(key, (dict,), required)
        return Table(value or {}, (*self.place, key), self.book)

    def tables(self, key: str, *, empty_allowed: bool = True) -> list["Table"]:
        """Return a list of tables, written as [[key]] or inline."""
        found = []
        if not empty_allowed and self._values.get(key) == []:
            self.wrong(key, "must not be an empty list; remove the key instead")
        if isinstance(self._values.get(key), dict):
            self._known.add(key)
            self.wrong(key, f"is a list of tables: write [[{key}]] with double brackets")
            return []
        for index, value in enumerate(self._get(key, (list,), False) or []):
            place = (*self.place, key, index)
            if isinstance(value, dict):
                found.append(Table(value, place, self.book))
            else:
                self.book.wrong(place, f"must be a table, not {_type_name(value)}")
        return found

    def done(self) -> None:
        """Report every key that was never read."""
        for key in self._values.keys() - self._known:
            near = get_close_matches(key, self._known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            self.wrong(key, f"is not a known key{hint}")


def _type_name(value: object) -> str:
    return _TYPE_NAMES.get(type(value), "a date or time")


def _text_mistake(value: str, empty_allowed: bool) -> str:
    if not value.strip() and not (empty_allowed and not value):
        return "must not be empty"
    if len(value) > TEXT_CHARS_MAX:
        return f"must have at most {TEXT_CHARS_MAX} characters"
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        return "must not contain control characters"
    return ""
