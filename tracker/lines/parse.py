"""A line of /v1/events to its event, or why not (contract 2.2). Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.events import Adjustment, Conversion, Kind, Touch
from tracker.lines.events import LineContext, adjustment_of, conversion_of, touch_of
from tracker.lines.timestamps import parse_ts
from tracker.lines.types import BadLine, ConversionLine, TouchLine, decode_line, typed
from tracker.refusal import Refusal, Refused, malformed

KINDS = {
    "click": Kind.CLICK,
    "impression": Kind.IMPRESSION,
    "conversion": Kind.CONVERSION,
    "adjustment": Kind.ADJUSTMENT,
}


class Read(msgspec.Struct, frozen=True):
    """A line as it was read: its event or a refusal, and what the record of a refusal needs."""

    kind: str
    """Its type; `event` where that is unknown."""
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


def read_line(text: bytes, terms: LineContext) -> Read:
    """The event of one line, or why there is none."""
    sent: dict[str, Any] = {}
    absent: tuple[str, ...] = ()
    result: Touch | Conversion | Adjustment | Refusal
    try:
        sent = decode_line(text)
        absent = tuple(name for name in ID_FIELDS if name in sent and _is_placeholder(sent[name], terms))
        fields = {name: value for name, value in sent.items() if name not in absent} if absent else sent
        result = _event(fields, len(text), terms)
    except BadLine as bad:
        result = malformed(bad.field, bad.detail)
        sent = sent or {"line": text.decode("utf-8", "replace")}
    except Refused as refused:
        result = refused.refusal
    kind, ref = sent.get("type"), sent.get("id")
    named = kind if isinstance(kind, str) and kind in KINDS else "event"
    return Read(named, ref if isinstance(ref, str) else "", sent, result, absent)


def _is_placeholder(value: object, terms: LineContext) -> bool:
    return isinstance(value, str) and value != "" and terms.absent.holds(value)


def _event(sent: dict[str, Any], line_bytes: int, terms: LineContext) -> Touch | Conversion | Adjustment:
    line, subs = typed(sent, terms.field_bytes_max, is_short=line_bytes <= terms.field_bytes_max)
    ts = _ts(line.ts, terms)
    if isinstance(line, TouchLine):
        return touch_of(line, subs, ts, terms)
    if isinstance(line, ConversionLine):
        return conversion_of(line, ts, terms)
    return adjustment_of(line, ts, terms)


INTEGER_TS_MIN = 946_684_800_000_000
"""2000-01-01 in µs: a smaller integer is seconds or milliseconds."""


def _unit_of(ts: int) -> str:
    return (
        "and this one can only be seconds" if ts < INTEGER_TS_MIN // 1_000 else "and this one can only be milliseconds"
    )


def _ts(ts: int | str, terms: LineContext) -> int:
    parsed = parse_ts(ts)
    if parsed is None:
        detail = "send RFC 3339 with an offset, as in 2026-01-31T12:00:00Z, or integer microseconds since 1970"
        raise Refused(malformed("ts", detail))
    if isinstance(ts, int) and parsed < INTEGER_TS_MIN:
        raise Refused(malformed("ts", f"integers are microseconds since 1970, {_unit_of(ts)}; multiply it"))
    if parsed < 0:
        raise Refused(malformed("ts", "it is before 1970"))
    if parsed > terms.now + terms.future_ts_max_us:
        raise Refused(malformed("ts", f"it is more than {terms.future_ts_max_us // 1_000_000} s in the future"))
    return parsed
