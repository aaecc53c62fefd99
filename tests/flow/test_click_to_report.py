"""One flow through everything that is real: a click over HTTP becomes a credit, a commission, a number in a report."""

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests import loopback
from tests.serving import API_KEY, BROWSER, PROGRAM, SECRET, Serving, serving

ACCOUNTED = "SELECT sum(amount) AS total FROM commissions"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("flow"), workers=2) as running:
        yield running


def click(server: Serving, link: str = "bl-shoes", **query: str) -> str:
    """Follow a link as a new visitor; the click id that the landing page gets."""
    answer = loopback.get(f"{server.url}/c/{link}", params=query, headers={"User-Agent": BROWSER})
    assert (answer.status_code, answer.headers["Clew-Verdict"]) == (302, "accepted")
    return parse_qs(urlsplit(answer.headers["Location"]).query)["cid"][0]


def postback(server: Serving, **query: str) -> tuple[int, dict[str, Any]]:
    answer = loopback.get(f"{server.url}/postback", params={"secret": SECRET, **query}, timeout=20)
    return answer.status_code, answer.json()


def events(server: Serving, *lines: dict[str, Any]) -> list[dict[str, Any]]:
    answer = loopback.post(
        f"{server.url}/v1/events",
        content="\n".join(json.dumps(line) for line in lines),
        headers={"Authorization": f"Bearer {API_KEY}"},
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def paid(server: Serving, conversion_id: str) -> dict[int, str]:
    """Net commission by partner."""
    rows = server.sql(
        f"SELECT partner_id, sum(amount) AS amount FROM commissions WHERE conversion_id = '{conversion_id}' "
        "GROUP BY partner_id HAVING amount != 0"
    )
    return {int(row["partner_id"]): f"{float(row['amount']):.2f}" for row in rows}


def credited(server: Serving, conversion_id: str, model: str) -> dict[int, float]:
    """Value by partner."""
    rows = server.sql(
        f"SELECT partner_id, sum(value) AS value FROM credits WHERE conversion_id = '{conversion_id}' "
        f"AND model = '{model}' GROUP BY partner_id"
    )
    return {int(row["partner_id"]): float(row["value"]) for row in rows}


def test_postback_is_paid_within_five_seconds(server: Serving) -> None:
    click_id = click(server, sub1="newsletter")
    status, answer = postback(server, click_id=click_id, txn_id="order-1", amount="50.00")
    assert (status, answer["verdict"], answer["status"]) == (200, "accepted", "approved")
    deadline = time.monotonic() + 60  # generous for a busy machine; benchmarks measure the 5 s
    while not (found := paid(server, answer["conversion_id"])):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert found == {7: "5.45"}  # 8.5 % of 50.00 + 1.20
    explained = server.clew("explain", answer["conversion_id"])
    assert "5.45" in explained and "8.5%" in explained


def test_fifty_postbacks_at_once_are_one_conversion(server: Serving) -> None:
    click_id = click(server)
    with ThreadPoolExecutor(50) as pool:
        answers = list(
            pool.map(lambda _: postback(server, click_id=click_id, txn_id="at-once", amount="10"), range(50))
        )
    assert {status for status, _ in answers} == {200}
    verdicts = sorted(answer["verdict"] for _, answer in answers)
    assert verdicts == ["accepted"] + ["duplicate"] * 49
    ids = {answer["conversion_id"] for _, answer in answers}
    assert len(ids) == 1
    server.settle()
    assert paid(server, ids.pop()) == {7: "2.05"}


def test_refund_and_decline_restate(server: Serving) -> None:
    click_id = click(server, "rr-shoes")
    _, answer = postback(server, click_id=click_id, txn_id="refunded", amount="100")
    conversion_id = answer["conversion_id"]
    server.settle()
    assert paid(server, conversion_id) == {8: "9.70"}
    refund = {"click_id": click_id, "txn_id": "refunded", "action": "refund", "refund_id": "r1"}
    assert postback(server, **refund, amount="40")[1]["verdict"] == "accepted"
    assert postback(server, **refund, amount="40")[1]["verdict"] == "duplicate"
    assert postback(server, **refund, amount="41")[0] == 409
    server.settle()
    assert paid(server, conversion_id) == {8: "6.30"}  # 8.5 % of 60 + 1.20
    assert postback(server, click_id=click_id, txn_id="refunded", status="pending")[1]["reason"] == "status_not_pending"
    assert postback(server, click_id=click_id, txn_id="refunded", status="declined")[1]["verdict"] == "accepted"
    server.settle()
    assert paid(server, conversion_id) == {}
    [now] = server.sql(f"SELECT status, refunded FROM conversions WHERE conversion_id = '{conversion_id}'")
    assert (now["status"], Decimal(now["refunded"])) == ("declined", 40)


def test_conversion_before_its_click_is_restated(server: Serving) -> None:
    ts = "2026-01-10T12:00:00Z"
    [line] = events(
        server,
        {
            "type": "conversion",
            "id": "late-conv",
            "ts": ts,
            "click_ref": "late-click",
            "offer_id": 101,
            "amount": "20.00",
        },
    )
    assert line["verdict"] == "accepted"
    server.settle()
    assert paid(server, line["conversion_id"]) == {}
    assert credited(server, line["conversion_id"], "last_click") == {0: 20.0}
    [answer] = events(
        server,
        {"type": "click", "id": "late-click", "ts": "2026-01-10T11:00:00+00:00", "offer_id": 101, "partner_id": 8},
    )
    assert answer["verdict"] == "accepted"
    server.settle()
    assert paid(server, line["conversion_id"]) == {8: "2.90"}
    assert credited(server, line["conversion_id"], "last_click") == {8: 20.0}


def test_linear_shares_over_partners_of_one_user(server: Serving) -> None:
    base = {"type": "click", "offer_id": 101, "user_id": "shared-user"}
    lines = events(
        server,
        {**base, "id": "l1", "ts": "2026-02-01T00:00:00Z", "partner_id": 7},
        {**base, "id": "l2", "ts": "2026-02-02T00:00:00Z", "partner_id": 8},
        {**base, "id": "l3", "ts": "2026-02-03T00:00:00Z", "partner_id": 7},
        {**base, "id": "too-old", "ts": "2025-12-01T00:00:00Z", "partner_id": 8},
        {**base, "id": "after", "ts": "2026-02-05T00:00:01Z", "partner_id": 8},
        {
            "type": "conversion", "id": "lc", "ts": "2026-02-05T00:00:00Z", "user_id": "shared-user",
            "offer_id": 101, "amount": "10.00", "txn_id": "linear-1",
        },
    )  # fmt: skip
    assert [line["verdict"] for line in lines] == ["accepted"] * 6
    server.settle()
    conversion_id = lines[-1]["conversion_id"]
    assert credited(server, conversion_id, "linear") == {7: 6.67, 8: 3.33}
    assert credited(server, conversion_id, "last_click") == {7: 10.0}
    assert paid(server, conversion_id) == {7: "2.05"}


def test_two_conversions_in_the_same_microsecond(server: Serving) -> None:
    lines = events(
        server,
        {"type": "click", "id": "us-click", "ts": 1_770_000_000_000_000, "offer_id": 101, "partner_id": 7},
        *(
            {"type": "conversion", "id": f"us-{n}", "ts": 1_770_000_000_000_001, "click_ref": "us-click",
             "offer_id": 101, "amount": "1.00", "txn_id": f"us-{n}"}
            for n in range(2)
        ),
    )  # fmt: skip
    server.settle()
    assert [paid(server, line["conversion_id"]) for line in lines[1:]] == [{7: "1.29"}, {7: "1.29"}]


def test_report_agrees_with_the_tables_and_after_the_stop(server: Serving) -> None:
    loopback.get(f"{server.url}/c/nope", headers={"User-Agent": BROWSER})
    server.settle()
    running = server.json("report", "kpi", "--by", "partner,offer")
    total = sum(float(row["payout"]) for row in running["rows"])
    assert total == pytest.approx(float(server.sql(ACCOUNTED)[0]["total"]))
    clicks = sum(row["clicks"] for row in running["rows"])
    assert clicks == int(server.sql("SELECT count() AS n FROM clicks")[0]["n"])
    for row in running["rows"]:
        assert row["conversions"] == pytest.approx(row["approved"] + row["pending"] + row["hold"] + row["declined"])
    rejected = server.json("report", "rejected", "--by", "reason")
    assert {row["reason"]: row["hits"] for row in rejected["rows"]}["unknown_link"] == 1
    audit = server.json("audit")
    assert audit["ok"], audit
    assert server.stop() == 0
    assert server.json("report", "kpi", "--by", "partner,offer") == running
    assert server.json("audit")["ok"]
    server.start()


def test_reload_keeps_the_old_program_when_the_new_one_is_wrong(server: Serving) -> None:
    assert server.parent is not None
    server.program.write_text(PROGRAM.replace('percent = "8.5"', 'percent = "x"'))
    os.kill(server.parent.pid, signal.SIGHUP)
    _until(lambda: "program_kept" in server.log.read_text())
    added = PROGRAM + '\n[[link]]\ncode = "new-link"\noffer = 101\npartner = 8\n'
    server.program.write_text(added)
    os.kill(server.parent.pid, signal.SIGHUP)
    _until(lambda: _verdict(server, "new-link") == "accepted")


def _verdict(server: Serving, link: str) -> str:
    return loopback.get(f"{server.url}/c/{link}", headers={"User-Agent": BROWSER}).headers["Clew-Verdict"]


def _until(true: Any, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_api_port_wants_a_key(server: Serving, tmp_path: Path) -> None:
    assert loopback.get(f"{server.api}/v1/reports/kpi").status_code == 401
    answer = loopback.get(
        f"{server.api}/v1/reports/kpi", params={"by": "partner"}, headers={"Authorization": f"Bearer {API_KEY}"}
    )
    assert answer.status_code == 200 and answer.json()["report"] == "kpi"
