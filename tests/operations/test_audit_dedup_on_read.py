"""The audit of a log that consumers deduplicate finds a change of any row of any table."""

import asyncio

import pytest

from eventlog.memory import MemoryConsumer, MemoryLog
from eventlog.port import AppendId
from ingest.loop import GROUP
from operations.audit import log as audit_log
from operations.audit.log import log_checks
from operations.findings import Check
from schemas.tables import TABLE
from tests.ingest.dedup_on_read import Appends, appends, log_with
from tests.ingest.ingest_fixture import HITS_0, SALES_0, ingest_of
from tests.schemas.samples import touch, wire
from warehouse.port import Warehouse

OFFSETS, TOUCHES = "offsets missing or doubled", "touches unequal to clicks and impressions"
CLAIMS, RANGES = "claims unequal to what claims keys", "ranges of appends unequal to records"
FOUND_BY = {
    **dict.fromkeys(("clicks", "impressions", "conversions", "adjustments", "rejected", "dead_letters"), OFFSETS),
    "skipped": OFFSETS,
    "touches": TOUCHES,
    "claims": CLAIMS,
    "origins": RANGES,
}


@pytest.fixture(autouse=True)
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "_WAIT_S", 0.1)


def filled(warehouse: Warehouse, made: Appends) -> MemoryLog:
    log = log_with(made)
    asyncio.run(ingest_of(log, warehouse, batch_rows_max=25).catch_up())
    return log


def audit(warehouse: Warehouse, log: MemoryLog) -> dict[str, Check]:
    checks = asyncio.run(log_checks(warehouse, MemoryConsumer(log, GROUP), settled=True))
    return {check.name: check for check in checks}


def failed(warehouse: Warehouse, log: MemoryLog) -> set[str]:
    return {name for name, check in audit(warehouse, log).items() if not check.ok}


def tamper(warehouse: Warehouse, table: str, way: str, which: str) -> None:
    """Delete or double the first or the last row, by offset and key."""
    columns = ", ".join(["_source", "_offset", *TABLE[table].order_by.strip("()").split(", ")])
    order = "DESC" if which == "last" else "ASC"
    row = f"SELECT cityHash64({columns}) FROM clew.{table} ORDER BY _source {order}, _offset {order} LIMIT 1"
    [[digest]] = [column.to_pylist() for column in warehouse.query(row).columns]
    where = f"cityHash64({columns}) = {digest}"
    if way == "deleted":
        warehouse.execute(f"ALTER TABLE clew.{table} DELETE WHERE {where} SETTINGS mutations_sync = 2")
    else:
        again = f"INSERT INTO clew.{table} SELECT * FROM clew.{table} WHERE {where}"
        warehouse.execute(f"{again} SETTINGS insert_deduplicate = 0")


@pytest.mark.parametrize("table", FOUND_BY)
def test_any_row_that_is_touched_is_found(warehouse: Warehouse, table: str) -> None:
    log = filled(warehouse, appends(41, 80))
    assert failed(warehouse, log) == set()
    warehouse.execute(f"CREATE OR REPLACE TABLE default.sound ENGINE = Memory AS SELECT * FROM clew.{table}")
    for way, which in (("deleted", "last"), ("doubled", "first")):
        tamper(warehouse, table, way, which)
        check = audit(warehouse, log)[FOUND_BY[table]]
        assert not check.ok and check.found >= 1 and check.examples, f"{which} {way}"
        warehouse.execute(f"TRUNCATE TABLE clew.{table}")
        warehouse.execute(f"INSERT INTO clew.{table} SELECT * FROM default.sound SETTINGS insert_deduplicate = 0")
    assert failed(warehouse, log) == set()


@pytest.mark.parametrize("table", ["claims", "origins"])
def test_a_table_that_was_emptied_is_missed(warehouse: Warehouse, table: str) -> None:
    log = filled(warehouse, appends(42, 60))
    warehouse.execute(f"TRUNCATE TABLE clew.{table}")
    assert FOUND_BY[table] in failed(warehouse, log)


def test_a_claim_that_changed_places_is_found(warehouse: Warehouse) -> None:
    log = filled(warehouse, {SALES_0: appends(43, 60)[SALES_0]})
    one = "(SELECT min(_offset) FROM clew.claims)"
    warehouse.execute(
        f"INSERT INTO clew.claims SELECT * REPLACE (_offset + 1 AS _offset) FROM clew.claims WHERE _offset = {one}"
    )
    warehouse.execute(f"ALTER TABLE clew.claims DELETE WHERE _offset = {one} SETTINGS mutations_sync = 2")
    assert failed(warehouse, log) == {CLAIMS}


def test_what_a_batch_has_written_so_far_is_no_fault(warehouse: Warehouse) -> None:
    """Rows at and after the committed position belong to a batch that is not done."""
    made = appends(44, 60)
    log = filled(warehouse, made)
    for partition in made:
        value, _ = made[partition][0]
        log.put(partition, value, AppendId(b"z" * 16, 0))
    assert failed(warehouse, log) == {"log tail that is not ingested"}
    asyncio.run(ingest_of(log, warehouse).catch_up())
    assert failed(warehouse, log) == set()


def test_a_remade_topic_and_records_of_nobody(warehouse: Warehouse) -> None:
    filled(warehouse, appends(45, 50))
    log = log_with(appends(46, 50))
    log.records[HITS_0] += [wire(touch(n)) for n in range(3)]
    asyncio.run(ingest_of(log, warehouse).catch_up())
    checks = audit(warehouse, log)
    assert {name for name, check in checks.items() if not check.ok} == set()
    assert checks["logs that are gone (for information)"].found == 2
