"""Repair: whatever row was deleted or doubled is as it was, as far as the log is kept; a second run finds nothing."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from eventlog.memory import MemoryConsumer, MemoryLog
from eventlog.port import Partition, Record
from ingest.enrich import Enricher
from ingest.geo import NoGeo
from ingest.loop import GROUP
from operations.findings import Repair
from operations.repair.ingest import IngestRepair, spans, whole_from
from runtime.settings import IngestSettings
from schemas.tables import TABLE
from tests.ingest.dedup_on_read import Appends, appends, check, log_with
from tests.ingest.ingest_fixture import HITS_0, NEWER, Crash, Faulty, all_offsets, ingest_of, log_of, offsets
from tests.schemas.samples import conversion, refund, touch, wire
from warehouse.port import Warehouse, scalar_of

TABLES = (
    "clicks", "impressions", "conversions", "adjustments", "rejected", "dead_letters", "skipped", "touches", "claims",
    "origins",
)  # fmt: skip


def mend(log: MemoryLog | MemoryConsumer, warehouse: Warehouse, rows_max: int = 1_000) -> dict[str, Repair]:
    """Run the repair; return its findings by name."""
    consumer = MemoryConsumer(log, GROUP) if isinstance(log, MemoryLog) else log
    settings = IngestSettings(batch_rows_max=rows_max, retry_backoff_max_ms=1)
    repair = IngestRepair(consumer, warehouse, Enricher(NoGeo(), 100), settings, threading.Event())
    return {one.name: one for one in asyncio.run(repair.run())}


def filled(warehouse: Warehouse, seed: int, count: int = 50) -> tuple[MemoryLog, Appends]:
    made = appends(seed, count)
    log = log_with(made)
    asyncio.run(ingest_of(log, warehouse, batch_rows_max=25).catch_up())
    return log, made


def content(warehouse: Warehouse, table: str) -> list[str]:
    """All rows but for which batch stored them."""
    sql = f"SELECT hex(toString(tuple(* EXCEPT _batch))) AS row FROM clew.{table} ORDER BY row"
    return [str(row) for row in warehouse.query(sql).column(0).to_pylist()]


def execute(warehouse: Warehouse, sql: str) -> None:
    warehouse.execute(sql)


def double(warehouse: Warehouse, table: str, where: str) -> None:
    rows = f"INSERT INTO clew.{table} SELECT * FROM clew.{table} WHERE {where}"
    execute(warehouse, f"{rows} SETTINGS insert_deduplicate = 0")


@pytest.mark.parametrize(
    ("table", "rows_max"), [*((table, 1_000) for table in TABLES), ("claims", 7), ("origins", 7), ("skipped", 7)]
)
def test_rows_that_were_deleted_come_back(warehouse: Warehouse, table: str, rows_max: int) -> None:
    log, made = filled(warehouse, 51)
    before = content(warehouse, table)
    execute(warehouse, f"DELETE FROM clew.{table} WHERE _offset % 3 != 1")
    gone = len(before) - len(content(warehouse, table))
    assert gone
    done = mend(log, warehouse, rows_max)
    if table != "origins":  # which may now be split in another way
        assert content(warehouse, table) == before
        assert sum(one.mended for one in done.values()) == gone
    assert not any(one.left for one in done.values())
    check(warehouse, log, made)
    assert mend(log, warehouse) == {}


def test_rows_that_stand_twice_lose_their_copies(warehouse: Warehouse) -> None:
    log, made = filled(warehouse, 52)
    copies = {}
    for table in TABLES:
        even = int(scalar_of(warehouse.query(f"SELECT countIf(_offset % 2 = 0) FROM clew.{table}")))
        double(warehouse, table, "_offset % 2 = 0")
        double(warehouse, table, f"_offset = (SELECT max(_offset) FROM clew.{table}) LIMIT 1")
        copies[f"rows of {table} doubled"] = even + 1
    assert {name: (one.mended, one.left) for name, one in mend(log, warehouse).items()} == {
        name: (count, 0) for name, count in copies.items()
    }
    check(warehouse, log, made)
    assert mend(log, warehouse) == {}


def test_a_batch_of_which_nothing_is_left(warehouse: Warehouse) -> None:
    log, made = filled(warehouse, 53, 80)
    for table in TABLES:
        execute(warehouse, f"DELETE FROM clew.{table} WHERE _batch = 25")
    assert mend(log, warehouse)["records missing"].mended == 50
    check(warehouse, log, made)


def test_everything_is_gone(warehouse: Warehouse) -> None:
    log, made = filled(warehouse, 54)
    for table in TABLES:
        execute(warehouse, f"TRUNCATE TABLE clew.{table}")
    assert mend(log, warehouse, 11)["records missing"].mended == 100
    check(warehouse, log, made)


def test_a_record_in_two_tables_stays_in_its_own(warehouse: Warehouse) -> None:
    log, made = filled(warehouse, 55)
    columns = ", ".join(f"`{name}`" for name in ("_log", "_source", "_partition", "_offset", "_batch"))
    for table, other in (("clicks", "skipped"), ("conversions", "rejected"), ("adjustments", "dead_letters")):
        execute(warehouse, f"INSERT INTO clew.{other} ({columns}) SELECT {columns} FROM clew.{table} LIMIT 2")
    assert mend(log, warehouse)["records in two tables"] == Repair("records in two tables", 6)
    check(warehouse, log, made)


def test_rows_of_nothing_are_deleted(warehouse: Warehouse) -> None:
    log, made = filled(warehouse, 56)
    for table, change in (("touches", "identity + 1 AS identity"), ("claims", "reverse(key) AS key")):
        rows = f"SELECT * REPLACE ({change}) FROM clew.{table} LIMIT 3"
        execute(warehouse, f"INSERT INTO clew.{table} {rows}")
    done = mend(log, warehouse)
    assert {name: one.mended for name, one in done.items()} == {
        "rows of touches of no record": 3, "rows of claims of no record": 3,
    }  # fmt: skip
    check(warehouse, log, made)


def test_rows_that_differ_are_nobodys_to_choose_from(warehouse: Warehouse) -> None:
    log, _ = filled(warehouse, 57)
    other = "SELECT * REPLACE (amount_minor + 1 AS amount_minor) FROM clew.conversions LIMIT 1"
    execute(warehouse, f"INSERT INTO clew.conversions {other}")
    done = mend(log, warehouse)
    assert [(name, one.mended, one.left) for name, one in done.items()] == [("rows of conversions doubled", 0, 1)]
    assert "its rows differ; restore the table from a backup" in done["rows of conversions doubled"].examples[0]


@pytest.mark.parametrize("number", range(0, 5, 2))
def test_a_repair_that_is_cut_off_is_finished_by_the_next(warehouse: Warehouse, number: int) -> None:
    log, made = filled(warehouse, 58)
    double(warehouse, "touches", "_offset % 2 = 0")
    for table in TABLES:
        execute(warehouse, f"DELETE FROM clew.{table} WHERE _offset % 5 = 2")
    faulty = Faulty(warehouse)

    def end(at: int, table: str, rows: object) -> None:
        if at == number * 3:
            raise Crash

    faulty.after = end
    with pytest.raises(Crash):
        mend(log, faulty)
    mend(log, warehouse)
    check(warehouse, log, made)
    assert mend(log, warehouse) == {}


def test_a_log_that_was_ruled_over(warehouse: Warehouse) -> None:
    sale = conversion("t")
    log = log_of(
        [wire(touch(n, visitor_id="v")) for n in range(30)], [wire(sale), wire(refund(sale.conversion_id, "r", 1))]
    )
    asyncio.run(ingest_of(log, warehouse, batch_rows_max=10).catch_up())
    before = {table: content(warehouse, table) for table in ("clicks", "touches", "conversions", "adjustments")}
    execute(warehouse, "DELETE FROM clew.clicks WHERE _offset IN (0, 15, 29)")
    execute(warehouse, "DELETE FROM clew.touches WHERE _offset IN (3, 15)")
    execute(warehouse, "TRUNCATE TABLE clew.adjustments")
    double(warehouse, "conversions", "1")
    done = {name: one.mended for name, one in mend(log, warehouse).items()}
    assert done == {"records missing": 4, "rows of touches missing": 4, "rows of conversions doubled": 1}
    assert {table: content(warehouse, table) for table in before} == before


class Kept(MemoryConsumer):
    """Records before an offset are no longer kept."""

    kept = 30

    async def begin(self, partition: Partition) -> int:
        return self.kept

    async def read(self, partition: Partition, offset: int, rows_max: int, bytes_max: int) -> Sequence[Record]:
        assert offset >= self.kept
        return await super().read(partition, offset, rows_max, bytes_max)


def test_what_the_log_keeps_no_longer_is_named(warehouse: Warehouse) -> None:
    log = log_of([wire(touch(n)) for n in range(60)])
    asyncio.run(ingest_of(log, warehouse, batch_rows_max=25).catch_up())
    execute(warehouse, "DELETE FROM clew.clicks WHERE _offset IN (10, 31, 55)")
    double(warehouse, "clicks", "_offset = 3")
    done = mend(Kept(log, GROUP), warehouse)
    assert done["rows of clicks doubled"] == Repair("rows of clicks doubled", 1)
    assert (done["records missing"].mended, done["records missing"].left) == (1, 1)
    assert ": 2 before offset 50, from where on the log keeps whole batches" in done["records missing"].examples[0]
    assert offsets(warehouse, "clicks") == [n for n in range(60) if n not in (10, 31)]


def test_what_is_not_committed_is_left_alone(warehouse: Warehouse) -> None:
    log = log_of([wire(touch(n)) for n in range(5)])
    asyncio.run(ingest_of(log, warehouse).catch_up())
    log.records[HITS_0].append(wire(touch(5)))
    assert mend(log, warehouse) == {} and all_offsets(warehouse) == list(range(5))


def test_a_record_of_a_newer_clew_ends_its_partition(warehouse: Warehouse) -> None:
    log = log_of([wire(touch(n)) for n in range(5)])
    asyncio.run(ingest_of(log, warehouse).catch_up())
    execute(warehouse, "DELETE FROM clew.clicks WHERE _offset IN (1, 4)")
    log.records[HITS_0][3] = NEWER
    [done] = mend(log, warehouse).values()
    assert (done.mended, done.left) == (1, 1) and "offset 3: a newer Clew wrote it" in done.examples[0]


def test_where_batches_begin() -> None:
    assert spans(0, 10, [0, 4, 4, 20], 3) == [(0, 2), (3, 3), (4, 6), (7, 9)]
    assert spans(5, 5, [0], 3) == []
    assert (whole_from(0, 9, [3]), whole_from(5, 9, [3, 7]), whole_from(8, 9, [3, 7])) == (0, 7, 9)
    assert (whole_from(5, 9, [5]), whole_from(20, 9, [])) == (5, 9)
    assert all(TABLE[name] for name in TABLES)
