"""Line numbers of the values in a TOML text, which tomllib does not report.

The text must be one that tomllib has accepted: this scanner checks nothing and only follows the structure.
A place is a path of keys and list indexes, as in ("offer", 2, "goals", 0, "key").
"""

import re
import tomllib
from bisect import bisect_right

TomlPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\r\n]*")
_STRINGS = {
    '"""': re.compile(r'"""(?:[^\\]|\\.)*?""""{0,2}', re.DOTALL),
    "'''": re.compile(r"'''.*?''''{0,2}", re.DOTALL),
    '"': re.compile(r'"(?:[^"\\]|\\.)*"'),
    "'": re.compile(r"'[^']*'"),
}


def line_numbers(text: str) -> dict[TomlPath, int]:
    """Return the line of every table, key and list item, counted from 1."""
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line_ends = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[TomlPath, int] = {}
        self._tables: dict[TomlPath, int] = {}
        """Number of [[tables]] of each name so far."""

    def scan(self) -> dict[TomlPath, int]:
        table: TomlPath = ()
        while not self._end():
            if self._peek("["):
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _end(self) -> bool:
        self._skip(_BLANK)
        return self._at >= len(self._text)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError(f"line {self._line()}: tomllib would not have read this")
        self._at = match.end()
        return match.group()

    def _peek(self, start: str) -> bool:
        return self._text.startswith(start, self._at)

    def _line(self) -> int:
        return bisect_right(self._line_ends, self._at - 1) + 1

    def _note(self, place: TomlPath) -> None:
        # Keep the first mention: the header of a table, not the keys that extend it later.
        self._lines.setdefault(place, self._line())

    def _header(self) -> TomlPath:
        many = self._peek("[[")
        line_at = self._at
        self._at += 2 if many else 1
        keys = self._keys()
        end_at = self._at + (2 if many else 1)
        self._at = line_at
        table: TomlPath = ()
        for depth, key in enumerate(keys):
            table = (*table, key)
            last = depth == len(keys) - 1
            if last and many:
                self._tables[table] = self._tables.get(table, 0) + 1
            self._note(table)
            if table in self._tables:
                table = (*table, self._tables[table] - 1)
                self._note(table)
        self._at = end_at
        return table

    def _keys(self) -> list[str]:
        """Read one dotted key and stop after it."""
        keys = []
        while True:
            self._skip(_SPACE)
            quote = self._text[self._at]
            if quote in "\"'":
                keys.append(next(iter(tomllib.loads(self._skip(_STRINGS[quote]) + "=0"))))
            else:
                keys.append(self._skip(_BARE_KEY))
            self._skip(_SPACE)
            if not self._peek("."):
                return keys
            self._at += 1

    def _pair(self, table: TomlPath) -> None:
        line_at = self._at
        keys = self._keys()
        value_at = self._at + 1
        self._at = line_at
        for depth in range(len(keys)):
            self._note((*table, *keys[: depth + 1]))
        self._at = value_at
        self._skip(_SPACE)
        self._value((*table, *keys))

    def _value(self, place: TomlPath) -> None:
        for quote, pattern in _STRINGS.items():
            if self._peek(quote):
                self._skip(pattern)
                return
        if self._peek("["):
            self._items(place)
        elif self._peek("{"):
            self._inline(place)
        else:
            self._skip(_SCALAR)

    def _items(self, place: TomlPath) -> None:
        self._at += 1
        count = 0
        while not self._closed("]"):
            self._note((*place, count))
            self._value((*place, count))
            count += 1

    def _inline(self, place: TomlPath) -> None:
        self._at += 1
        while not self._closed("}"):
            self._pair(place)

    def _closed(self, end: str) -> bool:
        """Skip a comma, if there is one; return whether the list or inline table ends here."""
        self._skip(_BLANK)
        if self._peek(","):
            self._at += 1
            self._skip(_BLANK)
        if self._peek(end):
            self._at += 1
            return True
        return False
