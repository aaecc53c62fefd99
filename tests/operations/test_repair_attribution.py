"""Repair restores every row that can be proven, so that the audit passes; it reports the rest."""

import asyncio
from collections.abc import Mapping

import pyarrow as pa
import pytest

from attribution.core.revisions import TABLES
from attribution.live.lease import ClaimedPass
from attribution.live.pass_writer import PassWriter
from operations.findings import Repair
from operations.repair.attribution import missed, repair
from runtime.clock import ManualClock
from tests.attribution.fake_ingest import FakeIngest
from tests.attribution.random_cases import adjustment_of, conversion_of, touch_of
from tests.attribution.test_live import SALE, attributor, run
from tests.attribution.test_recovery import chosen_pass
from tests.attribution.test_workers import all_rows, failing, filled
from warehouse.port import Warehouse, scalar_of

ALONE: Mapping[int, ClaimedPass | None] = {0: None}


def mend(warehouse: Warehouse, claimed_passes: Mapping[int, ClaimedPass | None] = ALONE) -> dict[str, Repair]:
    """Run the repair; return its findings by name."""
    done = repair(warehouse, lambda shard: PassWriter(warehouse, shard, ManualClock(1), "test"), claimed_passes)
    return {found.name: found for found in done if found.mended or found.left}


def attributed(warehouse: Warehouse) -> FakeIngest:
    """Two passes: five conversions, of which the second pass restates two."""
    log, events = filled(warehouse, 5)
    run(attributor(warehouse, log, SALE))
    for n in range(2):
        log.append(adjustment_of(n, events[n], amount_e4=30_000))
    log.store()
    run(attributor(warehouse, log, SALE))
    return log


def test_nothing_is_done_where_all_is_in_order(warehouse: Warehouse) -> None:
    attributed(warehouse)
    assert failing(warehouse) == []
    before = all_rows(warehouse)
    assert mend(warehouse) == {} and missed(warehouse) == []
    assert all_rows(warehouse) == before


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("where", ["_batch = 1", "_batch = 1 AND _offset IN (0, 2)", "1"])
def test_rows_that_are_gone_come_back_from_their_intents(warehouse: Warehouse, table: str, where: str) -> None:
    attributed(warehouse)
    before, gone = all_rows(warehouse), scalar_of(warehouse.query(f"SELECT count() FROM clew.{table} WHERE {where}"))
    warehouse.execute(f"DELETE FROM clew.{table} WHERE {where}")
    assert failing(warehouse) != []
    assert mend(warehouse) == {f"rows of {table} missing": Repair(f"rows of {table} missing", gone)}
    assert all_rows(warehouse) == before and failing(warehouse) == []


@pytest.mark.parametrize("table", [*TABLES, "passes"])
def test_copies_are_taken_away_and_one_stays(warehouse: Warehouse, table: str) -> None:
    attributed(warehouse)
    before = all_rows(warehouse)
    for _ in range(2):
        again = "SELECT * FROM clew.{0} WHERE {1} SETTINGS insert_deduplicate = 0"
        where = "pass_id = 1" if table == "passes" else "_offset = 0"
        warehouse.execute(f"INSERT INTO clew.{table} {again.format(table, where)}")
    assert failing(warehouse) != []
    (found,) = mend(warehouse).values()
    assert found.name == f"rows of {table} doubled" and found.mended >= 2 and not found.left
    assert all_rows(warehouse) == before and failing(warehouse) == []


def test_two_rows_in_one_place_that_differ_are_left(warehouse: Warehouse) -> None:
    attributed(warehouse)
    warehouse.execute(
        "INSERT INTO clew.commissions SELECT * REPLACE (amount_minor + 1 AS amount_minor) FROM clew.commissions "
        "WHERE _batch = 1 AND _offset = 3"
    )
    (found,) = mend(warehouse).values()
    assert (found.mended, found.left) == (0, 1)
    assert found.examples == ("pass 1 of shard 0, row 3: 2 rows; restore the table from a backup",)


def test_a_pass_that_is_gone_is_ended_again(warehouse: Warehouse) -> None:
    attributed(warehouse)
    warehouse.execute("DELETE FROM clew.passes WHERE pass_id = 1")
    assert mend(warehouse) == {"passes missing": Repair("passes missing", 1)}
    assert failing(warehouse) == []


def test_a_chosen_pass_is_finished(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    _, leases = chosen_pass(warehouse, monkeypatch, "ledger")
    assert "stale intents" in [name for name, _ in failing(warehouse)]
    assert list(mend(warehouse, dict(leases.claims))) == ["passes that were begun and not finished"]
    assert failing(warehouse) == []


def test_what_no_intent_proves_is_named(warehouse: Warehouse) -> None:
    attributed(warehouse)
    warehouse.execute("ALTER TABLE clew.intents DROP PARTITION (0, 0)")
    warehouse.execute("DELETE FROM clew.credits WHERE _batch = 1 AND _offset < 3")
    (found,) = mend(warehouse).values()
    gone = "pass 1 of shard 0: 3 rows, and its intent is no longer kept; restore the table from a backup"
    assert (found.name, found.mended, found.left, found.examples) == ("rows of credits missing", 0, 1, (gone,))
    warehouse.execute("DELETE FROM clew.passes WHERE pass_id = 1")
    (found,) = mend(warehouse).values()
    gone = "pass 1 of shard 0: its intent is no longer kept; restore the table from a backup"
    assert (found.name, found.mended, found.examples) == ("passes missing", 0, (gone,))


def test_conversions_that_were_stored_late_are_credited(warehouse: Warehouse) -> None:
    log = attributed(warehouse)
    late = conversion_of(9, click_ref="t9")
    log.append(touch_of(9))
    log.append(late)
    kept: list[tuple[str, pa.Table, str]] = []
    insert = warehouse.insert
    with pytest.MonkeyPatch.context() as patch:  # ingest commits, but a row of it is lost
        patch.setattr(warehouse, "insert", lambda *call: kept.append(call))
        log.store()
    attribution = attributor(warehouse, log, SALE)
    run(attribution)
    asyncio.run(attribution._write_cursors())
    for call in kept:  # and mended
        insert(*call)
    assert failing(warehouse) == [("conversions neither credited nor a problem", (late.conversion_id.hex(),))]
    assert mend(warehouse) == {} and missed(warehouse) == [late.conversion_id]
    report = asyncio.run(attribution.credit(missed(warehouse)))
    assert report.credited == 1 and missed(warehouse) == [] and failing(warehouse) == []
    assert asyncio.run(attribution.credit([late.conversion_id])).credited == 0
