"""Bodies of /v1/events: order of the answers, keys, sizes, and lines of any content."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dedup.rules import conversion_key
from tests.tracker.edge_fixture import API_KEY, SECRET, Stage, program, run
from tests.tracker.test_events import TS_US, change, sale, touch

# ---------------------------------------------------------------------------------------------------------- bodies


def test_answers_come_in_the_order_of_lines(stage: Stage) -> None:
    answer = stage.events(
        sale(), b"", touch(), b"not json", b"  \t\r", change(conversion_id=conversion_key(101, "1", click="a1").hex()),
        touch(id="b", offer_id=999), b"[1]", touch(), b'{"a": "\\ud800"}', b"\xff", sale(id="z"),
    )  # fmt: skip
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [(line["line"], line["verdict"]) for line in answer.lines] == [
        (1, "accepted"), (3, "accepted"), (4, "malformed"), (6, "accepted"), (7, "rejected"), (8, "malformed"),
        (9, "duplicate"), (10, "malformed"), (11, "malformed"), (12, "duplicate"),
    ]  # fmt: skip
    assert [line["field"] for line in answer.lines if line["verdict"] == "malformed"] == ["line"] * 4
    assert [event.kind for event in stage.rejected] == ["event", "click", "event", "event", "event"]
    assert stage.rejected[0].fields == {"line": "not json"}
    assert (stage.rejected[1].offer_id, stage.rejected[1].partner_id) == (999, 7)


def test_crlf_bom_and_last_newline(stage: Stage) -> None:
    body = b"\xef\xbb\xbf" + json.dumps(touch()).encode() + b"\r\n" + json.dumps(sale()).encode() + b"\r\n"
    assert [line["verdict"] for line in stage.events(body).lines] == ["accepted", "accepted"]


def test_an_empty_body(stage: Stage) -> None:
    answer = stage.events(b"")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(
    "header", [b"", b"Bearer wrong", b"Bearer", b"Basic " + API_KEY.encode(), b"Bearer \xff", SECRET.encode()]
)
def test_without_the_key_it_is_401(stage: Stage, header: bytes) -> None:
    answer = run(stage.ask("POST", "/v1/events", headers=[(b"authorization", header)], body=b"{}"))
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json["field"] == "authorization" and answer.json["fix"]
    assert stage.stored("hits") == []


def test_every_key_of_the_program_opens(stage: Stage) -> None:
    assert stage.events(touch(), key="another-key").status == 200
    assert (
        run(stage.ask("POST", "/v1/events", headers=[(b"authorization", f"bearer {API_KEY}".encode())])).status == 200
    )


def test_without_keys_in_the_program_nothing_opens() -> None:
    stage = Stage()
    closed = program()
    stage.holder.current = msgspec.structs.replace(closed, secrets=type(closed.secrets)())
    for key in ("", API_KEY):
        assert stage.events(touch(), key=key).status == 401


def test_secrets_in_lines_are_not_stored(stage: Stage) -> None:
    stage.events(touch(secret="hush", visitor_id=SECRET), f'{{"x": "{API_KEY}"}}'.encode())
    stored = repr(stage.rejected)
    assert len(stage.rejected) == 2
    assert "hush" not in stored and SECRET not in stored and API_KEY not in stored


def test_a_large_batch(stage: Stage) -> None:
    lines = [touch(id=f"c{number}") for number in range(300)] + [
        sale(id=f"s{number}", click_ref=f"c{number}") for number in range(300)
    ]
    answer = stage.events(*lines)
    assert [line["line"] for line in answer.lines] == list(range(1, 601))
    assert {line["verdict"] for line in answer.lines} == {"accepted"}
    assert (len(stage.touches), len(stage.conversions)) == (300, 300)
    again = stage.events(*lines)
    assert {line["verdict"] for line in again.lines} == {"duplicate"}
    ids = [line.get("click_id") or line["conversion_id"] for line in answer.lines]
    assert ids == [line.get("click_id") or line["conversion_id"] for line in again.lines]


# -------------------------------------------------------------------------------------------------- whatever comes

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
FIELDS = st.sampled_from(
    ["type", "id", "ts", "link", "offer_id", "partner_id", "click_ref", "amount", "kind", "sub1", "x", "custom"]
)


@given(
    st.lists(
        st.binary(max_size=30).filter(lambda raw: b"\n" not in raw)
        | st.dictionaries(
            FIELDS, SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(max_size=3), SCALARS, max_size=2)
        )
        | st.builds(
            lambda base, more: base | more,
            st.sampled_from([touch(), sale(), change()]),
            st.dictionaries(FIELDS, SCALARS, max_size=2),
        ),
        max_size=6,
    )
)
def test_every_line_is_answered(lines: list[Any]) -> None:
    stage = Stage()
    answer = stage.events(*lines)
    assert answer.status == 200
    asked = [n for n, line in enumerate(lines, 1) if not isinstance(line, bytes) or line.strip()]
    if not any(isinstance(line, bytes) and line.startswith(b"\xef\xbb\xbf") for line in lines):
        assert [line["line"] for line in answer.lines] == asked
    refused = [line for line in answer.lines if line["verdict"] not in ("accepted", "duplicate")]
    assert len(stage.rejected) == len(refused)
    assert all(line["reason"] and line["field"] for line in refused)


def test_lines_without_a_visitor_count_uniques_by_address_agent_and_day(stage: Stage) -> None:
    day_us = 86_400_000_000
    for n, more in enumerate(({}, {"ts": TS_US + 1}, {"ip": "192.0.2.2"}, {"user_agent": "B"}, {"ts": TS_US + day_us})):
        stage.line(touch(**{"id": f"u{n}", "ts": TS_US, "ip": "192.0.2.1", "user_agent": "A"} | more))
    first, again, *others = [touch.visitor_id for touch in stage.touches[-5:]]
    assert first.startswith("~") and first == again
    assert len({first, *others}) == 4
    stage.line(touch(id="nobody"))
    assert stage.touches[-1].visitor_id == ""


def test_a_conversion_by_a_daily_hash_is_kept_though_it_joins_nothing(stage: Stage) -> None:
    answer = stage.line(sale(id="anon", click_ref=..., visitor_id="~abc"))
    assert answer["verdict"] == "accepted"


def test_lines_that_are_not_final_say_so(stage: Stage) -> None:
    stage.producer.final = False
    assert "final" not in stage.line(touch())
    first, again = (stage.line(sale()) for _ in range(2))
    assert (first["verdict"], first["final"]) == ("accepted", False)
    assert again["verdict"] == "duplicate" and "final" not in again
