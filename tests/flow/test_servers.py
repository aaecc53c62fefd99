"""The same program and the same traffic on one machine and on servers: the same answers, reports and cents."""

import json
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import loopback
from tests.commands import fork
from tests.servers.clickhouse import GivenServer
from tests.servers.installation import Installation, Station
from tests.servers.kafka import GivenCluster
from tests.serving import API_KEY, BROWSER, SECRET, Serving, free_port, serving

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(300)]

LINES: list[dict[str, Any]] = [
    *(
        {
            "type": "click", "id": f"c{n}", "ts": f"2026-01-{n % 9 + 1:02d}T10:00:{n:02d}Z", "offer_id": 101,
            "partner_id": 7 + n % 2, "visitor_id": f"v{n % 7}", "user_agent": BROWSER, "sub1": f"s{n % 3}",
        }
        for n in range(30)
    ),
    {"type": "impression", "id": "i1", "ts": "2026-01-10T09:00:00Z", "offer_id": 101, "partner_id": 8},
    *(
        {
            "type": "conversion", "id": f"o{n}", "ts": f"2026-01-{n % 9 + 11:02d}T12:00:00Z", "click_ref": f"c{n}",
            "offer_id": 101, "txn_id": f"t{n}", "amount": f"{20 + n}.{n % 100:02d}", "goal": ("1", "lead")[n % 2],
        }
        for n in range(12)
    ),
    {"type": "conversion", "id": "o99", "ts": "2026-01-20T12:00:00Z", "visitor_id": "nobody", "offer_id": 101},
    {"type": "adjustment", "id": "a1", "ts": "2026-01-21T12:00:00Z", "offer_id": 101, "goal": "1", "txn_id": "t0",
     "kind": "refund", "amount": "5.00"},
    {"type": "adjustment", "id": "a2", "ts": "2026-01-21T12:00:00Z", "offer_id": 101, "goal": "1", "txn_id": "t2",
     "kind": "status", "status": "declined"},
]  # fmt: skip
AGAIN: list[dict[str, Any]] = [
    LINES[31],
    {**LINES[32], "amount": "1.00"},
    {**LINES[31], "id": "another-id"},
    {"type": "adjustment", "id": "a3", "ts": "2026-01-22T12:00:00Z", "offer_id": 101, "goal": "1", "txn_id": "t4",
     "kind": "refund", "amount": "999.00"},
    {"type": "conversion", "id": "bad", "ts": "2026-01-20T12:00:00Z", "click_ref": "c1", "offer_id": 101,
     "amount": "1.234"},
]  # fmt: skip
"""After the others are stored: a repeat, a conflict, a repeat under another id, a refund too large, a malformed one."""

ASKED: list[tuple[str, ...]] = [
    ("report", "kpi", "--by", "partner,offer"),
    ("report", "rejected", "--by", "reason"),
    ("problems",),
    ("sql", "SELECT model, touch_id, conversion_id, partner_id, weight, value, reason FROM credits ORDER BY ALL"),
    ("sql", "SELECT conversion_id, partner_id, plan, rule, amount, currency, status FROM commissions ORDER BY ALL"),
    (
        "sql",
        "SELECT conversion_id, goal, txn_id, match_kind, amount, status, refunded, ref FROM conversions ORDER BY 1",
    ),
]


def events(url: str, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answer = loopback.post(
        f"{url}/v1/events", content="\n".join(map(json.dumps, lines)),
        headers={"Authorization": f"Bearer {API_KEY}"}, timeout=30,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def postback(url: str, **query: str) -> tuple[int, dict[str, Any]]:
    answer = loopback.get(f"{url}/postback", params={"secret": SECRET, **query}, timeout=30)
    return answer.status_code, answer.json()


def story(urls: list[str], settle: Callable[[], None]) -> list[Any]:
    """Send everything, each time to the next edge; what was answered."""
    edge = [urls[n % len(urls)] for n in range(8)]
    answers: list[Any] = [events(edge[0], LINES)]
    settle()
    answers.append(events(edge[1], AGAIN))
    click_id = answers[0][3]["click_id"]
    order = {"click_id": click_id, "txn_id": "by-postback", "amount": "10.00"}
    answers += [
        postback(edge[0], **order),
        postback(edge[1], **order),
        postback(edge[0], **order | {"amount": "11.00"}),
        postback(edge[1], **order, test="1"),
        postback(edge[0], **order | {"action": "refund", "refund_id": "r1", "amount": "4.00"}),
        postback(edge[1], **order | {"action": "refund", "refund_id": "r1", "amount": "4.00"}),
        postback(edge[0], **order, status="declined"),
        postback(edge[1], **order, status="pending"),
        postback(edge[0], **order | {"click_id": click_id[:-4] + "AAAA"}),
        postback(edge[1], **order | {"txn_id": "x", "secret": "wrong"}),
        postback(edge[0], **order | {"txn_id": "x", "amount": "1.001"}),
    ]
    settle()
    return answers


def told(ask: Callable[..., str], conversion_id: str) -> list[Any]:
    """Run the commands of the contract; return their JSON."""
    said = [json.loads(ask(*words, "--json")) for words in ASKED]
    explained = json.loads(ask("explain", conversion_id, "--json"))
    return [*said, *(explained[name] for name in ("conversion", "touches", "commissions"))]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Token keys that both installations sign with, so that their ids are the same."""
    return tmp_path_factory.mktemp("keys") / "keys.toml"


@pytest.fixture(scope="module")
def one_machine(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> tuple[list[Any], list[Any]]:
    """Answers and reports of one machine."""
    with serving(tmp_path_factory.mktemp("one"), environment={"CLEW_KEYS": str(keys)}, workers=2) as server:
        answers = story([server.url], server.settle)
        said = told(server.clew, answers[0][32]["conversion_id"])
        assert server.stop() == 0
    return answers, said


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, keys: Path, kafka: GivenCluster, clickhouse: GivenServer
) -> Iterator[Installation]:
    name = secrets.token_hex(4)
    # A busy machine is no outage: nothing is spilled, so that every answer is final.
    made = Installation(
        tmp_path_factory.mktemp("servers"), kafka.address(f"f{name}."), clickhouse.address(f"f{name}"),
        password=clickhouse.password, settings={"CLEW_KEYS": str(keys), "CLEW_SPILL__APPEND_TIMEOUT_MS": "20000"},
    )  # fmt: skip
    try:
        yield made
    finally:
        made.kill()


def refused(installation: Installation, *words: str) -> str:
    """Start a station that must fail with exit code 4; return its stderr."""
    done = fork.clew(*words, "--program", str(installation.program), env=installation.environment)
    assert done.returncode == 4, done.stderr
    return done.stderr


def test_a_station_without_tables_says_what_to_do(installation: Installation) -> None:
    assert "run clew migrate" in refused(installation, "ingest", "--metrics-port", str(free_port()))


def test_servers_say_what_one_machine_says(
    installation: Installation, one_machine: tuple[list[Any], list[Any]], clickhouse: GivenServer
) -> None:
    installation.start()
    answers = story(installation.urls, installation.settle)
    assert answers == one_machine[0]
    said = told(installation.clew, answers[0][32]["conversion_id"])
    assert said == one_machine[1]
    assert installation.json("audit")["ok"]
    api = station(installation, "api")
    try:
        answer = loopback.get(
            f"{api.url}/v1/reports/kpi?by=partner,offer", headers={"Authorization": f"Bearer {API_KEY}"}, timeout=30
        )
        assert answer.json() == said[0]
        assert installation.clew("attribute") == ""  # as one more ingest and attribution worker, for a moment
        shown = [
            f"{s.name} {Path(f'/proc/{s.process.pid}/cmdline').read_bytes()!r}" for s in running(installation, api)
        ]
        assert str(api.port) in shown[-1]
        assert api.stop() == 0
        for one in installation.stations:
            assert one.stop() == 0, one.log.read_text()[-3000:]
    finally:
        api.kill()
    logs = [path.read_text() for path in installation.folder.glob("*.log")]
    assert not [text for text in (*shown, *logs) if clickhouse.password in text]


def station(installation: Installation, name: str) -> Station:
    """One more station of its own."""
    port = free_port()
    words = (name, "--port", str(port), "--program", str(installation.program))
    made = Station(name, words, port, installation.folder / f"{name}.log", installation.environment, forked=False)
    made.spawn()
    made.wait_ready()
    return made


def running(installation: Installation, *more: Station) -> list[Any]:
    return [s for s in (*installation.stations, *more) if s.process is not None]


def test_commands_answer_when_no_station_runs(
    installation: Installation, one_machine: tuple[list[Any], list[Any]]
) -> None:
    assert installation.clew("attribute") == ""  # alone: it takes all partitions and shards
    assert installation.json(*ASKED[0]) == one_machine[1][0]
    assert installation.json("audit")["ok"]


def test_serve_moves_to_servers_by_two_settings(tmp_path: Path, kafka: GivenCluster, clickhouse: GivenServer) -> None:
    name = secrets.token_hex(4)
    environment = {
        "CLEW_LOG": kafka.address(f"s{name}."),
        "CLEW_WAREHOUSE": clickhouse.address(f"s{name}"),
        "CLEW_WAREHOUSE_PASSWORD": clickhouse.password,
        "CLEW_SPILL__APPEND_TIMEOUT_MS": "20000",
    }
    with serving(tmp_path, environment=environment, workers=2) as server:
        assert not (server.data / "warehouse").exists()
        assert not (server.data / "log").exists()
        answers = events(server.url, LINES)
        assert {answer["verdict"] for answer in answers} == {"accepted"}
        server.settle()
        [engine] = server.pids_of("engine")
        os.kill(engine, signal.SIGKILL)
        order = {"click_id": answers[0]["click_id"], "txn_id": "late", "amount": "10.00"}
        assert postback(server.url, **order)[1]["verdict"] == "accepted"
        server.settle()
        [row] = server.sql("SELECT count() AS n FROM conversions")
        assert int(row["n"]) == 14
        assert server.json("audit")["ok"]
        assert server.stop() == 0
    again = Serving(tmp_path, environment=environment)
    assert again.json("audit")["ok"]
