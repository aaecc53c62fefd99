"""Landing URLs with macros: compiled once, then rendered for each hit.

Macros are expanded only after the host, so nothing that a visitor sends can change the host of a landing URL.
Values are percent-encoded for the part of the URL that they are put into, and once more for each level of a nested,
encoded URL around it. Bytes that are not UTF-8 are kept as they came.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from program.fields import MACROS
from tracker.request.text import raw_bytes

# Values that Clew makes itself; they consist of letters, digits, - and _.
_OURS = frozenset({"click_id", "offer_id", "partner_id", "ts"})
_MACRO = re.compile(r"\{(" + "|".join(sorted(MACROS, key=len, reverse=True)) + r")\}")
# Browsers treat a backslash as a slash and skip extra slashes before the host. An empty host is therefore no origin:
# a browser would take what follows as the host.
_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#\\]+")
_SAFE = re.compile(r"[!-~]*").fullmatch
_PLAIN = re.compile(r"[A-Za-z0-9._~-]*").fullmatch
_NESTED = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//|[^?#]*\?[^?=#]*=")
"""Start of a text that is itself a URL, or a path with a query."""
_ORIGIN_OR_NOTHING = re.compile(r"(?:(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*)?")
LEVELS_MAX = 5
_ASCII_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True, slots=True)
class Landing:
    """Literal texts with macros between them: literals[0] macros[0] literals[1] … literals[n]."""

    literals: tuple[str, ...]
    macros: tuple[tuple[str, bool, int], ...]
    """Name of each macro, whether it is part of a path, and how often its value is percent-encoded."""


def compile_landing(url: str) -> Landing:
    """Split a landing URL into literals and macros. Unknown macros, and macros in the host, stay literal text."""
    origin = _ORIGIN.match(url)
    if origin is None:
        return Landing((escaped(url),), ())
    path_end = min((at for mark in "?#" if (at := url.find(mark, origin.end())) >= 0), default=len(url))
    literals, macros, done = [""], [], 0
    for found in _MACRO.finditer(url, origin.end()):
        literals[-1] += escaped(url[done : found.start()])
        literals.append("")
        in_path = found.start() < path_end
        nested_path, levels = _nesting(url[origin.end() : found.start()], in_path=in_path)
        macros.append((found.group(1), nested_path, 1 + levels))
        done = found.end()
    literals[-1] += escaped(url[done:])
    return Landing(tuple(literals), tuple(macros))


def _nesting(before: str, *, in_path: bool, levels_max: int = LEVELS_MAX) -> tuple[bool, int]:
    """Find the innermost URL that a macro is part of, from the text between the host and the macro.

    Returns whether the macro is in the path of that URL, and how often that URL is encoded in the whole.
    """
    value = before[max(before.rfind(mark) for mark in ("/" if in_path else "?&=#")) + 1 :]
    for levels in range(1, levels_max + 1):
        decoded = unquote(value)
        if decoded == value:
            break
        value = decoded
        if _NESTED.match(value):
            inner = value[_end_of_origin(value) :]
            is_path = "?" not in inner and "#" not in inner
            is_path, deeper = _nesting(inner, in_path=is_path, levels_max=levels_max - levels)
            return is_path, levels + deeper
    return in_path, 0


def _end_of_origin(url: str) -> int:
    match = _ORIGIN_OR_NOTHING.match(url)
    return match.end() if match else 0


def escaped(url: str) -> str:
    """Percent-encode everything but printable ASCII, so that the URL can be sent in a header."""
    return url if url.isascii() and _SAFE(url) else quote(raw_bytes(url), safe=_ASCII_PRINTABLE)


def render(landing: Landing, values: Mapping[str, str], chars_max: int) -> str:
    """Build the URL with every macro expanded; a macro without a value becomes empty.

    Visitors' values beyond `chars_max` characters in total are left out, because the visitor decides how many macros
    a deep link contains.
    """
    parts, spare = [landing.literals[0]], chars_max
    for (name, in_path, times), literal in zip(landing.macros, landing.literals[1:], strict=True):
        value = values.get(name, "")
        if value and name not in _OURS:
            value = _encoded(value, in_path=in_path, times=times)
            spare -= len(value)
            value = value if spare >= 0 else ""
        parts.append(value)
        parts.append(literal)
    return "".join(parts)


def _encoded(value: str, *, in_path: bool, times: int) -> str:
    if not _PLAIN(value):
        encoded = quote(raw_bytes(value), safe="")
        return encoded if times == 1 else encoded.replace("%", "%" + "25" * (times - 1))
    if in_path and not value.strip("."):
        return ""  # browsers go up a directory at a segment of dots, even an encoded one
    return value
