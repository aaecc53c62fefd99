"""Lines of /v1/events: their fields and types (docs/contract.md, section 2.2).

An unknown field, a number in place of a text or a text in place of a number is refused as malformed; the error names
the field.
"""

import json
import re
from collections import Counter
from contextlib import suppress
from typing import Annotated, Any, Literal

import msgspec

from tracker.conversion import REFERENCE_BYTES_MAX
from tracker.refusal import Refusal, Refused, malformed
from tracker.request.params import SUB_NAMES
from tracker.request.text import byte_length, has_control, trimmed

ID_BYTES_MAX = 128
"""Longest id of a line, and of the line that another one refers to."""
IP_BYTES_MAX = 64

_Number = Annotated[int, msgspec.Meta(ge=1, le=2**32 - 1)]
_Optional = _Number | None


class TouchLine(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Click or impression, without sub1 to sub30, which are taken out before."""

    type: str
    id: str
    ts: int | str
    link: str = ""
    offer_id: _Optional = None
    partner_id: _Optional = None
    visitor_id: str = ""
    user_id: str = ""
    ip: str = ""
    user_agent: str = ""
    referrer: str = ""
    accept_language: str = ""
    partner_click_id: str = ""


class ConversionLine(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    type: str
    id: str
    ts: int | str
    click_id: str = ""
    click_ref: str = ""
    impression_id: str = ""
    impression_ref: str = ""
    user_id: str = ""
    visitor_id: str = ""
    offer_id: _Optional = None
    goal: str = ""
    txn_id: str = ""
    coupon: str = ""
    amount: str = ""
    currency: str = ""
    status: Literal["", "pending", "hold", "approved", "declined"] = ""
    custom: dict[str, str] = {}


class AdjustmentLine(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    type: str
    id: str
    ts: int | str
    kind: Literal["status", "refund", "chargeback"]
    conversion_id: str = ""
    offer_id: _Optional = None
    goal: str = ""
    txn_id: str = ""
    status: Literal["", "pending", "hold", "approved", "declined"] = ""
    amount: str = ""
    currency: str = ""
    reason: str = ""


AnyLine = TouchLine | ConversionLine | AdjustmentLine

TYPES: dict[str, type[TouchLine] | type[ConversionLine] | type[AdjustmentLine]] = {
    "click": TouchLine,
    "impression": TouchLine,
    "conversion": ConversionLine,
    "adjustment": AdjustmentLine,
}
_BYTES_MAX = {
    "id": ID_BYTES_MAX, "click_ref": ID_BYTES_MAX, "impression_ref": ID_BYTES_MAX,
    "txn_id": REFERENCE_BYTES_MAX, "ip": IP_BYTES_MAX,
}  # fmt: skip
_IDS = ("id", "txn_id", "click_ref", "impression_ref", "visitor_id", "user_id", "coupon")
_TRIMMED = (*_IDS, "goal", "amount", "currency", "status", "click_id", "impression_id", "conversion_id")
"""Texts whose white space at both ends is removed."""

_PLACE = re.compile(r" - at `(?:key in )?\$\.?([^`.\[]*)")
_NAMED = re.compile(r"(?:unknown field|required field) `([^`]*)`")


def decode_line(text: bytes) -> dict[str, Any]:
    """Return the line's JSON object. Raises Refused."""
    try:
        parsed = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(malformed("line", f"not JSON: {error}")) from None
    if not isinstance(parsed, dict):
        raise Refused(malformed("line", "send one JSON object per line"))
    _check_repeated(text, parsed)
    for name in _TRIMMED:
        value = parsed.get(name)
        if isinstance(value, str):
            parsed[name] = trimmed(value)
    for name in ("currency", "status"):
        if isinstance(value := parsed.get(name), str):
            parsed[name] = value.upper() if name == "currency" else value.lower()
    return parsed


def _check_repeated(text: bytes, parsed: dict[str, Any]) -> None:
    """Refuse a key that is given twice: either value could be the money that is meant. Raises Refused."""
    quotes = 2 * (len(parsed) + sum(type(value) is str for value in parsed.values()))
    if text.count(b'"') == quotes and b'\\"' not in text:
        return  # no quotes beyond those of its keys and texts: the usual line is not parsed twice

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        distinct = dict(found)
        if len(distinct) < len(found):
            (name, _), *_ = Counter(name for name, _ in found).most_common(1)
            raise Refused(malformed(name, "given twice in the line; send it once"))
        return distinct

    with suppress(ValueError, RecursionError):
        json.loads(text, object_pairs_hook=pairs)


def typed(line: dict[str, Any], bytes_max: int, *, is_short: bool) -> tuple[AnyLine, dict[str, str]]:
    """Return the line as its type, and its sub values. `is_short`: no field can be over the limit. Raises Refused."""
    kind = line.get("type")
    cls = TYPES.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise Refused(malformed("type", f"must be one of {', '.join(TYPES)}"))
    known = cls.__struct_fields__
    rest = {name: value for name, value in line.items() if not (value is None and name in known)}
    subs: dict[str, str] = {}
    if cls is TouchLine:
        for name in SUB_NAMES & rest.keys():
            subs[name] = _sub(name, rest.pop(name))
    try:
        typed_line = msgspec.convert(rest, cls)
    except msgspec.ValidationError as error:
        raise Refused(_refusal(str(error))) from None
    _check_texts(typed_line, subs, bytes_max, is_short=is_short)
    return typed_line, {name: subs[name] for name in sorted(subs) if subs[name]}


def _sub(name: str, value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    raise Refused(malformed(name, f"Expected `str`, got `{type(value).__name__}`"))


def _refusal(message: str) -> Refusal:
    """Return msgspec's message as a refusal of the field that it names."""
    found = _NAMED.search(message) or _PLACE.search(message)
    field, detail = found.group(1) if found else "line", message.partition(" - at ")[0].replace(" | null", "")
    return malformed(field, f'{detail}; send amounts as text, as in "7.50"' if field == "amount" else detail)


def _check_texts(line: AnyLine, subs: dict[str, str], bytes_max: int, *, is_short: bool) -> None:
    if not line.id:
        raise Refused(malformed("id", f"empty; give each line a different id of up to {ID_BYTES_MAX} bytes"))
    for name in _IDS:
        if has_control(getattr(line, name, "")):
            raise Refused(malformed(name, "has control characters; leave them out"))
    for name, limit in _BYTES_MAX.items():
        if byte_length(getattr(line, name, "")) > limit:
            raise Refused(malformed(name, f"longer than {limit} bytes"))
    if is_short:
        return
    texts = {name: getattr(line, name) for name in line.__struct_fields__} | subs
    for name, text in texts.items():
        if isinstance(text, str) and byte_length(text) > bytes_max:
            raise Refused(malformed(name, f"longer than {bytes_max} bytes"))
