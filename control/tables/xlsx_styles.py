"""Styles of an XLSX file, as far as they say that a number is a date or a time."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from control.tables.xlsx_xml import elements

_BUILT_IN_DATES = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_QUOTED = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_DATE_LETTERS = re.compile(r"[ymdhs]", re.IGNORECASE)
_EPOCH, _EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 - cells have no zone
_DAYS_MAX = 2_958_465
_SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Styles:
    """Styles that show dates."""

    dates: frozenset[int] = frozenset()
    is_1904: bool = False

    def text(self, number: str, style: int) -> str:
        """Write a number as text: dates in ISO form, others with the digits that a spreadsheet shows."""
        try:
            value = float(number)
        except ValueError:
            return number
        if style in self.dates and 0 <= value <= _DAYS_MAX:
            return self._date(value)
        if value == int(value) and abs(value) < 1e15:
            return str(int(value))
        return f"{value:.15g}"

    def _date(self, days: float) -> str:
        seconds = round(days * _SECONDS_PER_DAY)
        when = (_EPOCH_1904 if self.is_1904 else _EPOCH) + timedelta(seconds=seconds)
        return when.date().isoformat() if seconds % _SECONDS_PER_DAY == 0 else when.isoformat()


def read_styles(pieces: Iterable[bytes], *, is_1904: bool) -> Styles:
    """Read the styles of a workbook. Raises BadTable."""
    formats: dict[str, str] = {}
    dates: set[int] = set()
    at, inside = 0, False
    for name, values in elements(pieces) if pieces else ():
        if name == "numFmt":
            formats[values.get("numFmtId", "")] = values.get("formatCode", "")
        elif name in ("cellXfs", "cellStyleXfs", "cellStyles", "dxfs"):
            inside, at = name == "cellXfs", 0
        elif name == "xf" and inside:
            if _is_date(values.get("numFmtId", "0"), formats):
                dates.add(at)
            at += 1
    return Styles(frozenset(dates), is_1904)


def _is_date(number: str, formats: dict[str, str]) -> bool:
    if number in formats:
        return _DATE_LETTERS.search(_QUOTED.sub("", formats[number])) is not None
    return number.isdecimal() and int(number) in _BUILT_IN_DATES
