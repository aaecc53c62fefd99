"""Form of a report: named columns with unit and formula, and rows of plain values. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from runtime.user_error import ReportError

Value = str | int | float | None
Row = dict[str, Value]

CONVERSION_E12 = 10**12
"""A whole conversion in the unit of `weight_e12`."""


@dataclass(frozen=True, slots=True)
class ReportColumn:
    name: str
    unit: str
    formula: str


@dataclass(frozen=True, slots=True)
class Report:
    """One report. Money is decimal text, counts are numbers, and a rate that divides by zero is None."""

    report: str
    columns: tuple[ReportColumn, ...]
    rows: tuple[Row, ...]

    def ordered(self, order: str) -> "Report":
        """Sort by a column, with - in front the largest first; rows without a value are last. Raises ReportError."""
        name = order.removeprefix("-")
        units = {column.name: column.unit for column in self.columns}
        if name not in units:
            raise ReportError(f"cannot order by {name[:64]!r}; use one of {', '.join(units)}")
        known = [row for row in self.rows if row[name] is not None]
        known.sort(key=lambda row: _comparable(row[name], units[name]), reverse=order.startswith("-"))
        rest = [row for row in self.rows if row[name] is None]
        return Report(self.report, self.columns, (*known, *rest))

    def part(self, start: int, end: int | None) -> "Report":
        """Return some of the rows."""
        return Report(self.report, self.columns, self.rows[start:end])

    def to_json(self) -> dict[str, Any]:
        """Convert to the JSON form of `--json`."""
        columns = [{"name": c.name, "unit": c.unit, "formula": c.formula} for c in self.columns]
        return {"report": self.report, "columns": columns, "rows": [dict(row) for row in self.rows]}


HIDEABLE = frozenset({"revenue", "profit"})
"""Columns that partners see only if a setting shows them."""


def report_for_partner(answer: Mapping[str, Any], shows: frozenset[str]) -> dict[str, Any]:
    """Leave revenue and profit out of a report's JSON form, unless they are shown."""
    hidden = HIDEABLE - shows
    return {
        **answer,
        "columns": [column for column in answer["columns"] if column["name"] not in hidden],
        "rows": [{name: value for name, value in row.items() if name not in hidden} for row in answer["rows"]],
    }


def _comparable(value: Value, unit: str) -> Any:
    """Return a value that sorts as people expect: amounts by their size, not as text."""
    return Decimal(str(value)) if unit == "currency" else value


def checked(by: Sequence[str], allowed: Iterable[str]) -> tuple[str, ...]:
    """Return the dimensions, each once. Raises ReportError with the allowed ones."""
    wanted = tuple(dict.fromkeys(by))
    unknown = [name for name in wanted if name not in set(allowed)]
    if unknown or not wanted:
        what = f"cannot group by {', '.join(unknown)}" if unknown else "--by is empty"
        raise ReportError(f"{what}; --by takes any of {', '.join(allowed)}")
    return wanted


def in_range(column: str, from_us: int | None, to_us: int | None) -> tuple[str, dict[str, Any]]:
    """Return the SQL condition for [from, to) of a time column, with its parameters."""
    terms, parameters = ["1"], dict[str, Any]()
    if from_us is not None:
        terms.append(f"{column} >= fromUnixTimestamp64Micro({{from:Int64}}, 'UTC')")
        parameters["from"] = from_us
    if to_us is not None:
        terms.append(f"{column} < fromUnixTimestamp64Micro({{to:Int64}}, 'UTC')")
        parameters["to"] = to_us
    return " AND ".join(terms), parameters


def sort_key(row: Mapping[str, Value], names: Sequence[str]) -> tuple[tuple[bool, Any], ...]:
    """Return a key that sorts rows by these columns, missing values first."""
    return tuple((row[name] is not None, row[name] if row[name] is not None else 0) for name in names)


def conversion_count(e12: int) -> int | float:
    """Return conversions, given in 1e-12, to 6 decimals; an int if they are whole then.

    Credits split a conversion in whole 1e-12, so three thirds may add up to 1.000000000002.
    """
    micros = (2 * abs(e12) * 10**6 + CONVERSION_E12) // (2 * CONVERSION_E12) * (1 if e12 >= 0 else -1)
    return micros // 10**6 if micros % 10**6 == 0 else micros / 10**6
