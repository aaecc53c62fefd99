"""Parameters that are too long for the address of a request go into the statement, as the server would read them. Pure.

A server takes no parameter of more than 128 KiB, in whichever way it is sent.
"""

import re
from collections.abc import Mapping
from typing import Any

SENT_BYTES_MAX = 4_096
"""Text of all parameters that are sent next to the statement; those that do not fit are written into it."""

_PARSED_BYTES, _UTF8_BYTES_MAX = 262_144, 4
"""Statement size that the engine parses by default, and the most bytes of one character."""

_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\0": "\\0"})


def bind_long(sql: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Write long strings and lists into the statement; return it with the remaining parameters."""
    room, left = SENT_BYTES_MAX, {}
    long: dict[str, str] = {}
    for name, value in parameters.items():
        text = _text(value) if isinstance(value, str | list) else ""
        if len(text) > room:
            long[name] = quoted(text)
        else:
            room -= len(text)
            left[name] = value
    if not long:
        return sql, left
    return re.sub(rf"\{{({'|'.join(long)}):([^{{}}]+)\}}", lambda found: _literal(long[found[1]], found[2]), sql), left


def parsed_bytes_max(sql: str) -> int:
    """Return the setting max_query_size for a statement that may be long."""
    return _PARSED_BYTES + len(sql) * _UTF8_BYTES_MAX


def _literal(text: str, kind: str) -> str:
    return text if kind == "String" else f"CAST({text} AS {kind})"


def quoted(text: str) -> str:
    """Write a text as a literal of the statement."""
    return f"'{text.translate(_ESCAPES)}'"


def _text(value: Any) -> str:
    """As the server reads a value from text."""
    if isinstance(value, str):
        return value
    return f"[{','.join(quoted(item) if isinstance(item, str) else str(item) for item in value)}]"
