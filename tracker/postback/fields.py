"""Read the parameters of a postback from its query and its form or JSON body, as one map of texts.

Numbers in JSON keep their literal text: an amount is never a float. A field with a meaning that has two values is
refused, since either could be the money that is meant; custom fields may repeat. Empty values count as left out.
"""

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from tracker.refusal import Refusal, Refused, malformed
from tracker.request.text import clean, is_text, pairs_of, trimmed

PAIRS_MAX = 1_000

OWN_FIELDS = frozenset(
    {
        "click_id", "offer_id", "goal", "txn_id", "amount", "currency", "status",
        "secret", "sig", "timestamp", "nonce", "test", "action", "refund_id", "coupon",
    }
)  # fmt: skip
"""Fields with a meaning; every other one is a custom field."""
ID_FIELDS = ("click_id", "txn_id", "refund_id", "coupon")
"""Fields in which a placeholder such as `undefined` counts as left out."""


class Sent(msgspec.Struct, frozen=True):
    """Fields of a postback, and the refusal if its form is wrong."""

    fields: dict[str, str]
    problem: Refusal | None = None


class _Pairs(list[tuple[str, Any]]):
    """Pairs of a JSON object, repeated names included."""


def read_sent(query: bytes, body: bytes, content_type: str, content_encoding: str = "") -> Sent:
    """Return the parameters of a postback. Never raises: the fields read so far are for the record of a refusal."""
    fields: dict[str, str] = {}
    try:
        _add(fields, pairs_of(query, "surrogateescape"))
        if body:
            _add(fields, _body_pairs(body, content_type, content_encoding))
    except Refused as refused:
        return Sent(_known(fields), refused.refusal)
    return Sent(_known(fields))


def _known(fields: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}


def _add(fields: dict[str, str], pairs: Iterable[tuple[str, str]]) -> None:
    for name, value in pairs:
        name = trimmed(clean(name))
        if name not in OWN_FIELDS:
            _add_custom(fields, name, clean(value))
            continue
        if not is_text(value):
            raise Refused(malformed(name, "not UTF-8; percent-encode the UTF-8 bytes"))
        value = trimmed(value)
        if value and fields.get(name) not in (None, "", value):
            raise Refused(malformed(name, "given twice with different values; send it once"))
        if value or name not in fields:
            fields[name] = value
        _check_count(fields)


def _add_custom(fields: dict[str, str], name: str, value: str) -> None:
    """Custom fields decide nothing: repeated ones are joined, bytes that are not UTF-8 are replaced."""
    before = fields.get(name)
    if name and before != value:
        fields[name] = f"{before},{value}" if before and value else before or value
    _check_count(fields)


def _check_count(fields: dict[str, str]) -> None:
    if len(fields) > PAIRS_MAX:
        raise Refused(malformed("", f"there are more than {PAIRS_MAX} parameters; send fewer"))


def _body_pairs(body: bytes, content_type: str, content_encoding: str) -> Iterable[tuple[str, str]]:
    if content_encoding not in ("", "identity"):
        raise Refused(malformed("content-encoding", "send the body uncompressed"))
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json") or (not kind and body.lstrip()[:1] == b"{"):
        return _json_pairs(body)
    if kind in ("", "application/x-www-form-urlencoded"):
        return pairs_of(body.strip(), "surrogateescape")
    detail = "send application/x-www-form-urlencoded or application/json"
    raise Refused(malformed("content-type", detail))


def _json_pairs(body: bytes) -> Iterable[tuple[str, str]]:
    try:
        parsed = json.loads(
            body.decode("utf-8-sig"), object_pairs_hook=_Pairs, parse_int=str, parse_float=str, parse_constant=str
        )
    except (ValueError, RecursionError):  # bytes that are not UTF-8 are a ValueError too
        raise Refused(malformed("body", "not JSON; send one object of texts and numbers")) from None
    if not isinstance(parsed, _Pairs):
        raise Refused(malformed("body", "send one JSON object of texts and numbers"))
    return [(name, _scalar(name, value)) for name, value in parsed if name]


def _scalar(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    raise Refused(malformed(clean(name), "a list or an object; send a text or a number"))
