"""List of conversions: filters, exact search, pages, and the part of it that one partner may read."""

from typing import Any

from program.entries import Plan
from reporting.balances import list_balances
from reporting.conversion_list import Asked, conversions_for_partner, list_conversions
from reporting.explain import explain
from reporting.explain_partner import explanation_for_partner, partners_of
from schemas.values.click_id import to_text
from schemas.values.timestamps import rfc3339
from tests.attribution.fake_ingest import FakeIngest
from tests.attribution.random_cases import BASE_US, SECOND_US, adjustment_of, conversion_of, program_of, touch_of
from tests.attribution.test_live import attributor, run
from warehouse.port import Warehouse

PROGRAM = program_of(
    (Plan(1, percent_e6=10_000_000, hold_us=86_400 * SECOND_US), Plan(2, percent_e6=10_000_000, model="linear"))
)
CLICK = touch_of(1, partner=1)


def filled(warehouse: Warehouse) -> None:
    """Store a sale of partner 1, one that partners 2 and 3 share, a declined one, and one that nobody brought."""
    declined = conversion_of(3, second=7, click_ref="t1", status="pending")
    log = FakeIngest(warehouse)
    for event in (
        CLICK,
        touch_of(2, offer=2, partner=2, visitor="ann"),
        touch_of(3, offer=2, partner=3, second=1, visitor="ann"),
        sale := conversion_of(1, second=5, click_id=CLICK.touch.touch_id),
        conversion_of(2, second=6, offer=2, visitor_id="ann"),
        declined,
        conversion_of(4, second=8, user_id="mail@shop.example"),
        adjustment_of(1, sale, amount_e4=25_000),
        adjustment_of(2, declined, "status", status="declined"),
    ):
        log.append(event)
    log.store()
    run(attributor(warehouse, log, PROGRAM))


def test_list(warehouse: Warehouse) -> None:
    filled(warehouse)

    def orders(**asked: Any) -> list[str]:
        return [row["txn_id"] for row in list_conversions(warehouse, Asked(**asked), BASE_US)]

    assert orders() == ["c4", "c3", "c2", "c1"]
    assert orders(status="declined") == ["c3"]
    assert orders(partners=[2, 9]) == ["c2"]
    assert orders(partners=[]) == []
    assert orders(offers=[2]) == ["c2"]
    assert orders(from_us=BASE_US + 6 * SECOND_US, to_us=BASE_US + 8 * SECOND_US) == ["c3", "c2"]
    assert orders(q="c1") == orders(q=to_text(CLICK.touch.touch_id)) == ["c1"]
    assert orders(q="mail@shop.example") == []
    assert orders(q="mail@shop.example", personal=True) == ["c4"]
    first = list_conversions(warehouse, Asked(limit=2), BASE_US)
    goals = {row["goal"] for row in list_conversions(warehouse, Asked(), BASE_US)}
    for goal in (*goals, "none"):
        assert {row["goal"] for row in list_conversions(warehouse, Asked(goal=goal), BASE_US)} == {goal} & goals
    assert orders(after=(first[-1]["at_us"], first[-1]["conversion_id"]), limit=2) == ["c2", "c1"]
    assert orders(q=first[0]["conversion_id"]) == orders(conversion_id=first[0]["conversion_id"]) == ["c4"]

    *_, shared, one = list_conversions(warehouse, Asked(), BASE_US)
    assert (one["amount"], one["refunded"], one["status"]) == ("10.00", "2.50", "approved")
    assert one["shares"] == [{"partner_id": 1, "weight": 1}]
    (paid,) = one["commissions"]
    assert (paid["partner_id"], paid["amount"], paid["status"]) == (1, "0.75", "held")
    later = list_conversions(warehouse, Asked(q="c1"), BASE_US + 2 * 86_400 * SECOND_US)
    assert later[0]["commissions"][0]["status"] == "payable"

    (theirs,) = conversions_for_partner([shared], 3)
    assert theirs["shares"] == [{"partner_id": 3, "weight": 0.5}]
    assert [row["amount"] for row in theirs["commissions"]] == ["0.50"]
    assert not {"amount", "refunded", "user_id", "coupon"} & theirs.keys()
    (with_revenue,) = conversions_for_partner([shared], 3, revenue=True)
    assert with_revenue == {**theirs, "amount": "10.00", "refunded": "0.00"}

    explained = explain(warehouse, PROGRAM.labels, shared["conversion_id"])
    assert explained is not None and partners_of(explained) == {2, 3}
    shown = explanation_for_partner(explained.to_json(), 3)
    text = str(shown)
    assert "Partner 3" in text and "Partner 2" not in text and "10.00" not in text and "'partner_id': 2" not in text
    with_revenue = explanation_for_partner(explained.to_json(), 3, revenue=True)
    assert with_revenue["conversion"]["amount"] == "10.00" and with_revenue["shares"][0]["net_value"] == "10.00"
    text = str(with_revenue)
    assert "Partner 2" not in text and "'partner_id': 2" not in text
    assert not {"total", "fixed", "percent_of_net"} & with_revenue["shares"][0].keys(), "it tells what others earn"


def test_balances(warehouse: Warehouse) -> None:
    """Partner 1 earns 0.75 after a refund; partners 2 and 3 share a sale without a hold; the declined sale is gone."""
    filled(warehouse)
    free_us = BASE_US + 5 * SECOND_US + 86_400 * SECOND_US
    one, two, three = list_balances(warehouse, None, BASE_US + 60 * SECOND_US, 10)
    nothing = {"pending": "0.00", "held": "0.00", "payable": "0.00"}
    assert one == {**nothing, "partner_id": 1, "currency": "USD", "held": "0.75", "next_payable": rfc3339(free_us)}
    assert (two["payable"], two["next_payable"], three["payable"]) == ("0.50", None, "0.50")
    later = {"held": "0.00", "payable": "0.75", "next_payable": None}
    assert list_balances(warehouse, [1], free_us, 10) == [{**one, **later}]
    assert list_balances(warehouse, [9], BASE_US, 10) == list_balances(warehouse, [], BASE_US, 10) == []
    assert [row["partner_id"] for row in list_balances(warehouse, None, BASE_US, 1, 1)] == [2]
