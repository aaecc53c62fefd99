"""Run one read-only statement of a user over the analysts' views: checked by guard.py, limited, with JSON types.

There is a second line of defence behind the guard. The statement runs with readonly=1, which blocks table functions and
writes, and with the analysts' database as its default, so that a name without a database never means a file. These
settings are part of the statement, because readonly on a session could not be undone.
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from reporting.sql.guard import SqlRefused, Statement, check_sql, short_error
from runtime.settings import ApiSettings
from warehouse.port import Warehouse, WarehouseError, rows_of, scalar_of

_TIMED_OUT, _OUT_OF_MEMORY, _TOO_LARGE = frozenset({159, 160}), 241, 396


@dataclass(frozen=True, slots=True)
class SqlAnswer:
    """Names and ClickHouse types of the columns, and the rows in order."""

    columns: list[tuple[str, str]]
    rows: list[list[Any]]

    def to_json(self) -> dict[str, Any]:
        """Convert to `{"columns": [{"name", "type"}], "rows": [{…}]}`."""
        names = [name for name, _ in self.columns]
        return {
            "columns": [{"name": name, "type": kind} for name, kind in self.columns],
            "rows": [dict(zip(names, row, strict=True)) for row in self.rows],
        }


def run_sql(warehouse: Warehouse, sql: str, settings: ApiSettings) -> SqlAnswer:
    """Check and run one statement. Raises SqlRefused with one sentence for any error."""

    def ask(function: str, text: str) -> str:
        answer: str = scalar_of(warehouse.query(f"SELECT {function}({{text:String}}) AS answer", {"text": text}))
        return answer

    try:
        return _run_checked(warehouse, check_sql(sql, ask, warehouse.analyst), settings)
    except WarehouseError as error:
        raise SqlRefused(_sentence(error, settings)) from error


def _run_checked(warehouse: Warehouse, statement: Statement, settings: ApiSettings) -> SqlAnswer:
    bounds = _bounds(settings, warehouse.analyst)
    if statement.kind != "select":
        # The driver appends a FORMAT to the statement, which EXPLAIN AST would include in the explained query.
        end = " FORMAT Null" if statement.kind == "explain ast" else ""
        table = warehouse.query(f"{statement.text}{bounds}{end}", as_written=True)
        columns = [
            (f.name, "String" if pa.types.is_string(f.type) else f"UInt{f.type.bit_width}") for f in table.schema
        ]
        return SqlAnswer(columns, _rows(table, columns))
    described = rows_of(warehouse.query(f"DESCRIBE TABLE ({statement.text}){bounds}", as_written=True))
    columns = [(row["name"], row["type"]) for row in described]
    names = [name for name, _ in columns]
    if len(set(names)) < len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise SqlRefused(f"two columns are named {repeated}: give one of them another name with AS")
    table = warehouse.query(_selected(statement.text, columns) + bounds, as_written=True)
    # The engine counts constants as 0 bytes, so its limits on the result are not enough.
    if table.num_rows > settings.query_rows_max or table.nbytes > _answer_bytes_max(settings):
        raise SqlRefused(_too_large(settings))
    return SqlAnswer(columns, _rows(table, columns))


def _bounds(settings: ApiSettings, database: str) -> str:
    bounds = {
        "database": f"'{database}'",
        "readonly": 1,
        "allow_introspection_functions": 0,
        "session_timezone": "'UTC'",
        "max_execution_time": settings.query_timeout_s,
        "timeout_overflow_mode": "'throw'",
        "max_memory_usage": settings.query_memory_bytes_max,
        "max_result_rows": settings.query_rows_max,
        "max_result_bytes": _answer_bytes_max(settings),
        "result_overflow_mode": "'throw'",
        "print_pretty_type_names": 0,
        "output_format_json_quote_decimals": 1,
        "output_format_json_quote_64bit_integers": 0,
    }
    return "\nSETTINGS " + ", ".join(f"{name} = {value}" for name, value in bounds.items())


# -- values: each type has a converter from Arrow to JSON types; otherwise the engine writes the value as JSON

_Reader = Callable[[Any], Any]
_WRAPPED = re.compile(r"(Nullable|LowCardinality|Array|Map)\((?:(?:LowCardinality\()?String\)?, )?(.+)\)")
_AS_IS = re.compile(r"U?Int(8|16|32|64)|String|Bool|Nothing")
_PLAIN = re.compile(r"FixedString\(\d+\)|Float(32|64)|Date|Date32|Decimal\([\d, ]+\)|UUID")
_INSTANT = re.compile(r"DateTime(?:64\(([0-6])(?:, '[^']*')?\)|\('[^']*'\))?")


def _reader(kind: str) -> _Reader | None:
    """Return the converter for values of a ClickHouse type; None if Arrow has no such type."""
    wrapped = _WRAPPED.fullmatch(kind)
    if wrapped is not None:
        item = _reader(wrapped[2])
        if item is None:
            return None
        match wrapped[1]:
            case "Array":
                return lambda value: None if value is None else [item(part) for part in value]
            case "Map":
                return lambda value: {str(key): item(part) for key, part in value}
            case _:
                return item
    if _AS_IS.fullmatch(kind):
        return _as_is
    if _PLAIN.fullmatch(kind):
        return _plain
    instant = _INSTANT.fullmatch(kind)
    if instant is not None:
        digits = int(instant[1] or 0)
        exactness = "seconds" if not digits else "milliseconds" if digits <= 3 else "microseconds"
        return lambda value: _instant(value, exactness)
    return None


def _selected(text: str, columns: list[tuple[str, str]]) -> str:
    """Wrap the statement so that the engine writes columns without a converter as JSON."""
    if all(_reader(kind) for _, kind in columns):
        return text
    chosen = []
    for name, kind in columns:
        quoted = "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
        chosen.append(quoted if _reader(kind) else f"toJSONString({quoted}) AS {quoted}")
    return f"SELECT {', '.join(chosen)} FROM ({text})"


def _rows(table: pa.Table, columns: list[tuple[str, str]]) -> list[list[Any]]:
    values = [_values(table.column(n), name, kind) for n, (name, kind) in enumerate(columns)]
    return [list(row) for row in zip(*values, strict=True)]


def _values(column: pa.ChunkedArray, name: str, kind: str) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:  # strings of the engine are bytes, and these are not UTF-8
        if not pa.types.is_string(column.type):
            raise SqlRefused(f"column {name} has bytes that are not text: use hex()") from None
        values = [_plain(value) for value in column.cast(pa.binary()).to_pylist()]
    reader = _reader(kind)
    if reader is _as_is:
        return values
    return [(reader or _from_json)(value) for value in values]


def _as_is(value: Any) -> Any:
    return value


def _from_json(value: str | None) -> Any:
    return None if value is None else json.loads(value)


def _instant(value: Any, exactness: str) -> str | None:
    """Format as RFC 3339 in UTC. Arrow returns whole seconds as numbers."""
    if value is None:
        return None
    moment = datetime.fromtimestamp(value, UTC) if isinstance(value, int) else value
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec=exactness)}Z"


def _plain(value: Any) -> Any:
    """Convert decimals, dates and ids to text, and a float that is not finite to null."""
    match value:
        case None:
            return None
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return format(value, "f")
        case bytes():
            return value.rstrip(b"\0").decode("utf-8", "backslashreplace")
        case _:
            return str(value)


def _sentence(error: WarehouseError, settings: ApiSettings) -> str:
    """Describe the error of a run and the fix in one sentence."""
    if error.code in _TIMED_OUT:
        return (
            f"the query ran longer than {settings.query_timeout_s} s: ask for less, or raise CLEW_API__QUERY_TIMEOUT_S"
        )
    if error.code == _OUT_OF_MEMORY:
        return (
            f"the query needed more than {settings.query_memory_bytes_max} bytes of memory: "
            "ask for less, or raise CLEW_API__QUERY_MEMORY_BYTES_MAX"
        )
    if error.code == _TOO_LARGE:
        return _too_large(settings)
    return short_error(str(error))


def _too_large(settings: ApiSettings) -> str:
    return (
        f"the answer has more than {settings.query_rows_max} rows or {_answer_bytes_max(settings)} bytes: "
        "add LIMIT or GROUP BY, or raise CLEW_API__QUERY_ROWS_MAX or CLEW_API__QUERY_MEMORY_BYTES_MAX"
    )


def _answer_bytes_max(settings: ApiSettings) -> int:
    """Return an eighth of the query's memory: an answer takes about eight times as much as Python objects."""
    return settings.query_memory_bytes_max // 8
