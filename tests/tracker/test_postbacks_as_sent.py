"""Postbacks as real senders write them: retried payments, coupons, clocks that differ, amounts and blanks."""

import msgspec
import pytest

from program.entries import Coupon
from tests.tracker.edge_fixture import NOW_US, OFFERS, Stage, program
from tests.tracker.test_postbacks import said, token


def test_a_status_moves_as_the_contract_says(stage: Stage) -> None:
    steps = [
        ("pending", "accepted", "pending"),
        ("hold", "accepted", "hold"),
        ("pending", "duplicate", "hold"),
        ("declined", "accepted", "declined"),
        ("declined", "duplicate", "declined"),
        ("approved", "accepted", "approved"),
        ("declined", "duplicate", "approved"),
        ("pending", "duplicate", "approved"),
    ]
    for status, verdict, now in steps:
        answer = stage.postback(click_id=token(), txn_id="t", status=status)
        assert (answer.status, answer.json["verdict"], answer.json["status"]) == (200, verdict, now)
        assert verdict != "rejected" or said(answer)[2:] == ("status_not_pending", "status")
    assert [adjustment.status for adjustment in stage.adjustments] == ["hold", "declined", "approved"]
    assert [adjustment.status_revision for adjustment in stage.adjustments] == [0, 0, 1]


def test_an_approved_conversion_never_goes_back(stage: Stage) -> None:
    stage.postback(click_id=token(), txn_id="t", status="approved")
    for status in ("pending", "hold"):
        answer = stage.postback(click_id=token(), txn_id="t", status=status)
        assert (answer.status, answer.json["verdict"], answer.json["status"]) == (409, "rejected", "approved")
        assert said(answer)[2:] == ("status_not_pending", "status")
    assert stage.adjustments == []


@pytest.mark.parametrize(
    ("steps", "verdicts"),
    [
        (["declined", "approved"], ["accepted", "accepted"]),
        (["pending", "declined", "approved"], ["accepted", "accepted", "accepted"]),
        (["approved", "declined", "approved"], ["accepted", "accepted", "duplicate"]),
        (["pending", "declined", "pending"], ["accepted", "accepted", "duplicate"]),
    ],
)
def test_a_retried_payment_reopens_and_a_late_retry_does_not(
    stage: Stage, steps: list[str], verdicts: list[str]
) -> None:
    answers = [stage.postback(click_id=token(), txn_id="t", amount="200.00", status=status) for status in steps]
    assert [answer.json["verdict"] for answer in answers] == verdicts


def test_an_offer_may_forbid_to_reopen() -> None:
    offers = tuple(msgspec.structs.replace(offer, reopen=False) for offer in OFFERS)
    stage = Stage(program=program(offers=offers))
    stage.postback(click_id=token(), txn_id="t", status="declined")
    answer = stage.postback(click_id=token(), txn_id="t", status="approved")
    assert said(answer) == (409, "rejected", "status_not_pending", "status")


def test_a_conversion_is_never_before_the_click_that_it_names(stage: Stage) -> None:
    click_id = stage.click_id()
    (touch,) = stage.touches
    stage.clock.step_us(-7_200_000_000)
    assert stage.postback(click_id=click_id, txn_id="t").json["verdict"] == "accepted"
    assert stage.conversions[0].event_ts == touch.ts // 1_000 * 1_000


@pytest.mark.parametrize(
    ("fields", "minor", "currency"),
    [
        ({"amount": "49.9900"}, 4999, "USD"), ({"amount": "1000.00", "currency": "jpy"}, 1000, "JPY"),
        ({"amount": " 10.00 ", "currency": "usd"}, 1000, "USD"), ({"amount": ".50"}, 50, "USD"),
        ({"amount": "50.", "status": "Approved"}, 5000, "USD"),
    ],
)  # fmt: skip
def test_what_loses_no_digit_is_read(stage: Stage, fields: dict[str, str], minor: int, currency: str) -> None:
    assert stage.postback(click_id=token(), **fields).json["verdict"] == "accepted"
    assert (stage.conversions[0].amount_minor, stage.conversions[0].currency) == (minor, currency)


def test_blanks_around_a_txn_id_are_one_sale(stage: Stage) -> None:
    verdicts = [
        stage.postback(click_id=token(), txn_id=txn_id, amount="5").json["verdict"]
        for txn_id in ("f15", "f15 ", " f15", "f15\u00a0", "\u200bf15")
    ]
    assert verdicts == ["accepted"] + ["duplicate"] * 4


COUPONS = (Coupon("BLUE10", 7, 101), Coupon("OLD", 7, 101, None, NOW_US - 1), Coupon("HATS", 7, 102))


@pytest.mark.parametrize(
    ("code", "partner", "reason"),
    [
        ("BLUE10", 7, ""), ("blue10", 7, ""), ("nope", 0, "coupon_unknown"), ("OLD", 0, "coupon_expired"),
        ("HATS", 0, "coupon_not_of_offer"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("named", ["click_id", "offer_id"])
def test_coupons(code: str, partner: int, reason: str, named: str) -> None:
    stage = Stage(program=program(coupons=COUPONS))
    which = {"click_id": token()} if named == "click_id" else {"offer_id": "101"}
    answer = stage.postback(**which, txn_id="t", amount="80", coupon=code)
    assert (answer.status, answer.json["verdict"]) == (200, "accepted")
    (sale,) = stage.conversions
    assert (sale.coupon, sale.coupon_partner_id, sale.coupon_reason) == (code, partner, reason)
    assert sale.match_kind == ("click_id" if named == "click_id" else "coupon")
    line = {"type": "conversion", "id": "l", "ts": "2026-11-01T00:00:00Z", "txn_id": "u", "coupon": code}
    assert stage.line(line | ({"offer_id": 101} if named == "offer_id" else which))["verdict"] == "accepted"


def test_a_coupon_alone_says_the_offer() -> None:
    stage = Stage(program=program(coupons=COUPONS))
    assert stage.postback(txn_id="t", amount="80", coupon="Blue10").json["verdict"] == "accepted"
    assert stage.conversions[0].offer_id == 101
