"""`clew repair` mends what `clew audit` finds: on a stopped installation, and beside a running one."""

import json
from pathlib import Path
from typing import Any

import pytest

from attribution.core.revisions import TABLES
from tests import loopback
from tests.commands import fork
from tests.serving import API_KEY, Serving, serving

pytestmark = [pytest.mark.slow]

LINES = [
    *({"type": "click", "id": f"c{n}", "ts": "2026-01-02T10:00:00Z", "offer_id": 101, "partner_id": 7,
       "visitor_id": f"v{n}"} for n in range(5)),
    *({"type": "conversion", "id": f"o{n}", "ts": "2026-01-03T10:00:00Z", "click_ref": f"c{n}", "offer_id": 101,
       "txn_id": f"t{n}", "amount": "20.00"} for n in range(5)),
]  # fmt: skip
GONE = "ALTER TABLE clew.{0} DELETE WHERE (_batch, _offset) IN (SELECT _batch, _offset FROM clew.{0} ORDER BY ALL LIMIT 2) SETTINGS mutations_sync = 2"  # noqa: E501
TWICE = "INSERT INTO clew.{0} SELECT * FROM clew.{0} ORDER BY ALL LIMIT 1 SETTINGS insert_deduplicate = 0"
AT_THE_START = [f"TRUNCATE TABLE clew.{table}" for table in (*TABLES, "passes", "intents")]
"""Attribution begins anew, as if it had never made a pass."""


def damage(server: Serving, *statements: str) -> None:
    done = fork.run(["tests.operations.damage", str(server.data / "warehouse"), *statements], 120)
    assert done.returncode == 0, done.stderr


def state(server: Serving) -> list[Any]:
    return server.sql(
        "SELECT conversion_id, partner_id, c.value, m.amount FROM credits AS c "
        "JOIN commissions AS m ON m.conversion_id = c.conversion_id ORDER BY ALL"
    )


def test_rows_that_are_gone_or_doubled_come_right(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        answer = loopback.post(
            f"{server.url}/v1/events", content="\n".join(map(json.dumps, LINES)),
            headers={"Authorization": f"Bearer {API_KEY}"}, timeout=30,
        )  # fmt: skip
        assert answer.text.count("accepted") == len(LINES)
        server.settle()
        assert server.json("repair") == {"ok": True, "repairs": []}  # beside the running engine
        before = state(server)
        assert server.stop() == 0
        damage(
            server,
            *(GONE.format(table) for table in ("clicks", "touches", "conversions", "credits", "ledger")),
            *(TWICE.format(table) for table in ("clicks", "conversions", "commissions")),
        )
        assert not server.json("audit", check=False)["ok"]
        answer = server.json("repair")
        assert answer["ok"]
        assert {one["name"] for one in answer["repairs"]} >= {"rows of clicks doubled", "records missing"}
        assert server.json("audit")["ok"]
        assert server.json("repair") == {"ok": True, "repairs": []}
        assert state(server) == before


def test_a_conversion_that_passes_went_by_is_credited_when_it_is_back(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        answer = loopback.post(
            f"{server.url}/v1/events", content="\n".join(map(json.dumps, LINES)),
            headers={"Authorization": f"Bearer {API_KEY}"}, timeout=30,
        )  # fmt: skip
        assert answer.text.count("accepted") == len(LINES)
        server.settle()
        before = state(server)
        assert server.stop() == 0
        damage(server, GONE.format("conversions"), *AT_THE_START)
        server.settle()  # passes that do not meet them
        assert len(state(server)) < len(before)
        repairs = {one["name"]: one for one in server.json("repair")["repairs"]}
        assert repairs["conversions that were passed by"]["mended"] == 2
        assert state(server) == before
        assert server.json("audit")["ok"]
        assert server.json("repair") == {"ok": True, "repairs": []}
