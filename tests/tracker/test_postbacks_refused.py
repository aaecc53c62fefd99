"""Postbacks that are refused, and postbacks of any content."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from program.entries import Goal, Offer
from runtime.settings import TrackerSettings
from schemas.fields import NO_TOKEN
from tests.tracker.edge_fixture import (
    API_KEY,
    OTHER_KEYS,
    SECRET,
    Stage,
    form,
    program,
    run,
)  # fmt: skip
from tests.tracker.test_postbacks import FORM, JSON, said, token
from tracker.request.text import shortened

# --------------------------------------------------------------------------------------------------------- refused


def test_nothing_at_all(stage: Stage) -> None:
    answer = stage.get("/postback")
    assert said(answer) == (400, "malformed", "malformed", "click_id")
    assert answer.json["conversion_id"] is None and answer.json["status"] is None and answer.json["detail"]


@pytest.mark.parametrize(
    "click_id",
    [
        "x",
        "x" * 36,
        "é" * 36,
        token(keys=OTHER_KEYS),
        token()[:-1] + ("A" if token()[-1] != "A" else "B"),
        token() + "A",
        "a" * 5_000,
    ],
)
def test_click_ids_that_we_did_not_sign(stage: Stage, click_id: str) -> None:
    answer = stage.postback(click_id=click_id)
    assert said(answer) == (404, "rejected", "click_id_invalid", "click_id")
    (event,) = stage.rejected
    assert (event.kind, event.reason) == ("conversion", "click_id_invalid")
    assert stage.stored("conversions") == []


@pytest.mark.parametrize("secret", ["", "wrong", SECRET + "x", SECRET[:-1], SECRET.upper(), API_KEY, "é"])
def test_wrong_secrets(stage: Stage, secret: str) -> None:
    for more in ({}, {"action": "refund", "refund_id": "r"}, {"amount": "NaN"}, {"goal": "nope"}):
        answer = stage.postback(click_id=token(), txn_id="t", secret=secret, **more)
        assert said(answer) == (403, "rejected", "access_denied", "secret")
    assert stage.stored("conversions") == []
    assert {event.reason for event in stage.rejected} == {"access_denied"}
    assert {(event.offer_id, event.partner_id) for event in stage.rejected} == {(101, 7)}


def test_unknown_offers_are_rejected(stage: Stage) -> None:
    for fields in ({"click_id": token(999)}, {"offer_id": "999", "txn_id": "t"}):
        assert said(stage.postback(**fields)) == (200, "rejected", "unknown_offer", "offer_id")
    assert [event.offer_id for event in stage.rejected] == [999, 999]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("goal", "nope"),
        ("amount", "7.501"), ("amount", "-1"), ("amount", "+1"), ("amount", "1e3"), ("amount", "NaN"),
        ("amount", "1,000"), ("amount", "1_000"), ("amount", "."),
        ("amount", "inf"), ("amount", "0x10"), ("amount", "٥"), ("amount", "9" * 40), ("amount", "five"),
        ("currency", "XXX"), ("currency", "US"), ("currency", "DOGE"),
        ("status", "done"), ("status", "4"), ("status", "0"),
        ("txn_id", "x" * 257), ("txn_id", "a\x00b"), ("txn_id", "a\nb"), ("txn_id", "a\x7f"), ("txn_id", "é" * 129),
        ("action", "pay"), ("action", "Refund"), ("test", "yes"),
        ("sku", "x" * 2_049), ("n" * 129, "x"), ("a\x01b", "x"),
    ],
)  # fmt: skip
def test_malformed_fields(stage: Stage, field: str, value: str) -> None:
    answer = stage.postback(**{"click_id": token(), field: value})
    assert said(answer) == (400, "malformed", "malformed", shortened(field))
    (event,) = stage.rejected
    assert event.reason == "malformed" and event.field == shortened(field) and event.detail
    assert stage.stored("conversions") == []
    assert stage.postback(click_id=token()).json["verdict"] == "accepted"  # no key was claimed


def test_too_many_decimals_for_the_currency(stage: Stage) -> None:
    for currency, amount in (("JPY", "1.5"), ("USD", "1.001"), ("KWD", "1.0001")):
        answer = stage.postback(click_id=token(), currency=currency, amount=amount)
        assert said(answer) == (400, "malformed", "malformed", "amount")


def test_custom_fields_are_bounded() -> None:
    stage = Stage(settings=TrackerSettings(custom_fields_max=3))
    assert stage.postback(click_id=token(), a="1", b="2", c="3").status == 200
    assert said(stage.postback(click_id=token(), a="1", b="2", c="3", d="4"))[:2] == (400, "malformed")
    query = "&".join(f"x{number}=1" for number in range(1_100))
    assert said(stage.post(query, FORM, form({"click_id": token(), "secret": SECRET})))[:2] == (400, "malformed")


def test_an_offer_without_the_default_goal() -> None:
    lead = Offer(102, "Hats", "https://hats.example/", goals=(Goal("lead", "Lead"),))
    stage = Stage(program=program(offers=(lead,)))
    assert said(stage.postback(click_id=token(102))) == (400, "malformed", "malformed", "goal")
    assert stage.postback(click_id=token(102), goal="lead").status == 200


# -------------------------------------------------------------------------------------------------- whatever comes

NAMES = st.sampled_from(
    ["click_id", "offer_id", "goal", "txn_id", "amount", "currency", "status", "action", "refund_id", "x"]
)
VALUES = st.sampled_from([token(), token(102), "101", "102", "1", "lead", "7.50", "USD", "JPY", "hold", "refund", "t"])


@given(st.lists(st.tuples(NAMES, VALUES | st.text(max_size=8)), max_size=6), st.booleans())
def test_every_postback_is_stored_or_refused(pairs: list[tuple[str, str]], has_secret: bool) -> None:
    stage = Stage()
    fields = dict(pairs) | ({"secret": SECRET} if has_secret else {})
    answer = stage.post(json.dumps(fields), JSON)
    verdict = answer.json["verdict"]
    assert answer.status in (200, 400, 403, 404, 409)
    assert len(stage.conversions) == (verdict == "accepted")
    assert len(stage.rejected) == (verdict != "accepted")
    if verdict == "accepted":
        again = stage.post(json.dumps(fields), JSON)
        assert again.json == answer.json | {"verdict": "duplicate"}
        assert stage.conversions[0].click_id != NO_TOKEN


@given(st.binary(max_size=80), st.sampled_from([FORM, JSON, "", "a/b", "\xff"]))
def test_any_body_is_answered(body: bytes, content_type: str) -> None:
    stage = Stage()
    answer = run(stage.ask("POST", "/postback", headers=[(b"content-type", content_type.encode("latin-1"))], body=body))
    assert answer.status in (400, 404)
    assert len(stage.rejected) == 1
