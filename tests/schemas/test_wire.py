"""Wire format: events round-trip, errors name the damaged field, and newer versions are recognised."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import STRUCT_OF, TOPIC_OF, TOPICS, Kind, Touch
from schemas.wire import WIRE_VERSION, UndecodableRecord, UnknownSchemaVersion, decode, encode, kind_of
from tests.schemas.samples import conversion, refund, rejected, touch, wire
from tests.schemas.strategies import events


@given(events())
def test_round_trip(event: tuple[Kind, Any]) -> None:
    record = encode(*event)
    assert decode(record) == event
    assert kind_of(record) is event[0]
    assert encode(*decode(record)) == record


@given(st.binary(max_size=60))
def test_any_bytes_decode_or_are_refused(noise: bytes) -> None:
    for record in (noise, bytes((WIRE_VERSION, 1)) + noise, encode(Kind.CLICK, touch(1))[:-1] + noise):
        try:
            kind, event = decode(record)
        except (UndecodableRecord, UnknownSchemaVersion):
            continue
        assert decode(encode(kind, event)) == (kind, event)


def record_with(kind: Kind, event: Any, /, **wrong: Any) -> bytes:
    """Encode a record with field values that the Struct would refuse."""
    values = dict(zip(event.__struct_fields__, msgspec.structs.astuple(event), strict=True)) | wrong
    return bytes((WIRE_VERSION, kind)) + msgspec.msgpack.encode(list(values.values()))


@pytest.mark.parametrize(
    ("kind", "event", "field", "value"),
    [
        (Kind.CLICK, touch(1), "touch_id", b"short"),
        (Kind.CLICK, touch(1), "ts", "2026"),
        (Kind.CLICK, touch(1), "ts", -1),
        (Kind.IMPRESSION, touch(1), "received_ts", 10_413_792_000_000_000),
        (Kind.CLICK, touch(1), "offer_id", 2**32),
        (Kind.CLICK, touch(1), "subs", ["sub1"]),
        (Kind.CLICK, touch(1), "subs", {"sub1": 1}),
        (Kind.CLICK, touch(1), "consent", 256),
        (Kind.CLICK, touch(1), "redirect_type", 302),
        (Kind.CONVERSION, conversion("t"), "conversion_id", bytes(15)),
        (Kind.CONVERSION, conversion("t"), "amount_minor", 7.5),
        (Kind.CONVERSION, conversion("t"), "sender_ip", None),
        (Kind.ADJUSTMENT, refund(bytes(16), "r", 1), "kind", b"refund"),
        (Kind.REJECTED, rejected(), "fields", None),
    ],
)
def test_an_error_names_the_field(kind: Kind, event: Any, field: str, value: Any) -> None:
    with pytest.raises(UndecodableRecord) as caught:
        decode(record_with(kind, event, **{field: value}))
    said = str(caught.value)
    assert said.startswith(f"{kind.name.lower()}: ")
    assert f"`{field}" in said, said


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (b"", "too short"),
        (bytes((WIRE_VERSION, 1)), "too short"),
        (bytes((WIRE_VERSION, 9, 0x90)), "kind 9"),
        (bytes((WIRE_VERSION, 0, 0x90)), "kind 0"),
        (bytes((0, 1, 0x90)), "version 0"),
        (bytes((WIRE_VERSION, 1, 0x90)), "length"),
        (bytes((WIRE_VERSION, 1, 0xC1)), "click: "),
        (encode(Kind.CLICK, touch(1)) + b"x", "trailing"),
        (encode(Kind.CLICK, touch(1))[:-1], "truncated"),
        (encode(Kind.CLICK, touch(1, link="ab")).replace(b"\xa2ab", b"\xa2\xff\xfe"), "click: "),
    ],
)
def test_errors_describe_the_damage(record: bytes, said: str) -> None:
    with pytest.raises(UndecodableRecord, match=said):
        decode(record)


@given(st.integers(WIRE_VERSION + 1, 255), st.binary(min_size=2, max_size=20))
def test_records_of_a_newer_version_are_not_damaged(version: int, rest: bytes) -> None:
    with pytest.raises(UnknownSchemaVersion) as caught:
        decode(bytes((version,)) + rest)
    assert caught.value.version == version and str(version) in str(caught.value)


@given(events())
def test_older_records_decode(event: tuple[Kind, Any]) -> None:
    """New fields are appended with defaults, so an older record is a shorter one."""
    kind, full = event
    struct = STRUCT_OF[kind]
    values = msgspec.structs.astuple(full)
    names = [field.name for field in msgspec.structs.fields(struct) if field.required]
    required = len(names)
    assert struct.__struct_fields__[:required] == tuple(names)
    for length in range(required, len(values) + 1):
        record = bytes((WIRE_VERSION, kind)) + msgspec.msgpack.encode(values[:length])
        older = msgspec.structs.astuple(decode(record)[1])
        assert older[:length] == values[:length]
        assert (
            older[length:] == msgspec.structs.astuple(struct(**{name: getattr(full, name) for name in names}))[length:]
        )


def test_a_newer_record_of_the_same_version_keeps_what_is_known() -> None:
    """An upgraded edge may append a field; the version is the same, so an older consumer reads the other fields."""
    values = [*msgspec.structs.astuple(touch(1)), "a field of tomorrow"]
    assert decode(bytes((WIRE_VERSION, 1)) + msgspec.msgpack.encode(values)) == (Kind.CLICK, touch(1))


def test_a_record_is_small() -> None:
    """A field with its default value costs about one byte."""
    assert len(wire(touch(1))) < 80


def test_defaults_are_not_shared() -> None:
    first, second = (decode(wire(touch(1)))[1] for _ in range(2))
    assert isinstance(first, Touch) and isinstance(second, Touch)
    first.subs["sub1"] = "x"
    assert second.subs == {}


def test_every_kind_has_a_topic() -> None:
    assert set(STRUCT_OF) == set(Kind) == set(TOPIC_OF)
    assert set(TOPIC_OF.values()) == set(TOPICS)


# The first field names and their order are what stored logs hold; nothing here may be moved or removed.
FIELDS = {
    Kind.CLICK: "touch_id ts received_ts offer_id partner_id link ref subs partner_click_id visitor_id user_id ip "
    "ip_hash user_agent referrer accept_language consent hints tcf landing_url redirect_type",
    Kind.CONVERSION: "conversion_id ts event_ts offer_id goal txn_id match_kind click_id impression_id click_ref "
    "impression_ref user_id visitor_id amount_minor currency status custom ref origin given sender_ip",
    Kind.ADJUSTMENT: "adjustment_id conversion_id ts event_ts kind status amount_e4 currency reason actor "
    "refund_id ref",
    Kind.REJECTED: "ts kind reason field detail offer_id partner_id link conversion_id method path fields visitor_id "
    "ip user_agent referrer ref",
}


@pytest.mark.parametrize("kind", FIELDS)
def test_fields_are_append_only(kind: Kind) -> None:
    known = tuple(FIELDS[kind].split())
    assert STRUCT_OF[kind].__struct_fields__[: len(known)] == known
