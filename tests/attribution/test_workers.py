"""Any number of workers and shards give the tables of a single worker, however shards are reassigned."""

import asyncio
import threading
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attribution.core.revisions import TABLES
from attribution.live import shard_worker
from attribution.live.attributor import Attributor
from attribution.live.lease import SHARDS, ClaimedPass, ConsumerLease
from attribution.live.owned_shards import ShardsChanged
from attribution.live.progress import ends_of, passed
from attribution.store.cursor import Cursor, decode
from attribution.store.shards import Shards, shard_of, sql_shard_of
from eventlog.memory import MemoryConsumer, MemoryLog
from eventlog.port import Fenced, Partition
from operations.audit.attribution import attribution_checks
from program.program import Program
from runtime.clock import ManualClock
from runtime.settings import AttributionSettings
from schemas.events import CONVERSIONS, HITS
from tests.attribution.fake_ingest import FakeIngest, Stored
from tests.attribution.leases import Leases, MemoryLease
from tests.attribution.random_cases import BASE_US, RandomCase, adjustment_of, conversion_of, random_cases, touch_of
from tests.attribution.test_live import SALE, SETTINGS, attributor, check_at_rest, credits_now, owed_now, run
from tests.conftest import empty
from warehouse.port import Warehouse, scalar_of

MINUTES_10_US = 600_000_000


def worker(
    warehouse: Warehouse, log: FakeIngest, leases: Leases, name: str, *, program: Program = SALE,
    clock: ManualClock | None = None, chosen: AttributionSettings = SETTINGS,
) -> tuple[Attributor, MemoryLease]:  # fmt: skip
    lease = MemoryLease(leases, name)
    clock = clock or ManualClock(BASE_US + 10**9)
    return Attributor(warehouse, log, lambda: program, clock, chosen, lease), lease


def run_all(attributions: list[Attributor]) -> None:
    """Run passes until no worker finds anything."""
    for _ in range(1_000):
        if not sum(len(run(attribution)) for attribution in attributions):
            return


def filled(warehouse: Warehouse, conversions: int = 12) -> tuple[FakeIngest, list[Any]]:
    """Return conversions of every shard, each with its own click."""
    log = FakeIngest(warehouse)
    events = [conversion_of(n, click_ref=f"t{n}") for n in range(conversions)]
    for n in range(conversions):
        log.append(touch_of(n, partner=n % 3 + 1))
    for event in events:
        log.append(event)
    log.store()
    return log, events


def all_rows(warehouse: Warehouse) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of the tables of passes without the number of the pass, sorted."""
    found = {}
    for name in TABLES:
        table = warehouse.query(f"SELECT * EXCEPT (_partition, _offset, _batch) FROM clew.{name}")
        found[name] = sorted((tuple(row.values()) for row in table.to_pylist()), key=repr)
    return found


def failing(warehouse: Warehouse) -> list[tuple[str, tuple[str, ...]]]:
    """Run the audit long after the last pass; return the checks that fail."""
    checks = attribution_checks(warehouse, BASE_US + 10**10)
    return [(check.name, check.examples) for check in checks if not check.ok]


def test_shards_are_equal_in_python_and_sql(warehouse: Warehouse) -> None:
    ids = [bytes([n * 7 % 256, n]) + bytes(14) for n in range(256)] + [conversion_of(n, user_id="u").conversion_id
                                                                      for n in range(50)]  # fmt: skip
    for shards in (1, 3, 8):
        found = warehouse.query(
            f"SELECT toUInt32({sql_shard_of('id', shards)}) AS s "
            "FROM (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16) AS id)",
            {"ids": [id_.hex() for id_ in ids]},
        )
        assert found.column(0).to_pylist() == [shard_of(id_, shards) for id_ in ids]
        assert len({shard_of(id_, shards) for id_ in ids}) == shards


@pytest.mark.parametrize("shards", [1, 3, 8])
@pytest.mark.parametrize("workers", [1, 3])
def test_workers_write_the_same_rows_as_one_worker(warehouse: Warehouse, shards: int, workers: int) -> None:
    def world() -> FakeIngest:
        log, events = filled(warehouse, 40)
        for n, event in enumerate(events[:9]):
            log.append(adjustment_of(n, event, amount_e4=10_000 * n))
        log.store()
        return log

    run(attributor(warehouse, world(), SALE))
    alone = all_rows(warehouse)
    empty(warehouse)
    log, leases = world(), Leases(shards)
    for shard in range(shards):
        leases.give(f"w{shard % workers}", [shard])
    run_all([worker(warehouse, log, leases, f"w{n}")[0] for n in range(workers)])
    assert all_rows(warehouse) == alone
    assert len(alone["credits"]) == 80 and failing(warehouse) == []
    assert {row["s"] for row in warehouse.query("SELECT DISTINCT shard AS s FROM clew.passes").to_pylist()} == set(
        range(shards)
    )


def test_a_worker_with_all_shards_reads_once(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    log, _ = filled(warehouse, 40)
    leases = Leases(8)
    leases.give("a")
    attribution, _ = worker(warehouse, log, leases, "a")
    asyncio.run(attribution.recover())
    query, asked = warehouse.query, list[str]()

    def counting(sql: str, *args: object) -> pa.Table:
        asked.append(sql)
        return query(sql, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(warehouse, "query", counting)
    (report,) = run(attribution)
    assert report.credited == 40
    assert sum("clew.touches" in sql for sql in asked) <= 3
    assert sum("FROM clew.conversions" in sql for sql in asked) == 1


@given(random_cases(), st.sampled_from((1, 3, 8)), st.randoms(use_true_random=False))
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_changing_owners_give_the_same_tables(
    open_embedded_warehouse: Warehouse, world: RandomCase, shards: int, random: Random
) -> None:
    engine = open_embedded_warehouse
    empty(engine)
    log, leases = FakeIngest(engine, partitions=2), Leases(shards)
    chosen = AttributionSettings(pass_conversions_max=random.choice((1, 2, 100)), ingest_wait_timeout_ms=0)
    workers = [worker(engine, log, leases, name, program=world.program, chosen=chosen) for name in "ab"]

    def shuffled() -> None:
        for shard in range(shards):
            leases.give(random.choice("ab"), [shard])

    shuffled()
    for _, lease in workers:  # in the middle of passes as well, before or after the choice
        lease.before_claim = lambda: shuffled() if random.random() < 0.1 else None
        lease.after_claim = lambda: shuffled() if random.random() < 0.1 else None
    events: list[Stored] = [*world.touches, *world.conversions, *world.adjustments]
    random.shuffle(events)
    for event in events:
        log.append(event, random.randint(0, 1))
        if random.random() < 0.5:
            log.store(random.choice(((HITS, CONVERSIONS), (HITS,), (CONVERSIONS,))))
            run(random.choice(workers)[0], random.choice((1, 5)))
    log.store()
    for name, (attribution, lease) in zip("ab", workers, strict=True):
        lease.before_claim = lease.after_claim = lambda: None
        leases.give("b" if name == "a" else "a")
        run(attribution)
    for name, (attribution, _) in zip("ab", workers, strict=True):
        leases.give(name)
        run(attribution, 1_000)
        asyncio.run(attribution._write_cursors())
    check_at_rest(engine, world)
    assert failing(engine) == []


STEPS = [
    "before the intent", "before the claim", "after the claim",
    *(f"{when} {table}" for table in (*TABLES, "passes") for when in ("before", "after")),
]  # fmt: skip


@pytest.mark.parametrize("slept_us", [0, MINUTES_10_US])
@pytest.mark.parametrize("step", STEPS)
def test_a_paused_worker_that_lost_its_shard_changes_nothing(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, step: str, slept_us: int
) -> None:
    """Pause a worker at each step of a pass, while another one takes the shard, finishes the pass and continues."""
    log, events = filled(warehouse, 3)
    leases, clock = Leases(1), ManualClock(BASE_US + 10**9)
    leases.give("zombie")
    zombie, lease = worker(warehouse, log, leases, "zombie", clock=clock)
    other, _ = worker(warehouse, log, leases, "other")
    insert, stopped, woken = warehouse.insert, threading.Event(), list[str]()

    def taken() -> None:
        if stopped.is_set():
            return
        stopped.set()
        leases.give("other")
        log.append(adjustment_of(1, events[0], amount_e4=50_000))
        log.store()
        thread = threading.Thread(target=run, args=(other,))
        thread.start()
        thread.join()
        clock.step_us(slept_us)
        woken.append("")

    def inserting(name: str, rows: pa.Table, token: str) -> None:
        if woken:
            woken.append(name)
        if step in (f"before {name}", "before the intent" if name == "intents" else ""):
            taken()
        insert(name, rows, token)
        if step == f"after {name}":
            taken()

    lease.before_claim = taken if step == "before the claim" else lease.before_claim
    lease.after_claim = taken if step == "after the claim" else lease.after_claim
    monkeypatch.setattr(warehouse, "insert", inserting)
    run(zombie)
    monkeypatch.undo()
    assert stopped.is_set() and run(zombie) == []
    assert woken == [""] or not slept_us  # after a long sleep not even a write that tokens would undo
    run(other)
    asyncio.run(other._write_cursors())
    assert failing(warehouse) == []
    assert sorted(line[4] for lines in owed_now(warehouse).values() for line in lines) == [50, 100, 100]  # type: ignore[type-var]
    assert len(credits_now(warehouse)) == 3


def test_the_number_of_shards_never_changes(warehouse: Warehouse) -> None:
    log, _ = filled(warehouse, 3)
    run(attributor(warehouse, log, SALE))
    leases = Leases(3)
    leases.give("a")
    with pytest.raises(ShardsChanged, match="attributed with 1"):
        asyncio.run(worker(warehouse, log, leases, "a")[0].run_pass())


def test_progress_is_complete_when_every_shard_has_passed(warehouse: Warehouse) -> None:
    log, _ = filled(warehouse, 12)
    leases = Leases(3)
    leases.give("a", [0, 1])
    conversions = asyncio.run(ends_of(log, CONVERSIONS))
    hits = asyncio.run(ends_of(log, HITS))
    assert passed(warehouse, conversions, hits, 3) == 24
    first, _ = worker(warehouse, log, leases, "a")
    run(first)
    assert passed(warehouse, conversions, hits, 3) == 24  # shard 2 is nobody's
    assert not asyncio.run(Attributor.catch_up(first, 0))
    leases.give("b", [2])
    run(worker(warehouse, log, leases, "b")[0])
    assert passed(warehouse, conversions, hits, 3) == 0
    assert asyncio.run(Attributor.catch_up(first, 0))


def test_a_moved_cursor_is_written_when_idle(warehouse: Warehouse) -> None:
    log, leases, clock = FakeIngest(warehouse), Leases(2), ManualClock(BASE_US)
    leases.give("a")
    attribution, _ = worker(warehouse, log, leases, "a", clock=clock)
    log.append(touch_of(1))
    log.store()
    run(attribution)
    hits = asyncio.run(ends_of(log, HITS))
    assert passed(warehouse, {}, hits, 2) == 1
    clock.step_us(3_000_000)
    run(attribution)
    assert passed(warehouse, {}, hits, 2) == 0
    clock.step_us(3_000_000)
    run(attribution)
    assert scalar_of(warehouse.query("SELECT count() FROM clew.passes")) == 2


def test_a_claim_after_an_unknown_claim_is_fenced() -> None:
    log = MemoryLog()
    for shard in range(2):
        log.records[Partition(SHARDS, shard)] = []
        log.log_ids[Partition(SHARDS, shard)] = f"{shard}" * 32
    lease, again = (ConsumerLease(MemoryConsumer(log, "attribution"), 2) for _ in range(2))

    async def claims() -> None:
        assert await lease.owned_shards() == [0, 1] and await lease.last_claim(1) is None
        await lease.claim(1, ClaimedPass(1, "a"), None)
        assert await again.last_claim(1) == ClaimedPass(1, "a") and await again.last_claim(0) is None
        await again.claim(1, ClaimedPass(2, "b"), ClaimedPass(1, "a"))
        with pytest.raises(Fenced):
            await lease.claim(1, ClaimedPass(2, "c"), ClaimedPass(1, "a"))
        assert await lease.last_claim(1) == ClaimedPass(2, "b")

    asyncio.run(claims())


def test_claims_are_renewed_in_a_long_pass(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_worker, "_CLAIM_VALID_S", -1.0)
    log, _ = filled(warehouse, 3)
    leases, claims = Leases(1), list[int]()
    leases.give("a")
    attribution, lease = worker(warehouse, log, leases, "a")
    lease.after_claim = lambda: claims.append(1)
    run(attribution)
    assert len(claims) == 7 and failing(warehouse) == []


def test_cursors_without_a_shard_number_have_one_shard() -> None:
    assert decode('{"conversions":{"a:0":1},"hits":{},"late":null}') == Cursor({"a:0": 1}, shards=1)


def test_a_worker_with_all_shards_needs_no_filter() -> None:
    assert Shards(8, tuple(range(8))).sql("x") == "1"
    assert Shards(8, (1, 2)).sql("x").endswith("% 8 IN (1, 2)")
