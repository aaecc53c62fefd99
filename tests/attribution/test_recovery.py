"""Interrupted passes are finished and unclaimed intents dropped; nothing is guessed."""

import asyncio
import threading

import pyarrow as pa
import pytest

from attribution.core.revisions import TABLES
from attribution.live.lease import ClaimedPass
from attribution.live.pass_writer import PassLost, PassWriter
from attribution.store.cursor import Cursor
from runtime.clock import ManualClock
from tests.attribution.fake_ingest import FakeIngest
from tests.attribution.leases import Leases
from tests.attribution.random_cases import BASE_US
from tests.attribution.test_live import run
from tests.attribution.test_workers import failing, filled, worker
from tests.conftest import empty
from warehouse.port import Warehouse, scalar_of


def chosen_pass(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, dies_at: str) -> tuple[FakeIngest, Leases]:
    """Start a pass whose intent is chosen, with a worker that dies at a table."""
    log, _ = filled(warehouse, 5)
    leases = Leases(1)
    leases.give("a")
    insert = warehouse.insert

    def dies(name: str, rows: pa.Table, token: str) -> None:
        if name == dies_at:
            raise KeyboardInterrupt
        insert(name, rows, token)

    with monkeypatch.context() as patch:
        patch.setattr(warehouse, "insert", dies)
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(worker(warehouse, log, leases, "a")[0].run_pass())
    return log, leases


@pytest.mark.parametrize("dies_at", ["credits", "ledger", "revisions", "passes"])
def test_several_workers_may_finish_a_chosen_pass_concurrently(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    _, leases = chosen_pass(warehouse, monkeypatch, dies_at)
    start, failures = threading.Barrier(4), list[BaseException]()

    def finish() -> None:
        try:
            start.wait()
            PassWriter(warehouse, 0, ManualClock(1), "test").recover(leases.claims[0])
        except BaseException as error:  # noqa: BLE001  # a thread's error must fail the test
            failures.append(error)

    threads = [threading.Thread(target=finish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and failing(warehouse) == []
    counts = {name: scalar_of(warehouse.query(f"SELECT count() FROM clew.{name}")) for name in (*TABLES, "passes")}
    assert counts == {"credits": 10, "commissions": 5, "ledger": 10, "joins": 5, "revisions": 5, "passes": 1}


def test_an_unclaimed_intent_is_garbage_and_not_an_audit_finding(warehouse: Warehouse) -> None:
    log, _ = filled(warehouse, 3)
    leases = Leases(1)
    leases.give("a")
    first, lease = worker(warehouse, log, leases, "a")
    lease.before_claim = lambda: leases.give("b")
    assert run(first) == []
    assert scalar_of(warehouse.query("SELECT count() FROM clew.intents")) == 1
    assert scalar_of(warehouse.query("SELECT count() FROM clew.credits")) == 0
    second, _ = worker(warehouse, log, leases, "b")
    (report,) = run(second)
    assert report.credited == 3 and failing(warehouse) == []


def test_an_empty_pass_makes_unclaimed_intents_obsolete(warehouse: Warehouse) -> None:
    log, leases = FakeIngest(warehouse), Leases(1)
    leases.give("a")
    PassWriter(warehouse, 0, ManualClock(1), "test").begin({}, Cursor(), "unchosen")
    assert [name for name, _ in failing(warehouse)] == ["stale intents"]
    clock = ManualClock(BASE_US)
    attribution, _ = worker(warehouse, log, leases, "a", clock=clock)
    run(attribution)
    clock.step_us(3_000_000)
    run(attribution)
    assert failing(warehouse) == [] and leases.claims[0].pass_id == 1


@pytest.mark.parametrize("remembers", ["all", "nothing", "a later pass, which a restore undid"])
def test_a_claim_that_the_lease_lost_is_recovered_from_stored_rows(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, remembers: str
) -> None:
    log, leases = chosen_pass(warehouse, monkeypatch, "revisions")
    if remembers != "all":
        leases.claims.clear()
    if remembers.startswith("a later"):
        leases.claims[0] = ClaimedPass(9, "undone")
    run(worker(warehouse, log, leases, "a")[0])
    assert failing(warehouse) == []
    assert scalar_of(warehouse.query("SELECT count() FROM clew.passes")) == 1


def test_a_lost_claim_with_several_intents_is_refused(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    log, leases = chosen_pass(warehouse, monkeypatch, "revisions")
    leases.claims.clear()
    PassWriter(warehouse, 0, ManualClock(1), "test").begin({}, Cursor(), "another")
    with pytest.raises(PassLost, match="backup"):
        asyncio.run(worker(warehouse, log, leases, "a")[0].run_pass())


def test_a_restored_warehouse_catches_up_with_a_newer_lease(warehouse: Warehouse) -> None:
    log, _ = filled(warehouse, 3)
    leases = Leases(1)
    leases.give("a")
    leases.claims[0] = ClaimedPass(7, "gone with the warehouse")
    run(worker(warehouse, log, leases, "a")[0])
    assert leases.claims[0].pass_id == 1 and failing(warehouse) == []


def test_a_failing_shard_delays_no_other(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    log, leases = chosen_pass(warehouse, monkeypatch, "revisions")
    empty(warehouse, "passes")
    warehouse.execute("TRUNCATE TABLE clew.intents")
    leases = Leases(2)
    leases.give("a")
    leases.claims[0] = ClaimedPass(1, "its intent is gone")
    with pytest.raises(PassLost):
        asyncio.run(worker(warehouse, log, leases, "a")[0].run_pass())
    shards = warehouse.query("SELECT DISTINCT shard FROM clew.passes").column(0).to_pylist()
    assert shards == [1]
