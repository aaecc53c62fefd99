"""Reads TOML tables key by key and collects every mistake with its place, instead of stopping at the first.

program_file.py and clew's mappings are read with it. A getter always returns a value of its type, so that
reading goes on after a mistake; whoever reads asks `Book.mistakes` at the end. No value is ever put into a
message here, since it may be a secret.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import cached_property
from typing import Any, TypeVar

from program.toml.lines import Place, line_numbers

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
    """One thing that is wrong, or for a warning worth a look. `place` is as in `offer[0].landing_url`."""

    line: int
    place: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.place}: {self.message}" if self.place else f"line {self.line}: {self.message}"


class BadValue(ValueError):
    """A text is no such value; the message is a sentence for the person who wrote it."""


class BadToml(ValueError):
    """The text is no TOML at all."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(str(mistake))
        self.mistake = mistake


class Book:
    """Collects what was found wrong in one file."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.mistakes: list[Mistake] = []
        self.warnings: list[Mistake] = []

    @cached_property
    def _lines(self) -> dict[Place, int]:
        return line_numbers(self._text)

    def line_of(self, place: Place) -> int:
        """Line of a place; of what surrounds it where it is missing."""
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)

    def wrong(self, place: Place, message: str) -> None:
        self.mistakes.append(Mistake(self.line_of(place), place_text(place), message))

    def has_mistake(self, place: Place) -> bool:
        """Whether something was said of this very place."""
        return any(mistake.place == place_text(place) for mistake in self.mistakes)

    def warn(self, place: Place, message: str) -> None:
        self.warnings.append(Mistake(self.line_of(place), place_text(place), message))


def place_text(place: Place) -> str:
    """`offer[0].landing_url`; list positions count from 0."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_toml(text: str) -> tuple["Table", Book]:
    """The whole file as one table, and the book its mistakes go to. Raises BadToml."""
    text = text.removeprefix("\ufeff")
    try:
        values = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        line = int(found.group(1)) if found else text.count("\n") + 1
        raise BadToml(Mistake(line, "", f"this is no TOML: {_AT_LINE.sub('', str(error))}")) from None
    except RecursionError:
        raise BadToml(Mistake(1, "", "this is no TOML that can be read: lists are nested too deeply")) from None
    book = Book(text)
    return Table(values, (), book), book


class Table:
    """One table that is being read. `done` reports the keys that nobody asked for."""

    def __init__(self, values: Mapping[str, Any], place: Place, book: Book) -> None:
        self._values = values
        self._known: set[str] = set()
        self.place = place
        self.book = book

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def asked(self) -> frozenset[str]:
        """Every key that was asked for so far."""
        return frozenset(self._known)

    def wrong(self, key: str, message: str) -> None:
        self.book.wrong((*self.place, key), message)

    def warn(self, key: str, message: str) -> None:
        self.book.warn((*self.place, key), message)

    def _get(self, key: str, kinds: tuple[type, ...], required: bool) -> Any:
        """The value, or None if it is missing or of another type."""
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
        """A text. Without a default it must be there."""
        value = self._get(key, (str,), default is None)
        if value is None:
            return default or ""
        if message := _text_mistake(value, empty_allowed):
            self.wrong(key, message)
            return default or ""
        return str(value)

    def number(self, key: str, default: int | None = None, *, least: int, most: int) -> int | None:
        """A whole number, or the default; None after a mistake."""
        value = self._get(key, (int,), default is None)
        if value is None:
            return default
        if not least <= value <= most:
            self.wrong(key, f"must be a whole number from {least} to {most}")
            return None
        return int(value)

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
        """What `parse` makes of a text; its ValueError is the mistake. The default after one."""
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

    def texts(self, key: str) -> list[tuple[Place, str]]:
        """A list of texts, each with its place; those that are none are left out."""
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
        """A text, or a list of texts; empty ones count."""
        value = self._get(key, (str, list), False)
        values = value if isinstance(value, list) else [value] if value is not None else []
        if not all(isinstance(item, str) for item in values):
            self.wrong(key, "must be a text or a list of texts")
            return []
        return values

    def parsed_texts(self, key: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        """A list of texts, each parsed."""
        found = []
        for place, value in self.texts(key):
            try:
                found.append(parse(value))
            except ValueError as error:
                self.book.wrong(place, str(error))
        return tuple(found)

    def table(self, key: str, *, required: bool = False) -> "Table":
        """A table; an empty one if it is missing."""
        if isinstance(self._values.get(key), list):
            self._known.add(key)
            self.wrong(key, f"there can only be one: write [{key}], in single brackets")
            return Table({}, (*self.place, key), self.book)
        value = self._get(key, (dict,), required)
        return Table(value or {}, (*self.place, key), self.book)

    def tables(self, key: str, *, empty_allowed: bool = True) -> list["Table"]:
        """A list of tables, [[key]] or inline."""
        found = []
        if not empty_allowed and self._values.get(key) == []:
            self.wrong(key, "must not be an empty list; leave it out instead")
        if isinstance(self._values.get(key), dict):
            self._known.add(key)
            self.wrong(key, f"there can be several: write [[{key}]], in double brackets")
            return []
        for index, value in enumerate(self._get(key, (list,), False) or []):
            place = (*self.place, key, index)
            if isinstance(value, dict):
                found.append(Table(value, place, self.book))
            else:
                self.book.wrong(place, f"must be a table, not {_type_name(value)}")
        return found

    def done(self) -> None:
        """Report every key that was never asked for."""
        for key in self._values.keys() - self._known:
            near = get_close_matches(key, self._known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            self.wrong(key, f"there is no such key{hint}")


def _type_name(value: object) -> str:
    return _TYPE_NAMES.get(type(value), "a date or time")


def _text_mistake(value: str, empty_allowed: bool) -> str:
    if not value.strip() and not (empty_allowed and not value):
        return "must not be empty"
    if len(value) > TEXT_CHARS_MAX:
        return f"must have at most {TEXT_CHARS_MAX} characters"
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        return "must have no control characters"
    return ""
