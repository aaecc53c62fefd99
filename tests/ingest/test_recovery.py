"""A crash at any point, then a new process: every row exactly once, in every table."""

import asyncio
from collections import Counter

import pyarrow as pa
import pytest

from eventlog.memory import MemoryConsumer, MemoryLog
from eventlog.port import Partition, Position, Record
from ingest.intent import Intent
from ingest.loop import GROUP
from ingest.resume import newest_batch
from schemas import identity
from schemas.ddl import DATABASE
from schemas.events import Kind, Touch
from schemas.wire import decode
from tests.ingest.ingest_fixture import (
    BAD,
    HITS_0,
    NEWER,
    SALES_0,
    Crash,
    Faulty,
    LosesCommits,
    all_offsets,
    ingest_of,
    log_of,
    offsets,
)
from tests.schemas.samples import NOW_US, conversion, refund, rejected, touch, wire
from warehouse.port import Warehouse, scalar_of

MONTH_US = 31 * 86_400_000_000
TABLES_OF_HITS = ["clicks", "impressions", "rejected", "touches", "dead_letters"]


def hits() -> list[bytes]:
    """Twelve records of all kinds, some with several identities."""
    found = [wire(touch(n, visitor_id=f"v{n % 3}", ref=f"a{n}")) for n in range(4)]
    found += [wire(touch(n, user_id="u"), Kind.IMPRESSION) for n in range(4, 7)]
    return [*found, wire(rejected()), BAD, wire(touch(9)), wire(rejected()), b"\1"]


def sales() -> list[bytes]:
    made = [conversion(f"t{n}") for n in range(3)]
    return [*map(wire, made), wire(refund(made[0].conversion_id, "r", 10_000))]


def check(warehouse: Warehouse, log: MemoryLog) -> None:
    """Each record is in one event table once, each touch under each identity once, and all is committed."""
    for partition, records in log.records.items():
        assert all_offsets(warehouse, partition) == list(range(len(records)))
        done = asyncio.run(MemoryConsumer(log, GROUP).committed(partition))
        assert done == Position(len(records))
    expected = Counter(
        (offset, key) for offset, record in enumerate(log.records[HITS_0]) for key in identities_of(record)
    )
    found = warehouse.query(f"SELECT _offset, identity FROM {DATABASE}.touches")
    assert Counter(zip(found.column(0).to_pylist(), found.column(1).to_pylist(), strict=True)) == expected
    for table in ("clicks", "impressions", "conversions", "adjustments"):
        assert scalar_of(warehouse.query(f"SELECT uniqExact(_batch) <= 3 FROM {DATABASE}.{table}"))


def identities_of(record: bytes) -> list[int]:
    """Return the identities of a record in `touches`."""
    try:
        kind, event = decode(record)
    except ValueError:
        return []
    return list(identity.of_touch(kind, event)) if isinstance(event, Touch) else []


def crash_at(faulty: Faulty, number: int, when: str) -> None:
    """End the process at its n-th insert."""

    def end(at: int, table: str, rows: pa.Table) -> None:
        if at == number:
            raise Crash

    setattr(faulty, when, end)


def run_until_crash(log: MemoryLog, faulty: Faulty) -> None:
    with pytest.raises(Crash):
        asyncio.run(ingest_of(log, faulty).catch_up())


@pytest.mark.parametrize(
    ("number", "when"), [(0, "before"), *((number, "after") for number in range(len(TABLES_OF_HITS)))]
)
@pytest.mark.parametrize("more", [False, True])
def test_a_crash_at_each_insert(warehouse: Warehouse, number: int, when: str, more: bool) -> None:
    log, faulty = log_of(hits()), Faulty(warehouse)
    crash_at(faulty, number, when)
    run_until_crash(log, faulty)
    stored = number + (when == "after")
    assert [table for table, _, _ in faulty.tokens] == TABLES_OF_HITS[:stored]
    if more:  # the log goes on meanwhile; the interrupted batch stays the one that it was
        log.records[HITS_0] += hits()
    asyncio.run(ingest_of(log, Faulty(warehouse)).catch_up())
    check(warehouse, log)


@pytest.mark.parametrize("number", range(len(TABLES_OF_HITS)))
@pytest.mark.parametrize("times", [1, 3])
def test_a_token_that_outlived_its_rows(warehouse: Warehouse, number: int, times: int) -> None:
    """The killed insert's token is in the deduplication log and its part is not; so it may go several times."""
    log, ghosts = log_of(hits()), set[str]()
    for _ in range(times):
        faulty = Faulty(warehouse)
        faulty.ghosts = frozenset(ghosts)

        def end(at: int, table: str, rows: pa.Table) -> None:
            if table == TABLES_OF_HITS[number]:
                raise Crash

        faulty.before = end
        run_until_crash(log, faulty)
        ghosts.add(faulty.last_token)
    last = Faulty(warehouse)
    last.ghosts = frozenset(ghosts)
    asyncio.run(ingest_of(log, last).catch_up())
    check(warehouse, log)


@pytest.mark.parametrize("number", range(2))
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_among_conversions(warehouse: Warehouse, number: int, when: str) -> None:
    log, faulty = log_of([], sales()), Faulty(warehouse)
    crash_at(faulty, number, when)
    run_until_crash(log, faulty)
    asyncio.run(ingest_of(log, warehouse).catch_up())
    check(warehouse, log)


@pytest.mark.parametrize("commits", range(7))
def test_a_crash_at_each_commit(warehouse: Warehouse, commits: int) -> None:
    """Of the position that is missing, of the intent, and of what was stored, for both partitions."""
    log = log_of(hits(), sales())
    try:
        asyncio.run(ingest_of(LosesCommits(log, commits), warehouse).catch_up())
    except Crash:
        assert commits < 6
    asyncio.run(ingest_of(log, warehouse).catch_up())
    check(warehouse, log)


@pytest.mark.parametrize("second", range(4))
def test_a_crash_while_it_recovers(warehouse: Warehouse, second: int) -> None:
    log, faulty = log_of(hits()), Faulty(warehouse)
    crash_at(faulty, 1, "after")
    run_until_crash(log, faulty)
    again = Faulty(warehouse)
    crash_at(again, second, "before" if second == 3 else "after")
    try:
        asyncio.run(ingest_of(log, again).catch_up())
    except Crash:
        assert len(again.tokens) == second + (second != 3)
    asyncio.run(ingest_of(log, warehouse).catch_up())
    check(warehouse, log)


@pytest.mark.parametrize("number", range(3))
def test_a_crash_between_the_blocks_of_many_months(warehouse: Warehouse, number: int) -> None:
    """One table, three blocks: the rest is inserted, however it is split now."""
    events = [conversion(f"t{n}", event_ts=NOW_US + n * MONTH_US) for n in range(30)]
    log, faulty = log_of([], [wire(event) for event in reversed(events)]), Faulty(warehouse)
    crash_at(faulty, number, "after")
    run_until_crash(log, faulty)
    assert len(offsets(warehouse, "conversions", SALES_0)) == [12, 24, 30][number]
    asyncio.run(ingest_of(log, warehouse).catch_up())
    check(warehouse, log)


def test_a_block_of_which_only_some_months_are_there(warehouse: Warehouse) -> None:
    """The engine writes a part per month; killed between them, it leaves some."""
    log, faulty = (
        log_of([], [wire(conversion(f"t{n}", event_ts=NOW_US + n * MONTH_US)) for n in range(6)]),
        Faulty(warehouse),
    )
    crash_at(faulty, 0, "after")
    run_until_crash(log, faulty)
    partitions = (
        "SELECT DISTINCT partition FROM system.parts WHERE database = 'clew' AND table = 'conversions' AND active"
    )
    for month in sorted(warehouse.query(partitions).column(0).to_pylist())[::2]:
        warehouse.execute(f"ALTER TABLE clew.conversions DROP PARTITION {month}")
    assert len(offsets(warehouse, "conversions", SALES_0)) == 3
    asyncio.run(ingest_of(log, warehouse).catch_up())
    check(warehouse, log)


@pytest.mark.parametrize("bytes_max", [1, 200, 10**6])
def test_recovery_reads_exactly_the_batch(warehouse: Warehouse, bytes_max: int) -> None:
    """However many reads it takes now, and whatever size batches have by now."""
    log, faulty = log_of(hits()), Faulty(warehouse)
    crash_at(faulty, 2, "before")
    run_until_crash(log, faulty)
    log.records[HITS_0] += hits()
    asyncio.run(ingest_of(log, warehouse, batch_bytes_max=bytes_max, batch_rows_max=5).catch_up())
    assert all_offsets(warehouse) == list(range(24))
    first = warehouse.query(f"SELECT uniqExact(_batch) FROM {DATABASE}.clicks WHERE _offset < 12")
    assert scalar_of(first) == 1


def test_an_intent_of_other_rules_is_finished_with_todays(warehouse: Warehouse) -> None:
    """Clew was upgraded between the crash and the start: what is missing is read by the new rules."""
    log = log_of(hits())
    old = Intent(11, 1, "the rules of last year", 0, "0.0.1").encode()
    asyncio.run(MemoryConsumer(log, GROUP).commit(HITS_0, Position(0, old)))
    asyncio.run(ingest_of(log, warehouse).catch_up())
    asyncio.run(ingest_of(log, warehouse).catch_up())
    check(warehouse, log)


def test_a_damaged_intent_is_not_guessed_at(warehouse: Warehouse) -> None:
    log = log_of(hits())
    asyncio.run(MemoryConsumer(log, GROUP).commit(HITS_0, Position(0, "v2|11|damaged")))
    with pytest.raises(RuntimeError, match="clew audit"):
        asyncio.run(ingest_of(log, warehouse).catch_up())
    assert all_offsets(warehouse) == []


def test_a_newer_record_in_an_interrupted_batch_is_not_lost(warehouse: Warehouse) -> None:
    """A newer Clew crashed in the middle of a batch, and an older one starts."""
    log = log_of([*hits()[:2], NEWER, *hits()[2:4]])
    newer = Intent(4, 254, "rules", 0, "9.9.9").encode()
    asyncio.run(MemoryConsumer(log, GROUP).commit(HITS_0, Position(0, newer)))
    ingest = ingest_of(log, warehouse)
    asyncio.run(asyncio.wait_for(ingest.catch_up(), 60))
    left = asyncio.run(MemoryConsumer(log, GROUP).committed(HITS_0))
    assert ingest.paused == {HITS_0: 254} and left is not None and left.offset <= 2


class TornTail(MemoryConsumer):
    """Offsets 6 to 11 were torn off with the log's tail; new records start at 12."""

    reads = 0

    async def read(self, partition: Partition, offset: int, rows_max: int, bytes_max: int) -> list[Record]:
        self.reads += 1
        assert self.reads < 100, "it reads for ever"
        found = await super().read(partition, offset, 1_000, bytes_max)
        return [record for record in found if not 6 <= record.offset < 12][:rows_max]


def test_records_of_an_interrupted_batch_that_are_gone_do_not_hold_it_up(warehouse: Warehouse) -> None:
    log, faulty = log_of(hits()), Faulty(warehouse)
    crash_at(faulty, 0, "after")
    run_until_crash(log, faulty)
    log.records[HITS_0] += hits()

    async def story() -> None:
        await asyncio.wait_for(ingest_of(TornTail(log, GROUP), warehouse).catch_up(), 60)

    asyncio.run(story())
    found = all_offsets(warehouse)
    assert len(found) == len(set(found)) and set(found) >= {*range(6), *range(12, 24)}


# -- positions that are gone


def test_lost_positions_resume_after_what_is_stored(warehouse: Warehouse) -> None:
    log = log_of(hits(), sales())
    asyncio.run(ingest_of(log, warehouse).catch_up())
    log.positions.clear()
    log.records[HITS_0] += hits()
    faulty = Faulty(warehouse)
    asyncio.run(ingest_of(log, faulty).catch_up())
    assert sum(rows for table, _, rows in faulty.tokens if table != "touches") == len(hits())
    check(warehouse, log)


@pytest.mark.parametrize("last", [BAD, wire(rejected()), wire(touch(9)), wire(touch(9), Kind.IMPRESSION)])
def test_the_newest_record_may_be_in_any_table(warehouse: Warehouse, last: bytes) -> None:
    log = log_of([*hits(), last])
    asyncio.run(ingest_of(log, warehouse).catch_up())
    newest = newest_batch(warehouse, HITS_0, log.log_ids[HITS_0])
    assert newest is not None and newest.hi == 12


def test_only_rows_of_this_very_log_count(warehouse: Warehouse) -> None:
    other, log = log_of(hits()), log_of(hits()[:5])
    asyncio.run(ingest_of(other, warehouse).catch_up())
    assert newest_batch(warehouse, HITS_0, log.log_ids[HITS_0]) is None
    assert newest_batch(warehouse, Partition("hits", 3), other.log_ids[HITS_0]) is None
    assert newest_batch(warehouse, SALES_0, other.log_ids[HITS_0]) is None
    asyncio.run(ingest_of(log, warehouse).catch_up())
    assert all_offsets(warehouse) == sorted([*range(12), *range(5)])


def test_positions_lost_in_the_middle_of_a_batch(warehouse: Warehouse) -> None:
    """Clicks are stored and touches are not: the rest of that batch still comes."""
    log, faulty = log_of(hits()), Faulty(warehouse)
    crash_at(faulty, 2, "after")
    run_until_crash(log, faulty)
    log.positions.clear()
    asyncio.run(ingest_of(log, warehouse).catch_up())
    check(warehouse, log)
