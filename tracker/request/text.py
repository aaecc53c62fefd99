"""Bytes and texts of a request: pairs of a query or form, cutting to a limit, what may not stand in an id."""

import re
from collections.abc import Iterator
from typing import Literal
from urllib.parse import unquote_to_bytes

Errors = Literal["replace", "surrogateescape"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def pairs_of(raw: bytes, errors: Errors) -> Iterator[tuple[str, str]]:
    """Name and value of each parameter of a query or form, in order; parameters without a name are left out.

    Bytes that are no UTF-8 become U+FFFD with `replace`; `surrogateescape` keeps them findable by `is_text`.
    """
    for part in raw.split(b"&"):
        name, _, value = part.partition(b"=")
        if name:
            yield _decoded(name, errors), _decoded(value, errors)


def _decoded(part: bytes, errors: Errors) -> str:
    if b"%" in part or b"+" in part:
        part = unquote_to_bytes(part.replace(b"+", b" "))
    return part.decode("utf-8", errors)


def header_text(value: bytes, bytes_max: int) -> str:
    """A header's value, cut to the limit: UTF-8 where it is, else Latin-1, so that any bytes are some text."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return cut(text, bytes_max)


def cut(text: str, bytes_max: int) -> str:
    """The text without the end that is over the limit, in UTF-8 bytes; a character is never split."""
    if len(text) * 4 <= bytes_max or (len(text) <= bytes_max and text.isascii()):
        return text
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= bytes_max and is_text(text) else raw[:bytes_max].decode("utf-8", "ignore")


def clean(text: str) -> str:
    """The text with everything replaced that UTF-8 cannot say (lone surrogates)."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def is_text(text: str) -> bool:
    """Whether UTF-8 can say it, and so whether it may reach the log."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def byte_length(text: str) -> int:
    """Length in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def has_control(text: str) -> bool:
    """Whether a control character stands in it; ids never have one."""
    return _CONTROL.search(text) is not None
