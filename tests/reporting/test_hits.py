"""Live hits, rejected hits by reason, and problems by code: what is shown, in which order, and to whom."""

import secrets
from typing import Any

from program.entries import Plan
from reporting.hits import WINDOWS_S, HitFilter, recent_hits
from reporting.problems import list_problems, problems_by_code
from reporting.rejected_hits import RejectedFilter, rejected_examples, rejected_reasons
from schemas.columns import to_arrow
from schemas.events import Kind, Rejected
from schemas.tables import Source
from tests.attribution.fake_ingest import FakeIngest, Stored
from tests.attribution.random_cases import BASE_US, adjustment_of, conversion_of, program_of, touch_of
from tests.attribution.test_live import attributor, run
from warehouse.port import Warehouse

NOW_US = BASE_US + 30_000_000
DAY_US = 86_400_000_000


def store(warehouse: Warehouse, *events: Stored) -> FakeIngest:
    log = FakeIngest(warehouse)
    for event in events:
        log.append(event)
    log.store()
    return log


def reject(warehouse: Warehouse, *events: Rejected) -> None:
    rows = [(event, Source("", "hits", 0, n, 0)) for n, event in enumerate(events)]
    warehouse.insert("rejected", to_arrow("rejected", rows), secrets.token_hex(8))


def shown(warehouse: Warehouse, **wanted: Any) -> list[tuple[str, str, int]]:
    hits = recent_hits(warehouse, HitFilter(**{"before_us": NOW_US, **wanted}))
    return [(hit["kind"], hit.get("reason") or hit["verdict"], hit["partner_id"]) for hit in hits]


def test_hits_of_all_kinds_newest_first_by_filter_and_by_partner(warehouse: Warehouse) -> None:
    click = touch_of(1, second=0, partner=1)
    sale = conversion_of(1, second=5, click_id=click.touch.touch_id)
    store(
        warehouse, click, touch_of(2, second=1, partner=2, bot=True),
        touch_of(3, second=2, offer=2, partner=3, kind=Kind.IMPRESSION), sale,
        adjustment_of(1, sale, amount_e4=25_000), conversion_of(2, second=7, visitor_id="ann"),
    )  # fmt: skip
    reject(
        warehouse,
        Rejected(ts=BASE_US + 9_000_000, kind="click", reason="inactive_partner", offer_id=1, partner_id=2),
        Rejected(ts=BASE_US + 10_000_000, kind="conversion", reason="malformed", field="amount", detail="no number"),
    )
    everything = [
        ("conversion", "malformed", 0), ("click", "inactive_partner", 2), ("conversion", "accepted", 0),
        ("conversion", "accepted", 1), ("adjustment", "accepted", 1), ("impression", "accepted", 3),
        ("click", "bot", 2), ("click", "accepted", 1),
    ]  # fmt: skip
    found = shown(warehouse)
    assert sorted(found) == sorted(everything) and found[:3] == everything[:3] and found[5:] == everything[5:]
    assert shown(warehouse, verdict="bot") == [("click", "bot", 2)]
    assert shown(warehouse, verdict="rejected", kind="click") == [("click", "inactive_partner", 2)]
    assert shown(warehouse, verdict="accepted", kind="click") == [("click", "accepted", 1)]
    assert shown(warehouse, offer=2) == [("impression", "accepted", 3)]
    assert {hit[2] for hit in shown(warehouse, partner=1)} == {1} and len(shown(warehouse, partner=1)) == 3
    assert {hit[2] for hit in shown(warehouse, partners=[2, 3])} == {2, 3}  # and none without a partner
    assert shown(warehouse, partners=[]) == []
    assert shown(warehouse, rows_max=2) == everything[:2]
    assert shown(warehouse, before_us=BASE_US + 1_000_000) == [("click", "accepted", 1)]
    assert shown(warehouse, before_us=NOW_US + WINDOWS_S[-1] * 1_000_000) == []


def test_a_hit_has_what_a_person_looks_for(warehouse: Warehouse) -> None:
    click = touch_of(1, partner=1)
    sale = conversion_of(1, click_id=click.touch.touch_id)
    store(
        warehouse, sale, adjustment_of(1, sale, amount_e4=25_000), adjustment_of(2, sale, "status", status="declined")
    )
    hits = recent_hits(warehouse, HitFilter(before_us=NOW_US))
    by = {hit["status"]: hit for hit in hits}
    assert by["approved"] == {
        "ts": "2023-11-14T22:13:25.000000Z", "kind": "conversion", "verdict": "accepted", "offer_id": 1,
        "partner_id": 1, "id": sale.conversion_id.hex(), "amount": "10", "currency": "USD", "status": "approved",
        "txn_id": "c1",
    }  # fmt: skip
    assert (by["refund"]["amount"], by["refund"]["currency"], by["refund"]["txn_id"]) == ("2.5", "USD", "c1")
    assert "amount" not in by["declined"] and by["declined"]["id"] == sale.conversion_id.hex()


def test_rejected_hits_by_reason(warehouse: Warehouse) -> None:
    reject(
        warehouse,
        Rejected(ts=BASE_US, kind="click", reason="unknown_link", link="nope", partner_id=0),
        Rejected(
            ts=BASE_US + 1, kind="conversion", reason="malformed", field="amount", detail="no number", offer_id=1,
            partner_id=2, method="GET", path="/postback", fields={"amount": "ten"},
        ),
        Rejected(ts=BASE_US + DAY_US, kind="conversion", reason="malformed", field="amount", offer_id=2, partner_id=3),
        Rejected(ts=BASE_US + DAY_US, kind="conversion", reason="malformed", field="goal", offer_id=2, partner_id=3),
    )  # fmt: skip
    first, second = rejected_reasons(warehouse, RejectedFilter(), "Europe/Berlin")
    assert first == {
        "reason": "malformed", "hits": 3, "kinds": ["conversion"], "fields": ["amount", "goal"], "partners": 2,
        "last": "2023-11-15T22:13:20.000000Z", "by_day": {"2023-11-14": 1, "2023-11-15": 2},
    }  # fmt: skip
    assert (second["reason"], second["hits"], second["partners"]) == ("unknown_link", 1, 0)

    def hits(**wanted: Any) -> dict[str, int]:
        counted = rejected_reasons(warehouse, RejectedFilter(**wanted), "UTC")
        return {row["reason"]: row["hits"] for row in counted}

    assert hits(partners=[2]) == {"malformed": 1} and hits(partners=[]) == {}
    assert hits(offer=2) == {"malformed": 2} and hits(partner=3, kind="click") == {}
    assert hits(from_us=BASE_US + 1, to_us=BASE_US + DAY_US) == {"malformed": 1}
    (example,) = rejected_examples(warehouse, RejectedFilter(partners=[2]), "malformed", 10, personal=True)
    assert example == {
        "ts": "2023-11-14T22:13:20.000001Z", "kind": "conversion", "field": "amount", "detail": "no number",
        "offer_id": 1, "partner_id": 2, "link": "", "method": "GET", "path": "/postback", "sent": {"amount": "ten"},
    }  # fmt: skip
    newest = rejected_examples(warehouse, RejectedFilter(), "malformed", 2, personal=False)
    assert [(one["sent"], one["offer_id"]) for one in newest] == [({}, 2), ({}, 2)]


def test_problems_by_code(warehouse: Warehouse) -> None:
    program = program_of((Plan(1, percent_e6=10_000_000),))  # offer 2 has no plan
    clicks = [touch_of(n, offer=2, partner=partner) for n, partner in ((1, 1), (2, 2), (3, 2))]
    sales = [conversion_of(n, offer=2, click_id=click.touch.touch_id) for n, click in enumerate(clicks, 1)]
    orphan = adjustment_of(9, conversion_of(99, click_ref="x"), amount_e4=1)
    run(attributor(warehouse, store(warehouse, *clicks, *sales, orphan), program))
    plans, waiting = problems_by_code(warehouse, 2, None)
    assert (plans["code"], plans["count"], len(plans["examples"])) == ("no_plan", 3, 2)
    assert (waiting["code"], waiting["count"]) == ("adjustment_orphan", 1)
    assert plans["examples"][0]["detail"].startswith("no plan for offer 2")
    assert len(list_problems(warehouse)) == 4
    (own,) = problems_by_code(warehouse, 5, [1])
    assert (own["code"], own["count"]) == ("no_plan", 1)
    assert own["examples"][0]["conversion_id"] == sales[0].conversion_id.hex()
    assert problems_by_code(warehouse, 5, []) == []
