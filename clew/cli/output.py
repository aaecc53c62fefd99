"""How commands speak: answers on stdout, errors as one sentence on stderr, exit codes by contract 1."""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from runtime.user_error import UserError

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode() + "\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
    """A table for a person."""
    table = Table(title=title or None, title_justify="left")
    for name in columns:
        table.add_column(name, justify="right" if _numeric(columns, rows, name) else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(cell_text, row))
    Console(highlight=False, width=None if sys.stdout.isatty() else max(120, 12 * len(columns))).print(table)


def _numeric(columns: Sequence[str], rows: Sequence[Sequence[Any]], name: str) -> bool:
    at = list(columns).index(name)
    return all(str(row[at] or 0).replace(".", "").replace("-", "").isdigit() for row in rows)


def cell_text(value: Any) -> str:
    """A value of an answer as one cell of a table or of CSV: nothing for null, JSON for lists and maps."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def print_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """RFC 4180."""
    writer = csv.writer(sys.stdout)
    writer.writerow(columns)
    writer.writerows([cell_text(value) for value in row] for row in rows)


def fail(message: str, exit_code: int) -> typer.Exit:
    """Say it on stderr; raise what comes back."""
    err.print(f"clew: {message}", markup=False)
    return typer.Exit(exit_code)


@contextmanager
def errors_as_exit_codes() -> Iterator[None]:
    """UserError becomes its sentence and exit code."""
    try:
        yield
    except UserError as error:
        raise fail(str(error), error.exit_code) from None
