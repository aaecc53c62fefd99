"""Batches on /v1/events (docs/contract.md, section 2.2): every kind of line, every verdict, and answers in order."""

from typing import Any

import pytest

from runtime.settings import TrackerSettings
from schemas.dedup.rules import conversion_key
from schemas.events import Given, Kind
from schemas.fields import NO_TOKEN
from schemas.values.click_id import from_text, mint, random_of_ref, to_text, verify
from tests.tracker.edge_fixture import KEYS, NOW_US, OTHER_KEYS, Stage

TS = "2017-11-07T09:30:00Z"
TS_US = 1_510_047_000_000_000


def touch(**more: Any) -> dict[str, Any]:
    return _line({"type": "click", "id": "a1", "ts": TS, "offer_id": 101, "partner_id": 7}, more)


def sale(**more: Any) -> dict[str, Any]:
    return _line(
        {"type": "conversion", "id": "a2", "ts": TS, "click_ref": "a1", "offer_id": 101, "amount": "7.50"}, more
    )


def change(**more: Any) -> dict[str, Any]:
    line = {"type": "adjustment", "id": "a3", "ts": TS, "conversion_id": "ab" * 16, "kind": "refund", "amount": "2.00"}
    return _line(line, more)


def _line(line: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """With `...` a field is left out."""
    return {name: value for name, value in (line | more).items() if value is not ...}


def why(answer: dict[str, Any]) -> tuple[str, str | None, str | None]:
    """Verdict, reason and field."""
    return answer["verdict"], answer.get("reason"), answer.get("field")


def token(offer_id: int = 101, keys: Any = KEYS) -> str:
    return to_text(mint(keys, 1, offer_id, 7, b"12345"))


# --------------------------------------------------------------------------------------------------------- touches


@pytest.mark.parametrize("kind", ["click", "impression"])
def test_touches(stage: Stage, kind: str) -> None:
    line = touch(
        type=kind, visitor_id="v", user_id="u", ip="hash-of-ip", user_agent="UA", referrer="r", accept_language="de",
        partner_click_id="p", sub1="s1", sub30="s30", sub2="",
    )  # fmt: skip
    answer = stage.line(line)
    expected = mint(KEYS, TS_US // 1_000, 101, 7, random_of_ref(KEYS, kind, "a1"))
    assert answer == {"line": 1, "verdict": "accepted", f"{kind}_id": to_text(expected)}
    ((stored, _),) = stage.stored("hits")
    (event,) = stage.touches
    assert stored is (Kind.CLICK if kind == "click" else Kind.IMPRESSION)
    assert (event.touch_id, event.ts, event.received_ts, event.ref) == (expected, TS_US, NOW_US, "a1")
    assert (event.offer_id, event.partner_id, event.link, event.redirect_type) == (101, 7, "", "api")
    assert (event.visitor_id, event.user_id, event.ip, event.user_agent) == ("v", "u", "hash-of-ip", "UA")
    assert (event.referrer, event.accept_language, event.partner_click_id) == ("r", "de", "p")
    assert event.subs == {"sub1": "s1", "sub30": "s30"} and event.ip_hash > 0
    assert verify(KEYS, event.touch_id, NOW_US // 1_000) is not None


def test_a_link_stands_for_offer_and_partner(stage: Stage) -> None:
    by_link = touch(offer_id=..., partner_id=..., link="bl-shoes")
    assert stage.line(by_link)["verdict"] == "accepted"
    assert stage.line(touch(id="b", link="bl-shoes"))["verdict"] == "accepted"
    assert [(event.offer_id, event.partner_id, event.link) for event in stage.touches] == [(101, 7, "bl-shoes")] * 2
    assert why(stage.line(touch(id="c", link="bl-shoes", offer_id=102))) == ("malformed", "malformed", "offer_id")
    assert why(stage.line(touch(id="c", link="bl-shoes", partner_id=8))) == ("malformed", "malformed", "partner_id")


def test_the_same_line_again(stage: Stage) -> None:
    first = stage.line(touch())
    stage.clock.step_us(3_600_000_000)
    assert stage.line(touch()) == first | {"verdict": "duplicate"}
    other = stage.line(touch(user_agent="other"))
    assert why(other) == ("conflict", "conflict", "id") and other["click_id"] == first["click_id"]
    assert stage.line(touch(type="impression"))["verdict"] == "accepted"
    assert [event.reason for event in stage.rejected] == ["conflict"]
    assert len(stage.touches) == 2


@pytest.mark.parametrize(
    ("more", "verdict", "reason", "field"),
    [
        ({"offer_id": 999}, "rejected", "unknown_offer", "offer_id"),
        ({"partner_id": 999}, "rejected", "unknown_partner", "partner_id"),
        ({"link": "nope"}, "rejected", "unknown_link", "link"),
        ({"offer_id": 103}, "rejected", "inactive_offer", "offer_id"),
        ({"partner_id": 8}, "rejected", "inactive_partner", "partner_id"),
        ({"link": "off-link"}, "rejected", "inactive_link", "link"),
        ({"link": "no-offer", "offer_id": ...}, "rejected", "unknown_offer", "offer_id"),
        ({"offer_id": ...}, "malformed", "malformed", "offer_id"),
        ({"partner_id": ...}, "malformed", "malformed", "partner_id"),
        ({"offer_id": ..., "partner_id": ...}, "malformed", "malformed", "offer_id"),
        ({"offer_id": "101"}, "malformed", "malformed", "offer_id"),
        ({"offer_id": 101.0}, "malformed", "malformed", "offer_id"),
        ({"offer_id": 0}, "malformed", "malformed", "offer_id"),
        ({"offer_id": -1}, "malformed", "malformed", "offer_id"),
        ({"partner_id": 2**32}, "malformed", "malformed", "partner_id"),
        ({"partner_id": True}, "malformed", "malformed", "partner_id"),
        ({"unknown": 1}, "malformed", "malformed", "unknown"),
        ({"unknown": None}, "malformed", "malformed", "unknown"),
        ({"sub0": "x"}, "malformed", "malformed", "sub0"),
        ({"sub31": "x"}, "malformed", "malformed", "sub31"),
        ({"sub01": "x"}, "malformed", "malformed", "sub01"),
        ({"sub1": 1}, "malformed", "malformed", "sub1"),
        ({"sub1": "x" * 2_049}, "malformed", "malformed", "sub1"),
        ({"visitor_id": 5}, "malformed", "malformed", "visitor_id"),
        ({"visitor_id": "a\nb"}, "malformed", "malformed", "visitor_id"),
        ({"user_agent": "é" * 1_025}, "malformed", "malformed", "user_agent"),
        ({"ip": "x" * 65}, "malformed", "malformed", "ip"),
        ({"amount": "1"}, "malformed", "malformed", "amount"),
        ({"url": "https://x"}, "malformed", "malformed", "url"),
        ({"id": ...}, "malformed", "malformed", "id"),
        ({"id": ""}, "malformed", "malformed", "id"),
        ({"id": None}, "malformed", "malformed", "id"),
        ({"id": 5}, "malformed", "malformed", "id"),
        ({"id": "x" * 129}, "malformed", "malformed", "id"),
        ({"id": "é" * 65}, "malformed", "malformed", "id"),
        ({"id": "a\x00"}, "malformed", "malformed", "id"),
        ({"type": ...}, "malformed", "malformed", "type"),
        ({"type": "purchase"}, "malformed", "malformed", "type"),
        ({"type": 1}, "malformed", "malformed", "type"),
        ({"type": ["click"]}, "malformed", "malformed", "type"),
        ({"ts": ...}, "malformed", "malformed", "ts"),
    ],
)
def test_touch_lines_that_are_refused(
    stage: Stage, more: dict[str, Any], verdict: str, reason: str, field: str
) -> None:
    answer = stage.line(touch(**more))
    assert why(answer) == (verdict, reason, field) and answer["detail"]
    assert stage.touches == []
    (event,) = stage.rejected
    known = {"click": "click"}.get(str(touch(**more).get("type")), "event")
    assert (event.kind, event.reason, event.field) == (known, reason, field)
    assert (event.method, event.path, event.ip) == ("POST", "/v1/events", "203.0.113.9")
    if verdict == "rejected":
        assert stage.line(touch())["verdict"] == "accepted"  # no key was claimed


@pytest.mark.parametrize(
    ("ts", "expected"),
    [
        (TS, TS_US),
        ("2017-11-07 09:30:00Z", TS_US),
        ("2017-11-07t09:30:00z", TS_US),
        ("2017-11-07T11:30:00+02:00", TS_US),
        ("2017-11-07T04:00:00-05:30", TS_US),
        ("2017-11-07T09:30:00.5Z", TS_US + 500_000),
        ("2017-11-07T09:30:00.123456Z", TS_US + 123_456),
        ("2017-11-07T09:30:00.123456789Z", TS_US + 123_456),
        ("1970-01-01T00:00:00Z", 0),
        ("2016-02-29T00:00:00Z", 1_456_704_000_000_000),
        (TS_US, TS_US),
        (946_684_800_000_000, 946_684_800_000_000),
        (NOW_US + 300_000_000, NOW_US + 300_000_000),
    ],
)
def test_instants(stage: Stage, ts: Any, expected: int) -> None:
    assert stage.line(touch(ts=ts))["verdict"] == "accepted"
    assert stage.touches[0].ts == expected


@pytest.mark.parametrize(
    "ts",
    [
        "2017-11-07T09:30:00", "2017-11-07", "2017-11-07T09:30Z", "2017-W45-2T09:30:00Z", "20171107T093000Z",
        "2017-11-07T09:30:00+0200", "2017-11-07T09:30:00+02", "2017-02-29T00:00:00Z", "2017-11-07T24:00:00Z",
        "2017-11-07T09:30:60Z", "2017-11-07T09:30:00.Z", "2017-11-07T09:30:00+25:00", " 2017-11-07T09:30:00Z",
        "1969-12-31T23:59:59Z", "0001-01-01T00:00:00+10:00", "٢٠١٧-11-07T09:30:00Z", "", "now", "1510047000",
        -1, 1.5, 1.0, True, None, [TS], 10**30, NOW_US + 300_000_001, "2999-01-01T00:00:00Z",
    ],
)  # fmt: skip
def test_instants_that_are_none(stage: Stage, ts: Any) -> None:
    assert why(stage.line(touch(ts=ts))) == ("malformed", "malformed", "ts")


@pytest.mark.parametrize(
    ("ts", "unit"), [(0, "seconds"), (1_795_600_000, "seconds"), (1_795_600_000_000, "milliseconds"),
                     (946_684_799_999_999, "milliseconds")]
)  # fmt: skip
def test_integers_that_are_no_microseconds_are_refused_with_their_unit(stage: Stage, ts: int, unit: str) -> None:
    answer = stage.line(touch(ts=ts))
    assert why(answer) == ("malformed", "malformed", "ts") and unit in answer["detail"]


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"conversion","id":"a","ts":"2017-11-07T09:30:00Z","offer_id":101,"user_id":"u","amount":"1","amount":"999"}',
        b'{"type":"conversion","id":"a","id":"b","ts":"2017-11-07T09:30:00Z","offer_id":101,"user_id":"u"}',
        b'{"type":"conversion","id":"a","ts":"2017-11-07T09:30:00Z","offer_id":101,"user_id":"u","custom":{"a":"1","a":"2"}}',
        b'{"type":"conversion","id":"a","ts":"2017-11-07T09:30:00Z","offer_id":1,"offer_id":101,"user_id":"\\"u"}',
    ],
)  # fmt: skip
def test_a_key_twice_in_a_line_is_malformed(stage: Stage, line: bytes) -> None:
    (answer,) = stage.events(line).lines
    assert answer["verdict"] == "malformed" and answer["field"] in ("amount", "id", "a", "offer_id")
    assert stage.conversions == []


def test_early_refunds_beyond_any_amount_are_refused_one_by_one(stage: Stage) -> None:
    key = conversion_key(101, "1", txn_id="t").hex()
    huge = [change(id=f"r{n}", kind="refund", conversion_id=key, amount="10000000000000") for n in range(185)]
    verdicts = [line["verdict"] for line in stage.events(*huge).lines]
    assert set(verdicts) == {"accepted", "rejected"} and verdicts[-1] == "rejected"


def test_nulls_and_empty_texts_are_left_out(stage: Stage) -> None:
    assert stage.line(touch(link=None, visitor_id=None, user_id="", sub1=None, sub2=""))["verdict"] == "accepted"
    assert stage.line(sale(txn_id=None, click_id="", currency="", goal=None, status=""))["verdict"] == "accepted"
    assert (stage.touches[0].subs, stage.conversions[0].given) == ({}, Given.AMOUNT)


def test_truncated_addresses_of_lines() -> None:
    stage = Stage(settings=TrackerSettings(ip_privacy="truncated"))
    assert stage.line(touch(ip="198.51.100.7"))["verdict"] == "accepted"
    assert stage.line(touch(id="b", ip="no address"))["verdict"] == "accepted"
    assert [event.ip for event in stage.touches] == ["198.51.100.0", ""]


# ----------------------------------------------------------------------------------------------------- conversions


def test_a_conversion_line(stage: Stage) -> None:
    answer = stage.line(
        sale(
            goal="lead",
            txn_id="T1",
            currency="EUR",
            status="hold",
            user_id="u",
            visitor_id="v",
            custom={"b": "2", "a": "1"},
        )
    )
    key = conversion_key(101, "lead", txn_id="T1")
    assert answer == {"line": 1, "verdict": "accepted", "conversion_id": key.hex(), "status": "hold"}
    (event,) = stage.conversions
    assert (event.conversion_id, event.ts, event.event_ts, event.ref) == (key, NOW_US, TS_US, "a2")
    assert (event.offer_id, event.goal, event.txn_id, event.origin) == (101, "lead", "T1", "api")
    assert (event.match_kind, event.click_ref, event.user_id, event.visitor_id) == ("click_ref", "a1", "u", "v")
    assert (event.amount_minor, event.currency, event.status) == (750, "EUR", "hold")
    assert event.given == Given.AMOUNT | Given.CURRENCY | Given.STATUS and event.custom == {"a": "1", "b": "2"}
    assert (event.click_id, event.impression_id) == (NO_TOKEN, NO_TOKEN)


def test_defaults_of_a_conversion(stage: Stage) -> None:
    stage.line(sale(amount=...))
    (event,) = stage.conversions
    assert (event.goal, event.currency, event.status, event.amount_minor, event.given) == ("1", "USD", "approved", 0, 0)


def test_by_what_a_conversion_matches(stage: Stage) -> None:
    everything = {
        "click_id": token(), "click_ref": "a1", "impression_id": token(), "impression_ref": "i1", "user_id": "u",
        "visitor_id": "v",
    }  # fmt: skip
    raw = from_text(token())
    assert raw is not None
    keys = {
        "click_id": conversion_key(101, "1", click=raw),
        "click_ref": conversion_key(101, "1", click="a1"),
    }
    for kind in list(everything):
        answer = stage.line(sale(id=kind, **{"click_ref": ...} | everything))
        expected = keys.get(kind, conversion_key(101, "1", ref=kind))
        assert (answer["verdict"], answer["conversion_id"]) == ("accepted", expected.hex())
        assert stage.conversions[-1].match_kind == kind
        del everything[kind]
    assert why(stage.line(sale(id="none", click_ref=...))) == ("malformed", "malformed", "click_id")


def test_tokens_say_the_offer(stage: Stage) -> None:
    for name in ("click_id", "impression_id"):
        answer = stage.line(sale(id=name, click_ref=..., offer_id=..., **{name: token()}))
        assert answer["verdict"] == "accepted"
        assert stage.conversions[-1].offer_id == 101
        answer = stage.line(sale(id=name + "2", click_ref=..., offer_id=102, **{name: token()}))
        assert why(answer) == ("malformed", "malformed", "offer_id")
        for bad in ("x", token(keys=OTHER_KEYS), "é" * 36):
            answer = stage.line(sale(id=name + "3", **{name: bad}))
            assert why(answer) == ("rejected", "click_id_invalid", name)
    both = sale(id="both", click_id=token(), impression_id=token(102))
    assert why(stage.line(both)) == ("malformed", "malformed", "impression_id")


@pytest.mark.parametrize(
    ("more", "verdict", "reason", "field"),
    [
        ({"amount": 7.5}, "malformed", "malformed", "amount"),
        ({"amount": 7}, "malformed", "malformed", "amount"),
        ({"amount": "7.501"}, "malformed", "malformed", "amount"),
        ({"amount": "-1"}, "malformed", "malformed", "amount"),
        ({"amount": "NaN"}, "malformed", "malformed", "amount"),
        ({"amount": "1.5", "currency": "JPY"}, "malformed", "malformed", "amount"),
        ({"currency": "XXX"}, "malformed", "malformed", "currency"),
        ({"status": "done"}, "malformed", "malformed", "status"),
        ({"status": "1"}, "malformed", "malformed", "status"),
        ({"goal": "nope"}, "malformed", "malformed", "goal"),
        ({"goal": 1}, "malformed", "malformed", "goal"),
        ({"offer_id": ...}, "malformed", "malformed", "offer_id"),
        ({"offer_id": 999}, "rejected", "unknown_offer", "offer_id"),
        ({"txn_id": "x" * 257}, "malformed", "malformed", "txn_id"),
        ({"txn_id": "a\x01"}, "malformed", "malformed", "txn_id"),
        ({"click_ref": "x" * 129}, "malformed", "malformed", "click_ref"),
        ({"custom": {"a": 1}}, "malformed", "malformed", "custom"),
        ({"custom": {"": "1"}}, "malformed", "malformed", "custom"),
        ({"custom": {"n" * 129: "1"}}, "malformed", "malformed", "custom"),
        ({"custom": {"a": "x" * 2_049}}, "malformed", "malformed", "custom"),
        ({"custom": {str(number): "x" for number in range(51)}}, "malformed", "malformed", "custom"),
        ({"custom": "x"}, "malformed", "malformed", "custom"),
        ({"sub1": "x"}, "malformed", "malformed", "sub1"),
        ({"partner_id": 7}, "malformed", "malformed", "partner_id"),
    ],
)
def test_conversion_lines_that_are_refused(
    stage: Stage, more: dict[str, Any], verdict: str, reason: str, field: str
) -> None:
    assert why(stage.line(sale(**more))) == (verdict, reason, field)
    assert stage.conversions == []
    assert [(event.kind, event.reason, event.ref) for event in stage.rejected] == [("conversion", reason, "a2")]


def test_conversions_again(stage: Stage) -> None:
    first = stage.line(sale(txn_id="t"))
    assert stage.line(sale(txn_id="t")) == first | {"verdict": "duplicate"}
    assert why(stage.line(sale(txn_id="t", amount="8"))) == ("conflict", "conflict", "id")
    other = stage.line(sale(id="b", txn_id="t"))
    assert (other["verdict"], other["conversion_id"]) == ("duplicate", first["conversion_id"])
    assert why(stage.line(sale(id="c", txn_id="t", amount="8"))) == ("conflict", "conflict", "amount")
    assert stage.line(sale(id="d", txn_id="t", status="declined"))["verdict"] == "accepted"
    back = stage.line(sale(id="e", txn_id="t", status="pending"))
    assert (back["verdict"], back["status"]) == ("accepted", "pending")
    assert (len(stage.conversions), len(stage.adjustments)) == (1, 2)


def test_a_postback_and_a_line_share_their_key(stage: Stage) -> None:
    click_id = stage.click_id()
    first = stage.postback(click_id=click_id, amount="7.50")
    again = stage.line(sale(click_id=click_id, offer_id=...))
    assert (again["verdict"], again["conversion_id"]) == ("duplicate", first.json["conversion_id"])
