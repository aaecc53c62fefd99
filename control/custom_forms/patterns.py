"""Check of regular expressions that people write: an expression must end in bounded time for every text. Pure."""

import re
from re import _parser  # type: ignore[attr-defined]
from typing import Any

OPEN_REPEATS_MAX = 3
"""Most repeats without an end; the time grows with the power of their number."""
_OPEN = 50
"""Repeats of so many and more count as repeats without an end."""


def pattern_problem(pattern: str) -> str:
    """Return a sentence about what is wrong with a pattern; empty if it is right."""
    try:
        re.compile(pattern)
        parsed = _parser.parse(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"is not a regular expression: {error}"
    try:
        repeats = _open_repeats(parsed, inside=False)
    except _Refused as error:
        return str(error)
    if repeats > OPEN_REPEATS_MAX:
        return f"has {repeats} repeats without an end; at most {OPEN_REPEATS_MAX} are allowed"
    return ""


class _Refused(ValueError):
    pass


def _open_repeats(node: Any, *, inside: bool) -> int:
    """Return the number of repeats without an end. Raises _Refused for one inside another, and for references."""
    found = 0
    for operation, argument in node:
        name = str(operation)
        if "GROUPREF" in name:
            raise _Refused("must not refer to its groups")
        if "REPEAT" in name:
            _least, most, content = argument
            is_open = most is _parser.MAXREPEAT or most >= _OPEN
            if inside and int(most) > 1:
                raise _Refused("has a repeat inside a repeat, which may take very long; write it without one")
            found += is_open + _open_repeats(content, inside=inside or int(most) > 1)
        else:
            found += sum(_open_repeats(part, inside=inside) for part in _parts(argument))
    return found


def _parts(argument: Any) -> list[Any]:
    """Return the patterns within the argument of an operation."""
    if isinstance(argument, _parser.SubPattern):
        return [argument]
    if isinstance(argument, tuple | list):
        return [part for item in argument for part in _parts(item)]
    return []
