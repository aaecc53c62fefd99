"""Passes at their limits: many or oversized identities, halved passes, lost programs, old intents, crashes."""

import asyncio

import numpy as np
import pytest

from attribution.core import journeys
from attribution.core.credits import Pricing
from attribution.live import pass_planner, pass_writer
from attribution.live.pass_writer import PassWriter, pack, unpack
from attribution.store import touch_table
from attribution.store.conversion_reader import ConversionReader
from attribution.store.cursor import Cursor
from attribution.store.programs import Programs, newest_program
from attribution.store.touch_table import TouchTable
from program.entries import Plan
from runtime.clock import ManualClock
from schemas.events import Kind
from schemas.fields import NO_DIGEST
from schemas.identity import of_ref, of_visitor
from schemas.tables import Join
from tests.attribution.fake_ingest import FakeIngest
from tests.attribution.random_cases import adjustment_of, conversion_of, program_of, touch_of
from tests.attribution.test_live import SALE, attributor, credits_now, owed_now, run
from warehouse.port import Warehouse, scalar_of


def problems_now(warehouse: Warehouse) -> list[str]:
    found = warehouse.query("SELECT arrayJoin(mapKeys(problems)) AS p FROM clew.revisions ORDER BY revision, p")
    return list(found.column(0).to_pylist())


def test_twenty_thousand_identities_in_one_query(warehouse: Warehouse) -> None:
    log = FakeIngest(warehouse)
    log.append(touch_of(1, visitor="ann"))
    log.store()
    identities = np.arange(20_000, dtype=np.uint64) + np.uint64(2**63)
    identities[-1] = of_visitor("ann")
    rows, oversized = TouchTable(warehouse).touches_of(np.unique(identities))
    assert rows.identity.tolist() == [of_visitor("ann")] and oversized == {}
    ids = {n.to_bytes(16, "big") for n in range(20_001)}
    assert ConversionReader(warehouse).conversions_of(ids) == []


def test_an_oversized_identity_joins_nothing(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(touch_table, "TOUCHES_PER_IDENTITY_MAX", 3)
    log = FakeIngest(warehouse)
    for n in range(5):
        log.append(touch_of(n, second=n / 10, partner=n % 3 + 1, visitor="null"))
    log.append(conversion_of(1, click_ref="t1"))
    log.append(conversion_of(2, visitor_id="null"))
    log.store()
    run(attributor(warehouse, log, SALE))
    found = sorted(tuple(line[2] for line in lines) for lines in credits_now(warehouse).values())
    assert found == [(0, 0), (2, 2)]  # partners: nobody, and the named click's alone
    assert problems_now(warehouse) == ["crowded_identity", "crowded_identity"]
    joined = warehouse.query("SELECT identity FROM clew.joins").column(0).to_pylist()
    assert joined == [of_ref(Kind.CLICK, "t1")]


@pytest.mark.parametrize("limit", ["pairs", "rows"])
def test_a_pass_that_is_too_large_is_halved(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    if limit == "pairs":
        build = journeys.build
        monkeypatch.setattr("attribution.core.credits.build", lambda columns, rows: build(columns, rows, pairs_max=4))
    else:
        monkeypatch.setattr(pass_planner, "BLOCK_ROWS_MAX", 10)
        monkeypatch.setattr(pass_writer, "BLOCK_ROWS_MAX", 10)
    log = FakeIngest(warehouse)
    log.append(touch_of(1))
    for n in range(9):
        log.append(conversion_of(n, click_ref="t1"))
    log.store()
    reports = run(attributor(warehouse, log, SALE))
    assert sum(report.credited for report in reports) == 9 and len(reports) >= 2


def test_a_missing_program_keeps_the_current_revision_and_is_a_problem(warehouse: Warehouse) -> None:
    log, event = FakeIngest(warehouse), conversion_of(1, click_ref="t1")
    for record in (touch_of(1), event):
        log.append(record)
    log.store()
    run(attributor(warehouse, log, SALE))
    warehouse.execute("TRUNCATE TABLE clew.programs")
    log.append(adjustment_of(1, event, amount_e4=50_000))
    log.store()
    run(attributor(warehouse, log, program_of((Plan(1, percent_e6=90_000_000),))))
    assert problems_now(warehouse) == ["program_missing"]
    assert [line[4] for line in owed_now(warehouse)[event.conversion_id]] == [100]


def test_programs_are_cached_up_to_a_limit(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attribution.store.programs.PROGRAMS_MAX", 2)
    programs = Programs(warehouse)
    loaded = [program_of((Plan(1, percent_e6=n),)) for n in range(1, 4)]
    for program in loaded:
        programs.keep(program, 1)
        programs.keep(program, 2)
    assert scalar_of(warehouse.query("SELECT count() FROM clew.programs")) == 3
    for program in loaded:
        found = programs.get(program.hash)
        assert isinstance(found, Pricing) and found.terms == program.terms
    assert programs.get("0" * 32) is None


def test_a_reloaded_program_is_the_newest(warehouse: Warehouse) -> None:
    first, second = (program_of((Plan(1, percent_e6=n),)) for n in (1, 2))
    assert newest_program(warehouse) is None
    told = [(first, 10), (first, 20), (second, 30), (first, 25), (second, 40), (second, 50)]  # one clock goes wrong
    for program, now_us in told:
        Programs(warehouse).load(program, now_us)
        Programs(warehouse).keep(first, 99)  # a worker that goes on with its own changes nothing
        newest = newest_program(warehouse)
        assert newest is not None and newest.hash == program.hash
    found = warehouse.query("SELECT toUnixTimestamp64Micro(loaded_ts) AS t FROM clew.programs ORDER BY t")
    assert found.column(0).to_pylist() == [10, 30, 31, 40]
    again = Programs(warehouse).get(second.hash)
    assert again is not None and again.terms == second.terms


def test_old_intents_are_dropped_and_passes_kept(warehouse: Warehouse) -> None:
    writer = PassWriter(warehouse, 0, ManualClock(1), "test")
    for n in range(130):
        begun = writer.begin({"joins": [Join(n, NO_DIGEST, 1, 1, 0)]}, Cursor())
        writer.insert(begun, "joins")
        writer.end(begun)
    assert scalar_of(warehouse.query("SELECT count() FROM clew.passes")) == 130
    found = warehouse.query("SELECT toInt64(min(pass_id)) AS lo, toInt64(max(pass_id)) AS hi FROM clew.intents")
    assert found.to_pylist() == [{"lo": 128, "hi": 130}]


def test_a_partially_written_table_is_completed(warehouse: Warehouse) -> None:
    log = FakeIngest(warehouse)
    for record in (touch_of(1), touch_of(2, partner=2), *(conversion_of(n, click_ref=f"t{n}") for n in (1, 2))):
        log.append(record)
    log.store()
    run(attributor(warehouse, log, SALE))
    before = credits_now(warehouse)
    warehouse.execute("DELETE FROM clew.credits WHERE _offset IN (1, 3)")
    warehouse.execute("TRUNCATE TABLE clew.revisions")
    warehouse.execute("TRUNCATE TABLE clew.passes")
    writer = PassWriter(warehouse, 0, ManualClock(1), "test")
    assert writer.recover() == 1 and writer.pass_id == 1
    assert credits_now(warehouse) == before
    assert scalar_of(warehouse.query("SELECT count() FROM clew.credits")) == 4
    assert writer.recover() == 0


def test_a_cursor_moved_over_touches_is_stored_at_the_stop(warehouse: Warehouse) -> None:
    log = FakeIngest(warehouse)
    for n in (1, 2):
        log.append(touch_of(n))
    log.store()

    async def follow() -> None:
        stop = asyncio.Event()
        task = asyncio.create_task(attribution.follow(stop))
        while not (attribution.cursors and attribution.cursors[0].hits):
            await asyncio.sleep(0.01)
        stop.set()
        await task

    attribution = attributor(warehouse, log, SALE)
    asyncio.run(follow())
    writer = PassWriter(warehouse, 0, ManualClock(1), "test")
    writer.recover()
    assert writer.cursor == attribution.cursors[0] and list(writer.cursor.hits.values()) == [2]


def test_payloads_survive_storage(warehouse: Warehouse) -> None:
    table = warehouse.query("SELECT number, toString(number) AS text FROM numbers(3)")
    assert unpack(pack({"a": table, "b": table.slice(0, 0)})) == {"a": table, "b": table.slice(0, 0)}
