"""Landing URLs with macros: compiled once, then rendered for each hit.

Macros are expanded only after the host, so nothing that a visitor sends can change the host of a landing URL.
Values are percent-encoded for the part of the URL that they are put into.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from program.fields import MACROS

SUB_NAMES = frozenset(name for name in MACROS if name.startswith("sub"))

# Values that Clew makes itself; they consist of letters, digits, - and _.
_OURS = frozenset({"click_id", "offer_id", "partner_id", "ts"})
_MACRO = re.compile(r"\{(" + "|".join(sorted(MACROS, key=len, reverse=True)) + r")\}")
# Browsers treat a backslash as a slash and skip extra slashes before the host. An empty host is therefore no origin:
# a browser would take what follows as the host.
_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#\\]+")
_PLAIN = re.compile(r"[A-Za-z0-9._~-]*").fullmatch
_ASCII_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True, slots=True)
class Landing:
    """Literal texts with macros between them: literals[0] macros[0] literals[1] … literals[n]."""

    literals: tuple[str, ...]
    macros: tuple[tuple[str, bool], ...]
    """Name of each macro, and whether it is part of the path."""


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
        macros.append((found.group(1), found.start() < path_end))
        done = found.end()
    literals[-1] += escaped(url[done:])
    return Landing(tuple(literals), tuple(macros))


def escaped(url: str) -> str:
    """Percent-encode everything but printable ASCII, so that the URL can be sent in a header."""
    return quote(url, safe=_ASCII_PRINTABLE, errors="replace")


def render(landing: Landing, values: Mapping[str, str], chars_max: int) -> str:
    """Build the URL with every macro expanded; a macro without a value becomes empty.

    Visitors' values beyond `chars_max` characters in total are left out, because the visitor decides how many macros
    a deep link contains.
    """
    parts, spare = [landing.literals[0]], chars_max
    for (name, in_path), literal in zip(landing.macros, landing.literals[1:], strict=True):
        value = values.get(name, "")
        if value and name not in _OURS:
            value = _encoded(value, in_path=in_path)
            spare -= len(value)
            value = value if spare >= 0 else ""
        parts.append(value)
        parts.append(literal)
    return "".join(parts)


def _encoded(value: str, *, in_path: bool) -> str:
    if not _PLAIN(value):
        return quote(value, safe="", errors="replace")
    if in_path and not value.strip("."):
        return ""  # browsers go up a directory at a segment of dots, even an encoded one
    return value
