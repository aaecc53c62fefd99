"""The loop at work: what is in the log comes to the warehouse, in batches, and bad or newer records hold up little."""

import asyncio
from pathlib import Path

import pytest

from eventlog.memory import MemoryConsumer, MemoryLog
from eventlog.port import LogUnavailable, Partition, Position
from ingest.loop import GROUP, Ingest
from runtime.clock import ManualClock
from runtime.metrics import REGISTRY
from schemas.ddl import DATABASE
from schemas.events import CONVERSIONS, HITS, Kind
from tests.contracts.eventlog import close
from tests.eventlog.log_fixture import OWN, SHARED, SqliteFixture
from tests.ingest.ingest_fixture import BAD, HITS_0, NEWER, SALES_0, Faulty, all_offsets, ingest_of, log_of, offsets
from tests.schemas.samples import NOW_US, conversion, refund, rejected, touch, wire
from warehouse.port import Warehouse, WarehouseError, rows_of


def clicks(count: int, first: int = 0) -> list[bytes]:
    return [wire(touch(n)) for n in range(first, first + count)]


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def position(log: MemoryLog, partition: Partition = HITS_0) -> Position | None:
    return asyncio.run(MemoryConsumer(log, GROUP).committed(partition))


def test_every_record_comes_to_its_table(warehouse: Warehouse) -> None:
    sale = conversion("t")
    hits = [wire(touch(1)), wire(rejected()), wire(touch(2), Kind.IMPRESSION), BAD, wire(touch(3))]
    log = log_of(hits, [wire(sale), wire(refund(sale.conversion_id, "r", 1))])
    asyncio.run(ingest_of(log, warehouse).catch_up())
    found = {table: offsets(warehouse, table) for table in ("clicks", "impressions", "rejected", "dead_letters")}
    assert found == {"clicks": [0, 4], "impressions": [2], "rejected": [1], "dead_letters": [3]}
    assert offsets(warehouse, "touches") == [0, 2, 4]
    assert (offsets(warehouse, "conversions", SALES_0), offsets(warehouse, "adjustments", SALES_0)) == ([0], [1])
    assert (position(log), position(log, SALES_0)) == (Position(5), Position(2))


def test_batches_are_bounded_and_add_up(warehouse: Warehouse) -> None:
    faulty, log = Faulty(warehouse), log_of(clicks(25))
    asyncio.run(ingest_of(log, faulty, batch_rows_max=10).catch_up())
    assert [rows for table, _, rows in faulty.tokens if table == "clicks"] == [10, 10, 5]
    faulty = Faulty(warehouse)
    large = log_of([wire(touch(n, user_agent="x" * 1_000)) for n in range(10)])
    asyncio.run(ingest_of(large, faulty, batch_bytes_max=2_500).catch_up())
    assert [rows for table, _, rows in faulty.tokens if table == "clicks"] == [2] * 5
    assert offsets(warehouse, "clicks") == sorted([*range(25), *range(10)])


def test_a_batch_waits_to_fill_but_not_for_long(warehouse: Warehouse) -> None:
    clock, log = ManualClock(NOW_US), log_of(clicks(3))
    ingest = ingest_of(log, warehouse, clock, batch_rows_max=5, batch_age_max_ms=200)

    async def story() -> None:
        assert await ingest.step() == 0
        clock.step_us(150_000)
        log.records[HITS_0] += clicks(1, 3)
        assert await ingest.step() == 0
        clock.step_us(50_000)
        assert await ingest.step() == 4  # the first one is 200 ms old
        log.records[HITS_0] += clicks(1, 4)
        assert await ingest.step() == 0  # a new wait
        log.records[HITS_0] += clicks(4, 5)
        assert await ingest.step() == 5  # full
        log.records[HITS_0] += clicks(2, 9)
        assert await ingest.step(flush=True) == 2

    asyncio.run(story())
    assert offsets(warehouse, "clicks") == list(range(11))


def test_dead_letters_keep_bytes_and_reason_and_are_counted(warehouse: Warehouse) -> None:
    before = metric("clew_ingest_dead_letters_total")
    good = wire(touch(1))
    asyncio.run(ingest_of(log_of([good[:-1], good, BAD]), warehouse).catch_up())
    found = rows_of(
        warehouse.query(f"SELECT _offset, hex(value) AS value, error FROM {DATABASE}.dead_letters ORDER BY _offset")
    )
    assert [(row["_offset"], bytes.fromhex(row["value"])) for row in found] == [(0, good[:-1]), (2, BAD)]
    assert all(row["error"].startswith("click: ") for row in found)
    assert offsets(warehouse, "clicks") == [1]
    assert metric("clew_ingest_dead_letters_total") - before == 2


def test_a_newer_record_pauses_its_partition_and_loses_nothing(warehouse: Warehouse) -> None:
    log = log_of([*clicks(2), NEWER, *clicks(2, 3)], [wire(conversion("t"))])
    ingest = ingest_of(log, warehouse)
    asyncio.run(ingest.catch_up())
    assert all_offsets(warehouse) == [0, 1] and offsets(warehouse, "conversions", SALES_0) == [0]
    assert ingest.paused == {HITS_0: 254} and position(log) == Position(2)
    assert metric("clew_ingest_paused_partitions") == 1
    log.records[SALES_0].append(wire(conversion("t2")))
    asyncio.run(ingest.catch_up())  # the other partition goes on
    assert offsets(warehouse, "conversions", SALES_0) == [0, 1] and all_offsets(warehouse) == [0, 1]
    again = ingest_of(log, warehouse)
    asyncio.run(again.catch_up())  # a restart pauses again
    assert again.paused == {HITS_0: 254} and position(log) == Position(2)
    log.records[HITS_0][2] = clicks(1, 2)[0]  # a Clew that knows the version
    asyncio.run(ingest_of(log, warehouse).catch_up())
    assert all_offsets(warehouse) == [0, 1, 2, 3, 4]


def test_run_goes_on_until_it_is_stopped(warehouse: Warehouse) -> None:
    log = log_of(clicks(3))

    async def story(ingest: Ingest) -> None:
        running = asyncio.create_task(ingest.run())
        for count in (3, 6):
            while offsets(warehouse, "clicks") != list(range(count)):
                await asyncio.sleep(0.005)
            log.records[HITS_0] += clicks(3, count)
        ingest.stop()
        await running

    asyncio.run(asyncio.wait_for(story(ingest_of(log, warehouse)), 60))


def test_what_arrives_until_the_stop_is_stored_by_the_catch_up_after_it(warehouse: Warehouse) -> None:
    log = log_of(clicks(3))

    async def story(ingest: Ingest) -> None:
        ingest.stop()
        await ingest.run()
        assert offsets(warehouse, "clicks") == []
        assert await ingest.catch_up()

    asyncio.run(asyncio.wait_for(story(ingest_of(log, warehouse)), 60))
    assert offsets(warehouse, "clicks") == [0, 1, 2]


def test_a_catch_up_that_cannot_store_ends_when_it_is_stopped(warehouse: Warehouse) -> None:
    faulty, log = Faulty(warehouse), log_of(clicks(3))
    ingest = ingest_of(log, faulty)

    def before(number: int, table: str, rows: object) -> None:
        if number == 2:
            ingest.stop()
        raise WarehouseError("disk is full", 243)

    faulty.before = before
    assert not asyncio.run(asyncio.wait_for(ingest.catch_up(), 60))


def test_a_stop_during_endless_tries_leaves_the_batch_to_the_next_process(warehouse: Warehouse) -> None:
    faulty, log = Faulty(warehouse), log_of(clicks(3))
    ingest = ingest_of(log, faulty)

    def before(number: int, table: str, rows: object) -> None:
        if number == 2:
            ingest.stop()
        raise WarehouseError("disk is full", 243)

    faulty.before = before
    asyncio.run(asyncio.wait_for(ingest.run(), 60))
    interrupted = position(log)
    assert interrupted is not None and interrupted.offset == 0 and interrupted.intent
    asyncio.run(ingest_of(log, warehouse).catch_up())
    assert (offsets(warehouse, "clicks"), position(log)) == ([0, 1, 2], Position(3))


class AwayAtFirst(MemoryConsumer):
    """A log that cannot be read for a while."""

    fails = 3

    async def partitions(self) -> list[Partition]:
        self.fails -= 1
        if self.fails >= 0:
            raise LogUnavailable("the disk is away")
        return sorted(self._log.records)


def test_trouble_with_the_log_is_waited_out(warehouse: Warehouse) -> None:
    consumer = AwayAtFirst(log_of(clicks(2)), GROUP)

    async def story(ingest: Ingest) -> None:
        running = asyncio.create_task(ingest.run())
        while offsets(warehouse, "clicks") != [0, 1]:
            await asyncio.sleep(0.005)
        ingest.stop()
        await running

    asyncio.run(asyncio.wait_for(story(ingest_of(consumer, warehouse)), 60))
    assert consumer.fails < 0


class Marked(MemoryConsumer):
    """A log that tells cheaply whether it has grown."""

    asked = looks = 0

    def growth_mark(self) -> object:
        self.asked += 1
        return [len(records) for records in self._log.records.values()]

    async def partitions(self) -> list[Partition]:
        self.looks += 1
        return sorted(self._log.records)


def test_an_idle_log_is_not_read_until_it_grows(warehouse: Warehouse) -> None:
    log = log_of(clicks(2))
    consumer = Marked(log, GROUP)

    async def story(ingest: Ingest) -> None:
        running = asyncio.create_task(ingest.run())
        while consumer.asked < 50:
            await asyncio.sleep(0.005)
        assert consumer.looks < 10
        log.records[HITS_0] += clicks(1, 2)
        while offsets(warehouse, "clicks") != [0, 1, 2]:
            await asyncio.sleep(0.005)
        asked = consumer.asked
        while consumer.looks < 12:  # it is read at times even so
            await asyncio.sleep(0.005)
        assert consumer.asked > asked
        ingest.stop()
        await running

    asyncio.run(asyncio.wait_for(story(ingest_of(consumer, warehouse, poll_interval_ms=10)), 60))


def test_lag_is_told(warehouse: Warehouse) -> None:
    log = log_of(clicks(7))
    ingest = ingest_of(log, warehouse, batch_rows_max=5)
    asyncio.run(ingest.step())
    assert metric("clew_ingest_lag_records", topic=HITS, partition="0") == 2
    asyncio.run(ingest.step())
    assert metric("clew_ingest_lag_records", topic=HITS, partition="0") == 0


@pytest.mark.parametrize("ingested_before", [True, False])
def test_the_embedded_log_to_the_warehouse(warehouse: Warehouse, tmp_path: Path, ingested_before: bool) -> None:
    """Through real files; and a log that was removed and made again adds its rows, whose offsets are used already."""

    async def story() -> None:
        bench = SqliteFixture(tmp_path)
        producer, consumer = bench.producer(0), bench.consumer(GROUP)
        await producer.append(HITS, b"", clicks(3))
        await producer.decide(CONVERSIONS, [wire(conversion(f"t{n}")) for n in (0, 1, 0)], keys=[b""] * 3)
        ingest = ingest_of(consumer, warehouse)
        if ingested_before:
            await ingest.catch_up()
            assert (offsets(warehouse, "clicks", OWN), offsets(warehouse, "conversions", SHARED)) == ([0, 1, 2], [0, 1])
        bench.remove(OWN)
        await producer.append(HITS, b"", clicks(2, 7))
        await ingest.catch_up()
        await ingest_of(consumer, warehouse).catch_up()
        expected = [0, 0, 1, 1, 2] if ingested_before else [0, 1]
        assert offsets(warehouse, "clicks", OWN) == expected
        assert offsets(warehouse, "conversions", SHARED) == [0, 1]
        assert await consumer.trim() == 0
        await close(producer, consumer)

    asyncio.run(story())
