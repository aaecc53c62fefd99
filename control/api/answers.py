"""Parts of the document that operations name: errors, and the methods of clients."""

from typing import Any


def methods(*names: str) -> dict[str, list[str]]:
    """Name the methods of generated clients for an operation that takes several kinds of bodies, in their order."""
    return {"x-client-methods": [*names]}


def answers(ok: Any, *, status: int = 200, errors: tuple[int, ...] = ()) -> dict[int, Any]:
    """Return the answers of an operation: its object, the errors of all operations, and further ones.

    Errors have no model here, because ninja would make a class for each. Handlers answer them as problems, and
    control/api/root.py documents them so.
    """
    return {status: ok, **dict.fromkeys((401, 403, 422, *errors), None)}
