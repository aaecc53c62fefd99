"""An installation moves: from one machine to servers, and from servers to others, each time by backup and restore."""

import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from tests import loopback
from tests.commands import fork
from tests.servers.clickhouse import GivenServer
from tests.servers.kafka import GivenCluster
from tests.serving import API_KEY, Serving, serving

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(300)]

LINES: list[dict[str, Any]] = [
    {"type": "click", "id": "c1", "ts": "2026-01-02T10:00:00Z", "offer_id": 101, "partner_id": 7, "visitor_id": "v1"},
    {"type": "conversion", "id": "o1", "ts": "2026-01-03T10:00:00Z", "click_ref": "c1", "offer_id": 101,
     "txn_id": "t1", "amount": "20.00"},
    {"type": "adjustment", "id": "a1", "ts": "2026-01-04T10:00:00Z", "offer_id": 101, "goal": "1", "txn_id": "t1",
     "kind": "refund", "amount": "5.00"},
]  # fmt: skip
LATER, LAST = (
    {"type": "conversion", "id": f"o{n}", "ts": "2026-01-05T10:00:00Z", "click_ref": "c1", "offer_id": 101,
     "txn_id": f"t{n}", "amount": "10.00"} for n in (2, 3)
)  # fmt: skip


def events(server: Serving, *lines: dict[str, Any]) -> list[str]:
    answer = loopback.post(
        f"{server.url}/v1/events", content="\n".join(map(json.dumps, lines)),
        headers={"Authorization": f"Bearer {API_KEY}"}, timeout=30,
    )  # fmt: skip
    return [json.loads(line)["verdict"] for line in answer.text.splitlines()]


def restore(backup: Path, server: Serving) -> dict[str, Any]:
    done = fork.clew("restore", str(backup), "--data", str(server.data), "--json", env=server.environment)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def on_servers(folder: Path, kafka: GivenCluster, clickhouse: GivenServer) -> Serving:
    """A place on servers where nothing is yet. What one machine attributed has one shard, for good."""
    folder.mkdir()
    name = secrets.token_hex(4)
    environment = {
        "CLEW_LOG": kafka.address(f"m{name}."),
        "CLEW_WAREHOUSE": clickhouse.address(f"m{name}"),
        "CLEW_WAREHOUSE_PASSWORD": clickhouse.password,
        "CLEW_KAFKA__SHARDS": "1",
    }
    return Serving(folder, environment=environment)


def report(server: Serving) -> list[Any]:
    rows: list[Any] = server.json("report", "kpi", "--by", "partner,offer")["rows"]
    return rows


def test_it_moves_to_servers_and_on(tmp_path: Path, kafka: GivenCluster, clickhouse: GivenServer) -> None:
    (tmp_path / "one").mkdir()
    with serving(tmp_path / "one") as server:
        assert events(server, *LINES) == ["accepted"] * 3
        server.settle()
        before = report(server)
        server.json("backup", str(tmp_path / "first"))
        assert server.stop() == 0
    second = on_servers(tmp_path / "two", kafka, clickhouse)
    answer = restore(tmp_path / "first", second)
    assert (answer["ok"], answer["lost"]) == (True, 0)
    assert report(second) == before
    try:
        second.start()
        assert events(second, *LINES[1:]) == ["duplicate"] * 2
        assert events(second, LATER) == ["accepted"]
        second.settle()
        assert second.json("audit")["ok"]
        after = report(second)
        second.json("backup", str(tmp_path / "second"))
        assert events(second, LAST) == ["accepted"]
        second.settle()
        last = report(second)
        assert second.stop() == 0
    finally:
        second.kill()
    assert after != before
    third = on_servers(tmp_path / "three", kafka, clickhouse)
    answer = restore(tmp_path / "second", third)
    assert (answer["ok"], answer["lost"]) == (True, 0)
    assert report(third) == after
    same_log = on_servers(tmp_path / "four", kafka, clickhouse)
    same_log.environment["CLEW_LOG"] = second.environment["CLEW_LOG"]
    answer = restore(tmp_path / "second", same_log)
    assert (answer["ok"], answer["lost"]) == (True, 0)
    assert report(same_log) == last != after
