"""Parameters of clicks and pixels: those with a meaning, those to store, and those to pass on. Pure."""

from collections.abc import Iterable, Iterator
from urllib.parse import quote_from_bytes

from program import fields
from tracker.request.text import clean, cut, decoded, pairs_of

SUB_NAMES = frozenset(fields.SUB_NAMES)
_PASSED_SAFE = "".join(map(chr, range(0x21, 0x7F))).replace("#", "")
KNOWN = SUB_NAMES | {"url", "visitor_id", "user_id", "partner_click_id", "gdpr_consent"}
"""Parameters with a meaning of their own (docs/contract.md, section 2)."""

AD_CLICK_IDS = frozenset(
    {
        "gclid", "gbraid", "wbraid", "dclid", "fbclid", "msclkid", "ttclid", "li_fat_id", "twclid", "yclid",
        "epik", "rdt_cid", "sccid", "irclickid",
    }
)  # fmt: skip
"""Parameters in which ad networks send the id of their click."""
STORED_MAX = 32
PARAM_NAME_BYTES_MAX = 64


def stored_params(params: dict[str, str], bytes_max: int) -> dict[str, str]:
    """Return the utm parameters and ad click ids to store, by name in lower case; at most STORED_MAX."""
    stored: dict[str, str] = {}
    for name, value in params.items():
        if name in KNOWN or not value:
            continue
        name = name.lower()
        if name in AD_CLICK_IDS or (name.startswith("utm_") and len(name) > len("utm_")):
            stored.setdefault(clean(cut(name, PARAM_NAME_BYTES_MAX)), clean(cut(value, bytes_max)))
            if len(stored) == STORED_MAX:
                break
    return stored


def with_passed_on(url: str, query: bytes, bytes_max: int) -> str:
    """Add the unknown parameters of a query to a URL, before its fragment and as they were sent.

    Parameters that the URL has are left out, and so are those that would take more than `bytes_max` together.
    """
    base, mark, fragment = url.partition("#")
    own = base.partition("?")[2]
    taken = {name for name, _ in parts_of(own.encode())} if own else set()
    passed: list[str] = []
    for name, part in parts_of(query):
        if name in KNOWN or name in taken:
            continue
        text = quote_from_bytes(part, safe=_PASSED_SAFE)
        bytes_max -= len(text) + 1
        if bytes_max < 0:
            break
        passed.append(text)
    if not passed:
        return url
    joint = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
    return f"{base}{joint}{'&'.join(passed)}{mark}{fragment}"


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
    if b"url=" not in query:  # most queries: no lists on the way
        is_plain = not (b"%" in query or b"+" in query or b"amp;" in query)
        return _first_values(_plain_pairs(query) if is_plain else pairs_of(query, "surrogateescape")), False
    parts, is_ambiguous = _with_whole_url(parts_of(query))
    pairs = ((name, decoded(part.partition(b"=")[2], "surrogateescape")) for name, part in parts)
    return _first_values(pairs), is_ambiguous


def _first_values(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    params: dict[str, str] = {}
    for name, value in pairs:
        if name not in params:
            params[name] = value
    return params


def _plain_pairs(query: bytes) -> Iterator[tuple[str, str]]:
    """Yield the pairs of a query in which nothing is encoded: it is decoded once."""
    for part in query.decode("utf-8", "surrogateescape").split("&"):
        name, _, value = part.partition("=")
        if name:
            yield name, value


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
