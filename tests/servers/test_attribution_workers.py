"""Workers of attribution on real servers: one is stopped in the middle of a pass, long enough to lose its shards."""

import asyncio
import contextlib
import json
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from attribution.core.revisions import TABLES
from attribution.live.progress import ends_of, passed
from eventlog.address import KafkaLog, parse_log_address
from eventlog.kafka.topics import prepare_topics
from runtime.settings import KafkaSettings
from schemas.events import CONVERSIONS, HITS
from tests.attribution.test_workers import all_rows, failing, filled
from tests.commands import fork
from tests.servers.clickhouse import GivenServer
from tests.servers.kafka import GivenCluster
from tests.servers.warehouses import migrated
from warehouse.port import Warehouse, scalar_of

pytestmark = pytest.mark.server

SHARDS = 3
CONVERSIONS_IN_ALL = 30
WAIT_S = 60.0


class Installation:
    """Topics and a database of its own, with conversions to credit; workers are processes."""

    def __init__(self, log: str, server: GivenServer, database: str, warehouse: Warehouse, folder: Path) -> None:
        self.warehouse, self._folder = warehouse, folder
        stored, _ = filled(warehouse, CONVERSIONS_IN_ALL)
        self.ends = {topic: asyncio.run(ends_of(stored, topic)) for topic in (CONVERSIONS, HITS)}
        fields = {"host": server.host, "port": server.port, "user": server.user, "password": server.password}
        self._asked: dict[str, Any] = {
            "log": log, "warehouse": {**fields, "database": database}, "ends": self.ends,
        }  # fmt: skip
        self._children: list[fork.Command] = []

    def worker(self, stop_at: str = "") -> fork.Command:
        """Start one, whose messages go to a file of its own."""
        words = ["tests.servers.attribution_child", json.dumps({**self._asked, "stop_at": stop_at})]
        with (self._folder / f"worker{len(self._children)}.log").open("wb") as out:
            self._children.append(fork.spawn(words, out.fileno(), out.fileno()))
        return self._children[-1]

    def said(self, number: int) -> str:
        """Return the log of a worker."""
        return (self._folder / f"worker{number}.log").read_text("utf-8")

    def is_done(self) -> bool:
        """All shards have passed what there is."""
        return not passed(self.warehouse, self.ends[CONVERSIONS], self.ends[HITS], SHARDS)

    def end(self) -> None:
        for child in self._children:
            child.kill()
            child.wait()


@pytest.fixture
def installation(kafka: GivenCluster, clickhouse: GivenServer, tmp_path: Path) -> Iterator[Installation]:
    name = f"t_{secrets.token_hex(4)}"
    log = kafka.address(f"{name}-")
    address = parse_log_address(log)
    assert isinstance(address, KafkaLog)
    asyncio.run(prepare_topics(address, KafkaSettings(shards=SHARDS)))
    with migrated(clickhouse, name) as warehouse, contextlib.ExitStack() as stack:
        made = Installation(log, clickhouse, name, warehouse, tmp_path)
        stack.callback(made.end)
        yield made


def wait_until(what: Callable[[], bool], why: Callable[[], str] = str) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline_s, why()
        time.sleep(0.05)


def is_stopped(child: fork.Command) -> bool:
    assert child.poll() is None, f"it ended with {child.returncode}"
    return Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def check_once(warehouse: Warehouse) -> None:
    """Every conversion was credited once, and every row is there once."""
    rows = all_rows(warehouse)
    assert {name: len(rows[name]) for name in TABLES} == {
        "credits": 2 * CONVERSIONS_IN_ALL, "commissions": CONVERSIONS_IN_ALL, "ledger": 2 * CONVERSIONS_IN_ALL,
        "joins": CONVERSIONS_IN_ALL, "revisions": CONVERSIONS_IN_ALL,
    }  # fmt: skip
    assert failing(warehouse) == []


@pytest.mark.parametrize(
    "stop_at",
    ["before the claim", "after the claim", "after ledger", "before passes"],
)
def test_a_worker_that_was_stopped_past_its_session_changes_nothing(installation: Installation, stop_at: str) -> None:
    sleeper = installation.worker(stop_at)
    wait_until(lambda: is_stopped(sleeper), lambda: installation.said(0))
    assert not installation.is_done()
    installation.worker()
    wait_until(installation.is_done, lambda: installation.said(1))
    check_once(installation.warehouse)
    sleeper.send_signal(signal.SIGCONT)
    wait_until(lambda: "shard_taken_by_another" in installation.said(0) or "shard_given_up" in installation.said(0))
    sleeper.send_signal(signal.SIGTERM)
    assert sleeper.wait(WAIT_S) == 0
    check_once(installation.warehouse)


def test_workers_that_come_and_go_and_die_credit_everything_once(installation: Installation) -> None:
    for step in ("after credits", "before revisions"):
        worker = installation.worker(step)
        wait_until(lambda worker=worker: is_stopped(worker) or installation.is_done())  # type: ignore[misc]
        worker.kill()
        worker.wait()
    workers = [installation.worker(), installation.worker()]
    wait_until(installation.is_done, lambda: installation.said(2))
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    # One may be done before the other has started; SIGTERM ends a process that has no handler yet.
    assert {worker.wait(WAIT_S) for worker in workers} <= {0, -signal.SIGTERM}
    check_once(installation.warehouse)
    assert scalar_of(installation.warehouse.query("SELECT uniqExact(shard) FROM clew.passes")) == SHARDS
