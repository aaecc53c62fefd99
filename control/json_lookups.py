"""Conditions on columns that hold JSON, alike on SQLite and PostgreSQL."""

import json
from typing import Any

from django.db.models import BooleanField, Expression, F


class HoldsText(Expression):
    """True for rows whose list holds a text, or an object with this text in the field `of`."""

    conditional = True

    def __init__(self, column: str, text: str, of: str = "") -> None:
        super().__init__(output_field=BooleanField())
        self.column: Any = F(column)
        self.text, self.of = text, of

    def get_source_expressions(self) -> list[Any]:
        return [self.column]

    def set_source_expressions(self, exprs: Any) -> None:
        (self.column,) = exprs

    def as_sqlite(self, compiler: Any, _connection: Any, **_options: Any) -> tuple[str, list[Any]]:
        column, values = compiler.compile(self.column)
        found = "JSON_EXTRACT(value, %s)" if self.of else "value"
        path = [f"$.{json.dumps(self.of)}"] if self.of else []
        return f"EXISTS (SELECT 1 FROM JSON_EACH({column}) WHERE {found} = %s)", [*values, *path, self.text]

    def as_postgresql(self, compiler: Any, _connection: Any, **_options: Any) -> tuple[str, list[Any]]:
        column, values = compiler.compile(self.column)
        return f"{column} @> %s::jsonb", [*values, json.dumps([{self.of: self.text} if self.of else self.text])]


class HoldsValue(HoldsText):
    """True for rows whose map has a value under any name: a text, or a number that it writes."""

    def as_sqlite(self, compiler: Any, _connection: Any, **_options: Any) -> tuple[str, list[Any]]:
        column, values = compiler.compile(self.column)
        return f"EXISTS (SELECT 1 FROM JSON_EACH({column}) WHERE CAST(value AS TEXT) = %s)", [*values, self.text]

    def as_postgresql(self, compiler: Any, _connection: Any, **_options: Any) -> tuple[str, list[Any]]:
        column, values = compiler.compile(self.column)
        return f"EXISTS (SELECT 1 FROM jsonb_each_text({column}) WHERE value = %s)", [*values, self.text]


class HasValue(HoldsText):
    """True for rows whose map has a value under a name: a text, or what it writes, such as a number or true."""

    def __init__(self, column: str, name: str, text: str) -> None:
        super().__init__(column, text)
        self.name = name

    def as_sqlite(self, compiler: Any, _connection: Any, **_options: Any) -> tuple[str, list[Any]]:
        column, values = compiler.compile(self.column)
        # `->` answers JSON, so that true is not 1, and 42 is not "42".
        return f"{column} -> %s IN (%s, %s)", [*values, f"$.{json.dumps(self.name)}", *self._written()]

    def as_postgresql(self, compiler: Any, _connection: Any, **_options: Any) -> tuple[str, list[Any]]:
        column, values = compiler.compile(self.column)
        return f"({column} -> %s::text)::text IN (%s, %s)", [*values, self.name, *self._pg_written()]

    def _written(self) -> list[str]:
        """Return the JSON of the text, and the text as JSON itself if it is a number or a truth value."""
        try:
            plain = json.loads(self.text)
        except (ValueError, RecursionError):
            plain = self.text
        return [json.dumps(self.text), json.dumps(plain if isinstance(plain, bool | int | float) else self.text)]

    def _pg_written(self) -> list[str]:
        return [json.dumps(json.loads(text), ensure_ascii=False) for text in self._written()]
