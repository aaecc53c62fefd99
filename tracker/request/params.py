"""Parameters of clicks and pixels: those with a meaning, those to store, and those to pass on. Pure."""

from program.fields import MACROS
from tracker.request.text import decoded

SUB_NAMES = frozenset(name for name in MACROS if name.startswith("sub"))
KNOWN = SUB_NAMES | {"url", "visitor_id", "user_id", "partner_click_id", "gdpr_consent"}
"""Parameters with a meaning of their own (docs/contract.md, section 2)."""


def parts_of(query: bytes) -> list[tuple[str, bytes]]:
    """Split a query into parameters: decoded name, and the whole as it was sent. `&amp;` separates like `&`."""
    parts = []
    for part in query.split(b"&"):
        part = part.removeprefix(b"amp;")
        name = part.partition(b"=")[0]
        if name:
            parts.append((decoded(name, "surrogateescape"), part))
    return parts


def read_params(query: bytes) -> tuple[dict[str, str], bool]:
    """Read the first value of each parameter, and whether the end of `url` is ambiguous."""
    parts, is_ambiguous = parts_of(query), False
    if b"url=" in query:
        parts, is_ambiguous = _with_whole_url(parts)
    params: dict[str, str] = {}
    for name, part in parts:
        if name not in params:
            params[name] = decoded(part.partition(b"=")[2], "surrogateescape")
    return params, is_ambiguous


def _with_whole_url(parts: list[tuple[str, bytes]]) -> tuple[list[tuple[str, bytes]], bool]:
    """Join to `url` the unknown parameters that were part of it before its & was taken for a separator.

    Only a URL with an unencoded question mark can go on behind an &. Unknown parameters right behind it are joined
    to it if no known one follows; if one follows, they could belong to either, and the URL is ambiguous. Unknown
    parameters behind a known one belong to the link.
    """
    start = next((index for index, (name, _) in enumerate(parts) if name == "url"), None)
    if start is None or b"?" not in parts[start][1]:
        return parts, False
    end = start + 1
    while end < len(parts) and parts[end][0] not in KNOWN:
        end += 1
    if end == start + 1:
        return parts, False
    if end < len(parts):
        return parts, True
    whole = b"&".join(part for _, part in parts[start:end])
    return [*parts[:start], ("url", whole), *parts[start + 1 :]], False
