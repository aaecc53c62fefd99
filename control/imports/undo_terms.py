"""Conditions under which an import can be undone."""

from datetime import datetime, timedelta

from control.imports.models import Import, ImportState

UNDO_AGE_MAX = timedelta(days=7)
KEPT_FOR = timedelta(days=30)
"""Time after which an import is deleted, with its rows and its file."""


def undo_refusal(found: Import, now: datetime) -> str:
    """Return why an import cannot be undone; empty if it can."""
    if found.state != ImportState.APPLIED:
        return f"the import is {found.state}; only an applied one can be undone"
    if not found.counts.get("applied"):
        return "the import changed nothing"
    if found.applied is not None and now - found.applied > UNDO_AGE_MAX:
        return f"an import can be undone for {UNDO_AGE_MAX.days} days"
    return ""
