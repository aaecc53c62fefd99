"""Bytes and texts of a request: parameters of a query or form, length limits, and checks for ids."""

import re
from collections.abc import Iterator
from typing import Literal
from urllib.parse import unquote_to_bytes

Errors = Literal["replace", "surrogateescape"]

QUOTED_CHARS_MAX = 128
"""Longest name or value of a sender that an answer or a record of a refusal quotes."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def pairs_of(raw: bytes, errors: Errors) -> Iterator[tuple[str, str]]:
    """Yield name and value of each parameter of a query or form, in order; skip parameters without a name.

    `replace` turns bytes that are not UTF-8 into U+FFFD; `surrogateescape` keeps them, so that `is_text` finds them.
    """
    for part in raw.split(b"&"):
        if part.startswith(b"amp;"):
            part = part[4:]
        name, _, value = part.partition(b"=")
        if name:
            yield decoded(name, errors), decoded(value, errors)


def decoded(part: bytes, errors: Errors) -> str:
    if b"%" in part or b"+" in part:
        part = unquote_to_bytes(part.replace(b"+", b" "))
    return part.decode("utf-8", errors)


def header_text(value: bytes, bytes_max: int) -> str:
    """Decode a header's value and cut it to the limit: as UTF-8 if valid, otherwise as Latin-1."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return cut(text, bytes_max)


def cut(text: str, bytes_max: int) -> str:
    """Cut the text to at most `bytes_max` bytes of UTF-8, without splitting a character."""
    if len(text) * 4 <= bytes_max or (len(text) <= bytes_max and text.isascii()):
        return text
    raw = raw_bytes(text)
    return text if len(raw) <= bytes_max else raw[:bytes_max].decode("utf-8", "ignore")


def shortened(text: str, chars_max: int = QUOTED_CHARS_MAX) -> str:
    """Shorten a text that is quoted to at most `chars_max` characters, the last of them "…"."""
    return text if len(text) <= chars_max else text[: chars_max - 1] + "…"


def clean(text: str) -> str:
    """Replace everything that is not UTF-8: bytes kept by `surrogateescape`, and other lone surrogates."""
    return text if text.isascii() else raw_bytes(text).decode("utf-8", "replace")


def raw_bytes(text: str) -> bytes:
    """Return the bytes that a text was decoded from, also those that are not UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def is_text(text: str) -> bool:
    """Return whether UTF-8 can encode the text, which the log requires."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def byte_length(text: str) -> int:
    """Return the length in UTF-8 bytes."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


_BLANKS = " \t\r\n\f\v\u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\u200b\u200c\u200d\u2060\ufeff" + "".join(
    map(chr, range(0x2000, 0x200B))
)


def trimmed(text: str) -> str:
    """Return the text without white space at both ends, including no-break and zero-width spaces."""
    return text.strip(_BLANKS)


def has_control(text: str) -> bool:
    """Return whether the text contains a control character; no id may."""
    return _CONTROL.search(text) is not None
