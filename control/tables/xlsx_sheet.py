"""Cells of a sheet, and the texts that they share."""

from array import array

from control.tables.table import COLUMNS_MAX, BadTable, TableRow
from control.tables.xlsx_styles import Styles
from control.tables.xlsx_xml import Feed

_TEXTS_MAX = 10_000_000
_TEXT_BYTES_MAX = 256 * 1024**2
_LETTERS = {chr(65 + at): at + 1 for at in range(26)}


class SharedTexts:
    """Texts that cells name by number. In one buffer: a list of texts would need three times the memory."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._ends = array("Q")
        self._pieces: list[str] = []
        self._in_text, self._in_phonetic = False, False
        self.feed = Feed(self._started, self._ended, self._said)

    def __getitem__(self, at: int) -> str:
        start = self._ends[at - 1] if at else 0
        return self._buffer[start : self._ends[at]].decode("utf-8", "replace")

    def __len__(self) -> int:
        return len(self._ends)

    def _started(self, name: str, _values: dict[str, str]) -> None:
        if name == "rPh":
            self._in_phonetic = True
        self._in_text = name == "t" and not self._in_phonetic

    def _said(self, text: str) -> None:
        if self._in_text:
            self._pieces.append(text)

    def _ended(self, name: str) -> None:
        self._in_text = False
        if name == "rPh":
            self._in_phonetic = False
        if name != "si":
            return
        self._buffer += "".join(self._pieces).encode("utf-8", "replace")
        self._ends.append(len(self._buffer))
        self._pieces.clear()
        if len(self._ends) > _TEXTS_MAX or len(self._buffer) > _TEXT_BYTES_MAX:
            raise BadTable("holds more texts than is allowed; split it, or save it as CSV")


class SheetReader:
    """Reader of the rows of a sheet."""

    def __init__(self, texts: SharedTexts, styles: Styles) -> None:
        self._texts, self._styles = texts, styles
        self._rows: list[TableRow] = []
        self._number, self._cells = 0, list[str]()
        self._kind, self._style, self._in_value, self._in_phonetic = "", 0, False, False
        self._pieces: list[str] = []
        self.feed = Feed(self._started, self._ended, self._said)

    def take(self) -> list[TableRow]:
        """Return the rows that are complete since the last call."""
        rows, self._rows = self._rows, []
        return rows

    def _started(self, name: str, values: dict[str, str]) -> None:
        if name == "c":
            self._kind, self._style = values.get("t", "n"), _whole(values.get("s", "0"))
            at = _column(values["r"]) if "r" in values else len(self._cells)
            if at > 16_384:
                raise BadTable(f"row {self._number} has a cell with a wrong place; save it again")
            # Cells far to the right are read as one too many; `headings_of` and `fitted` say so.
            self._cells += [""] * (min(at, COLUMNS_MAX + 1) - len(self._cells))
            self._pieces.clear()
        elif name == "row":
            self._number = _whole(values.get("r", "")) or self._number + 1
            self._cells = []
        elif name == "rPh":
            self._in_phonetic = True
        self._in_value = name == "v" or (name == "t" and not self._in_phonetic)

    def _said(self, text: str) -> None:
        if self._in_value:
            self._pieces.append(text)

    def _ended(self, name: str) -> None:
        self._in_value = False
        if name == "c":
            self._cells.append(self._text("".join(self._pieces)))
        elif name == "row":
            self._rows.append(TableRow(self._number, self._cells))
        elif name == "rPh":
            self._in_phonetic = False

    def _text(self, value: str) -> str:
        if not value:
            return ""
        if self._kind == "s":
            at = _whole(value)
            if at >= len(self._texts):
                raise BadTable(f"row {self._number} names a text that the file lacks; save it again")
            return self._texts[at]
        if self._kind == "b":
            return "true" if value == "1" else "false"
        return self._styles.text(value, self._style) if self._kind == "n" else value


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _column(place: str) -> int:
    """Return the position of a column in a place such as AB12; the first is 0."""
    at = 0
    for letter in place[:4]:
        if letter not in _LETTERS:
            break
        at = at * 26 + _LETTERS[letter]
    return at - 1
