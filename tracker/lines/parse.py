"""Read a line of /v1/events: its event, or a refusal (docs/contract.md, section 2.2). Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.events import Adjustment, Conversion, Kind, Touch
from tracker.lines.events import LineContext, adjustment_of, conversion_of, touch_of
from tracker.lines.timestamps import parse_ts
from tracker.lines.types import ConversionLine, TouchLine, decode_line, typed
from tracker.refusal import Refusal, Refused, malformed

KINDS = {
    "click": Kind.CLICK,
    "impression": Kind.IMPRESSION,
    "conversion": Kind.CONVERSION,
    "adjustment": Kind.ADJUSTMENT,
}


class Read(msgspec.Struct, frozen=True):
    """A line: its event or a refusal, and the fields that the record of a refusal needs."""

    kind: str
    """Type of the line; `event` if that is unknown."""
    ref: str
    sent: Mapping[str, Any]
    result: Touch | Conversion | Adjustment | Refusal
    absent: tuple[str, ...] = ()
    """Fields whose ids were placeholders."""


ID_FIELDS = (
    "visitor_id", "user_id", "partner_click_id", "click_id", "impression_id", "click_ref", "impression_ref", "txn_id",
    "conversion_id", "coupon",
)  # fmt: skip
"""Fields of lines that hold an id of something else. The line's own `id` may be any text."""


def read_line(text: bytes, context: LineContext) -> Read:
    """Build the event of one line, or return the refusal of the first field that is wrong."""
    sent: dict[str, Any] = {}
    absent: tuple[str, ...] = ()
    result: Touch | Conversion | Adjustment | Refusal
    try:
        sent = decode_line(text)
        absent = tuple(name for name in ID_FIELDS if name in sent and _is_placeholder(sent[name], context))
        fields = {name: value for name, value in sent.items() if name not in absent} if absent else sent
        result = _event(fields, len(text), context)
    except Refused as refused:
        result = refused.refusal
        sent = sent or {"line": text.decode("utf-8", "replace")}
    kind, ref = sent.get("type"), sent.get("id")
    named = kind if isinstance(kind, str) and kind in KINDS else "event"
    return Read(named, ref if isinstance(ref, str) else "", sent, result, absent)


def _is_placeholder(value: object, context: LineContext) -> bool:
    return isinstance(value, str) and value != "" and context.absent.holds(value)


def _event(sent: dict[str, Any], line_bytes: int, context: LineContext) -> Touch | Conversion | Adjustment:
    line, subs = typed(sent, context.field_bytes_max, is_short=line_bytes <= context.field_bytes_max)
    ts = _ts(line.ts, context)
    if isinstance(line, TouchLine):
        return touch_of(line, subs, ts, context)
    if isinstance(line, ConversionLine):
        return conversion_of(line, ts, context)
    return adjustment_of(line, ts, context)


INTEGER_TS_MIN = 946_684_800_000_000
"""2000-01-01 in µs: a smaller integer is seconds or milliseconds."""


def _unit_of(ts: int) -> str:
    return (
        "and this one can only be seconds" if ts < INTEGER_TS_MIN // 1_000 else "and this one can only be milliseconds"
    )


def _ts(ts: int | str, context: LineContext) -> int:
    parsed = parse_ts(ts)
    if parsed is None:
        detail = "send RFC 3339 with an offset, as in 2026-01-31T12:00:00Z, or integer microseconds since 1970"
        raise Refused(malformed("ts", detail))
    if isinstance(ts, int) and parsed < INTEGER_TS_MIN:
        raise Refused(malformed("ts", f"integers are microseconds since 1970, {_unit_of(ts)}; multiply it"))
    if parsed < 0:
        raise Refused(malformed("ts", "before 1970; send a later time"))
    if parsed > context.now + context.future_ts_max_us:
        raise Refused(malformed("ts", f"more than {context.future_ts_max_us // 1_000_000} s in the future"))
    return parsed
