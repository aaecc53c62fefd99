"""Read number columns of a CSV file in the form that spreadsheets write. Pure.

Each cell is read alone, with two exceptions: a point before three digits is a decimal sign if another cell of the file
proves it, and all amounts must have the same currency sign.
"""

import re
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pyarrow as pa

from attribution.paths.path_table import BadTable, Floats
from attribution.paths.tokenize import Ints
from schemas.values.decimal_text import BadNumber, NumberFormat, plain_decimal, split_currency_sign

MONEY = ("total_conversion_value", "value")
"""Columns whose numbers may have a currency sign."""
_PLAIN = re.compile(r"-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?|-?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)
_OPEN = re.compile(r"-?[1-9]\d{0,2}\.\d{3}", re.ASCII)
"""A point that can be a decimal sign or a thousands sign."""
_MEANT = re.compile(r"-?(0?\.\d+|\d{4,}\.\d+|\d+\.\d{1,2}|\d+\.\d{4,})", re.ASCII)
"""A point that can only be a decimal sign."""
_SIGNED = re.compile(r"\d[.,' \u00a0\u202f\u2019]\d")
_FIX = "give --decimal . or --decimal ,"


@dataclass
class NumberCells:
    """Reader of number columns; keeps ambiguous cells until later cells resolve them."""

    form: NumberFormat
    _open: BadTable | None = None
    _is_meant: bool = False
    _signs: dict[str, str] = field(default_factory=dict)
    """The first cell with each currency sign."""

    def read(self, column: pa.Array, name: str, rows_before: int) -> pa.Array:
        """Return a column of texts as floats; empty cells are null. Raises BadTable with the row."""
        encoded = column.cast(pa.string()).fill_null("").dictionary_encode()
        indices: Ints = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        texts = encoded.dictionary.to_pylist()
        values: Floats = np.empty(len(texts) + 1)
        for code, text in enumerate(texts):
            row = partial(_row_of, indices, code, rows_before)
            values[code] = self._number(text.strip(), name, row) if text.strip() else 0.0
        is_empty = np.array([not text.strip() for text in texts] + [True])[indices]
        return pa.array(values[indices], pa.float64(), mask=is_empty)

    def finish(self) -> None:
        """Raise BadTable for the first ambiguous point that no other cell resolved."""
        if self._open is not None and not self._is_meant:
            raise self._open

    def _number(self, text: str, name: str, row: "partial[int]") -> float:
        if not self.form.is_set and _PLAIN.fullmatch(text):
            if not self.form.point_by_default:
                self._is_meant = self._is_meant or _MEANT.fullmatch(text) is not None
                if self._open is None and _OPEN.fullmatch(text):
                    self._open = BadTable(
                        f"{name} is {text!r} in row {row()}, which can be {text} or {text.replace('.', '')}; {_FIX}"
                    )
            return float(text)
        sign, number = split_currency_sign(text.removeprefix("-").removeprefix("\u2212"))
        is_negative = text[0] in "-\u2212" or number[:1] in ("-", "\u2212")
        number = number.lstrip("-\u2212").strip() if is_negative else number
        try:
            value = float(plain_decimal(number, self.form))
        except BadNumber as error:
            raise BadTable(f"{name} is {text!r} in row {row()}, {self._reason(text, str(error))}") from None
        if sign:
            self._check_sign(sign, text, name, row)
        return -value if is_negative else value

    def _reason(self, text: str, message: str) -> str:
        if _SIGNED.search(text) is None:
            return "not a number; give a number, or leave the cell empty"
        if self.form.is_set:
            return "not a number of that form; give --decimal and --thousands as the file has them"
        return f"which {message[message.index('can be') :]}; {_FIX}" if "can be" in message else f"not a number; {_FIX}"

    def _check_sign(self, sign: str, text: str, name: str, row: "partial[int]") -> None:
        if name not in MONEY:
            raise BadTable(f"{name} is {text!r} in row {row()}; give a count without a currency sign")
        self._signs.setdefault(sign, text)
        if len(self._signs) > 1:
            first = next(iter(self._signs.values()))
            raise BadTable(f"{name} is {text!r} in row {row()}, and {first!r} before it; give values of one currency")


def _row_of(indices: Ints, code: int, rows_before: int) -> int:
    return rows_before + int(np.flatnonzero(indices == code)[0]) + 1
