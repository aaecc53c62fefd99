"""Refunds by postback."""

import pytest

from schemas.dedup.rules import refund_key
from tests.tracker.edge_fixture import (
    Answer,
    Stage,
)  # fmt: skip
from tests.tracker.test_postbacks import said, token


def refund(stage: Stage, refund_id: str = "r1", **more: str) -> Answer:
    return stage.postback(**{"click_id": token(), "txn_id": "t", "action": "refund", "refund_id": refund_id} | more)


def test_refunds(stage: Stage) -> None:
    sale = stage.postback(click_id=token(), txn_id="t", amount="7.50")
    assert refund(stage, amount="2").json == sale.json
    assert refund(stage, amount="2.00").json["verdict"] == "duplicate"
    assert said(refund(stage, amount="3")) == (409, "conflict", "conflict", "amount")
    assert said(refund(stage, "r2", amount="6")) == (200, "rejected", "refund_exceeds_amount", "amount")
    assert refund(stage, "r3", reason="worn").json["verdict"] == "accepted"
    assert refund(stage, "r3").json["verdict"] == "duplicate"
    assert said(refund(stage, "r4")) == (200, "rejected", "refund_exceeds_amount", "amount")
    one, rest = stage.adjustments
    key = bytes.fromhex(sale.json["conversion_id"])
    assert (one.adjustment_id, one.conversion_id) == (refund_key(key, "r1"), key)
    assert (one.kind, one.amount_e4, one.refund_id, one.ref, one.actor) == ("refund", 20_000, "r1", "", "postback")
    assert (rest.amount_e4, rest.reason) == (55_000, "worn")
    assert {event.kind for event in stage.rejected} == {"adjustment"}


def test_refunds_by_offer_and_txn_id(stage: Stage) -> None:
    by_txn = {"offer_id": "101", "txn_id": "t", "action": "refund", "refund_id": "r", "amount": "1"}
    assert said(stage.postback(**by_txn)) == (200, "rejected", "conversion_not_found", "txn_id")
    stage.postback(click_id=token(), txn_id="t", amount="7.50")
    assert stage.postback(**by_txn).json["verdict"] == "accepted"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"refund_id": ""}, "refund_id"),
        ({"refund_id": "x" * 257}, "refund_id"),
        ({"refund_id": "a\tb"}, "refund_id"),
        ({"amount": "0"}, "amount"),
        ({"amount": "-2"}, "amount"),
        ({"amount": "x"}, "amount"),
        ({"amount": "1.001"}, "amount"),
        ({"amount": "1.001", "currency": "USD"}, "amount"),
        ({"amount": "1", "currency": "XXX"}, "currency"),
        ({"goal": "nope"}, "goal"),
        ({"reason": "x" * 2_049}, "reason"),
    ],
)
def test_malformed_refunds(stage: Stage, more: dict[str, str], field: str) -> None:
    stage.postback(click_id=token(), txn_id="t", amount="7.50")
    assert said(refund(stage, **more)) == (400, "malformed", "malformed", field)
    assert stage.adjustments == [] and [event.kind for event in stage.rejected] == ["adjustment"]


def test_a_refund_in_another_currency_is_a_conflict(stage: Stage) -> None:
    stage.postback(click_id=token(), txn_id="t", amount="7.50")
    assert said(refund(stage, amount="1", currency="EUR")) == (409, "conflict", "conflict", "currency")
