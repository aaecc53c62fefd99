"""Errors that operations document."""

from typing import Any

from control.api.problems import Problem


def answers(ok: Any, *, status: int = 200, errors: tuple[int, ...] = ()) -> dict[int, Any]:
    """Return the answers of an operation: its object, the errors of all operations, and further ones."""
    return {status: ok, **dict.fromkeys((401, 403, 422, *errors), Problem)}
