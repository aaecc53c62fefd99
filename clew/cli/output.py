"""Output of commands: answers on stdout, errors as one sentence on stderr.

Data is text: it is never read as markup, and characters that a terminal would act on are shown escaped.
"""

import csv
import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import orjson
import typer

from runtime.user_error import UserError

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def shown(text: str) -> str:
    """Escape every character that does not print: controls, direction marks, zero-width characters."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class _Lines:
    """Writer of text to stdout or stderr. rich is imported only for tables and progress: it takes 50 ms."""

    def __init__(self, stream: Literal["stdout", "stderr"]) -> None:
        self._stream = stream

    def print(self, text: str) -> None:
        """Write lines of text."""
        getattr(sys, self._stream).write("\n".join(map(shown, text.split("\n"))) + "\n")


out, err = _Lines("stdout"), _Lines("stderr")


def print_json(value: object) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode() + "\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
    """Print a table for a person to read."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(shown(title)) if title else None, title_justify="left")
    for name in columns:
        table.add_column(
            Text(shown(name)), justify="right" if _numeric(columns, rows, name) else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(shown(cell_text(value))) for value in row))
    Console(highlight=False, width=None if sys.stdout.isatty() else max(120, 12 * len(columns))).print(table)


def _numeric(columns: Sequence[str], rows: Sequence[Sequence[Any]], name: str) -> bool:
    at = list(columns).index(name)
    return all(str(row[at] or 0).replace(".", "").replace("-", "").isdigit() for row in rows)


def cell_text(value: Any) -> str:
    """Return a value as one cell of a table or of CSV: "" for null, JSON for lists and maps."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def print_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print CSV (RFC 4180).

    A text that a spreadsheet would run as a formula gets an apostrophe in front; numbers stay numbers.
    """
    writer = csv.writer(sys.stdout)
    writer.writerow([_csv_cell(name) for name in columns])
    writer.writerows([_csv_cell(value) for value in row] for row in rows)


def _csv_cell(value: Any) -> str:
    text = cell_text(value)
    if isinstance(value, int | float) or _NUMBER.fullmatch(text):
        return text
    return f"'{text}" if text.lstrip(" \u00a0\n").startswith(_FORMULA_STARTS) or text[:1] in ("\t", "\r") else text


def fail(message: str, exit_code: int) -> typer.Exit:
    """Print an error on stderr; return the exception to raise."""
    err.print(f"clew: {message}")
    return typer.Exit(exit_code)


@contextmanager
def errors_as_exit_codes() -> Iterator[None]:
    """Print a UserError and exit with its code."""
    try:
        yield
    except UserError as error:
        raise fail(str(error), error.exit_code) from None
