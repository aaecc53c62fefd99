"""Imports made as a script makes them: a text, a dry run, an application."""

from typing import Any

from control.accounts.actor import Actor, command_line
from control.imports.models import Import, ImportRow
from control.imports.services import start_apply, start_dry_run, upload

BOSS = command_line()


def uploaded(type_key: str, text: str, actor: Actor = BOSS, **values: Any) -> Import:
    """Return an import of a CSV text."""
    return upload(actor, type_key, f"{type_key}.csv", [text.encode()], **values)


def checked(type_key: str, text: str, actor: Actor = BOSS, **values: Any) -> Import:
    """Return an import after its dry run."""
    return start_dry_run(actor, uploaded(type_key, text, actor, **values).pk)


def applied(type_key: str, text: str, actor: Actor = BOSS, reason: str = "", **values: Any) -> Import:
    """Return an import that was applied."""
    return start_apply(actor, checked(type_key, text, actor, **values).pk, reason)


def outcomes(found: Import) -> list[tuple[int, str, dict[str, Any], dict[str, Any]]]:
    """Return number, outcome, before and after of each row."""
    rows = ImportRow.objects.filter(source=found).order_by("number")
    return [(row.number, str(row.outcome), row.before, row.after) for row in rows]


def errors(found: Import) -> dict[int, list[list[str]]]:
    """Return the mistakes of rows that have any, by row."""
    return {row.number: row.errors for row in ImportRow.objects.filter(source=found).order_by("number") if row.errors}
