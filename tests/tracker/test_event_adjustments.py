"""Refunds, chargebacks and changes of status on /v1/events."""

from typing import Any

import pytest

from schemas.dedup.rules import conversion_key, line_key
from tests.tracker.edge_fixture import NOW_US, Stage
from tests.tracker.test_events import TS_US, change, sale, why


@pytest.mark.parametrize("kind", ["refund", "chargeback"])
def test_an_adjustment_may_come_first(stage: Stage, kind: str) -> None:
    key = conversion_key(101, "1", txn_id="t")
    answer = stage.line(change(kind=kind, conversion_id=key.hex().upper(), reason="worn", currency="USD"))
    assert answer == {"line": 1, "verdict": "accepted", "conversion_id": key.hex()}
    (event,) = stage.adjustments
    assert (event.adjustment_id, event.conversion_id) == (line_key("adjustment", "a3"), key)
    assert (event.ts, event.event_ts, event.ref, event.actor) == (NOW_US, TS_US, "a3", "api")
    assert (event.kind, event.amount_e4, event.currency, event.reason) == (kind, 20_000, "USD", "worn")
    assert stage.line(sale(txn_id="t"))["verdict"] == "accepted"


def test_an_adjustment_by_offer_goal_and_txn_id(stage: Stage) -> None:
    stage.line(sale(txn_id="t", goal="lead", status="pending"))
    by_txn = {"conversion_id": ..., "offer_id": 101, "goal": "lead", "txn_id": "t"}
    key = conversion_key(101, "lead", txn_id="t").hex()
    answer = stage.line(change(**by_txn, kind="status", status="approved", amount=...))
    assert answer == {"line": 1, "verdict": "accepted", "conversion_id": key, "status": "approved"}
    assert stage.line(change(**by_txn | {"conversion_id": key}, id="b"))["verdict"] == "accepted"
    wrong = stage.line(change(**by_txn | {"conversion_id": "cd" * 16}, id="c"))
    assert why(wrong) == ("malformed", "malformed", "conversion_id")
    assert stage.line(change(**by_txn | {"conversion_id": key}, id="b"))["verdict"] == "duplicate"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"conversion_id": ...}, "conversion_id"),
        ({"conversion_id": "xyz"}, "conversion_id"),
        ({"conversion_id": "ab" * 15 + "é"}, "conversion_id"),
        ({"conversion_id": "ab" * 17}, "conversion_id"),
        ({"conversion_id": ..., "offer_id": 101}, "txn_id"),
        ({"conversion_id": ..., "txn_id": "t"}, "offer_id"),
        ({"conversion_id": ..., "offer_id": 101, "txn_id": "t", "goal": "nope"}, "goal"),
        ({"kind": ...}, "kind"),
        ({"kind": "gift"}, "kind"),
        ({"amount": ...}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "-2"}, "amount"),
        ({"amount": 2}, "amount"),
        ({"amount": "2.00001"}, "amount"),
        ({"amount": "2.001", "currency": "USD"}, "amount"),
        ({"currency": "XXX"}, "currency"),
        ({"kind": "status", "amount": ...}, "status"),
        ({"kind": "status", "status": "done", "amount": ...}, "status"),
        ({"kind": "status", "status": "hold"}, "amount"),
        ({"status": "hold"}, "status"),
        ({"click_id": "x"}, "click_id"),
    ],
)
def test_malformed_adjustments(stage: Stage, more: dict[str, Any], field: str) -> None:
    assert why(stage.line(change(**more))) == ("malformed", "malformed", field)
    assert stage.adjustments == []
    assert [(event.kind, event.field, event.ref) for event in stage.rejected] == [("adjustment", field, "a3")]


def test_adjustments_that_are_rejected(stage: Stage) -> None:
    unknown = change(conversion_id=..., offer_id=999, txn_id="t")
    assert why(stage.line(unknown)) == ("rejected", "unknown_offer", "offer_id")
    key = stage.line(sale(txn_id="t"))["conversion_id"]
    too_much = stage.line(change(conversion_id=key, amount="8"))
    assert why(too_much) == ("rejected", "refund_exceeds_amount", "amount") and too_much["conversion_id"] == key
    other = stage.line(change(conversion_id=key, currency="EUR"))
    assert why(other) == ("conflict", "conflict", "currency")
    decimals = stage.line(change(conversion_id=key, amount="1.001"))
    assert why(decimals) == ("malformed", "malformed", "amount")
