"""Values of a filter by dimension in one parameter of an address: "DE,FR". Pure.

A comma or backslash inside a value has a backslash in front; `\\e` stands for the empty value, which is "unknown".
"""

import re
from collections.abc import Iterable

_PART = re.compile(r"((?:[^\\,]|\\.)*)(?:,|$)", re.DOTALL)
_EMPTY = "\\e"
VALUES_MAX = 50
VALUE_CHARS_MAX = 300


def join_values(values: Iterable[str]) -> str:
    """Write values as one text."""
    return ",".join(_EMPTY if not value else re.sub(r"([\\,])", r"\\\1", value) for value in values)


def split_values(text: str) -> tuple[str, ...]:
    """Read values, each once; what is too long or too much is left out."""
    parts = [found.group(1) for found in _PART.finditer(text.replace("\0", "")) if found.group(1).strip()]
    values = ("" if part.strip() == _EMPTY else re.sub(r"\\(.)", r"\1", part.strip()) for part in parts)
    return tuple(dict.fromkeys(value for value in values if len(value) <= VALUE_CHARS_MAX))[:VALUES_MAX]
