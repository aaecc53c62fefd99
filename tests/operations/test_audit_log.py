"""`log_checks` finds every changed row, whatever the log still holds, and nothing if all rows are right."""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventlog.port import Partition, Position
from eventlog.sqlite.consumer import SqliteConsumer
from eventlog.sqlite.file import path_of
from eventlog.sqlite.producer import SqliteProducer
from ingest.enrich import Enricher
from ingest.geo import open_geo
from ingest.intent import Intent
from ingest.loop import GROUP, Ingest
from operations.audit import log
from operations.audit.log import log_checks
from operations.findings import Check
from runtime.clock import ManualClock
from runtime.settings import IngestSettings, LogSettings
from schemas.dedup.rules import decide
from schemas.events import CONVERSIONS, HITS, Kind
from schemas.identity import of_visitor
from tests.schemas.samples import DAY_US, NOW_US, conversion, refund, rejected, touch, wire
from warehouse.port import Warehouse, scalar_of

OWN, SHARED = Partition(HITS, 1), Partition(CONVERSIONS, 0)
OFFSETS, TAIL, INTENTS = "offsets missing or doubled", "log tail that is not ingested", "stale intents of ingest"
AHEAD, GONE = "rows beyond the committed position", "logs that are gone (for information)"
TOUCHES, UNREADABLE = "touches unequal to clicks and impressions", "log that cannot be read"
CLAIMS, RANGES = "claims unequal to what claims keys", "ranges of appends unequal to records"
KEYED = ("clicks", "impressions", "conversions", "adjustments")


class Installation:
    """A log folder with its ends, an ingest over it, and the audit of both."""

    def __init__(self, folder: Path, warehouse: Warehouse) -> None:
        self.folder, self.warehouse, self.clock = folder, warehouse, ManualClock(NOW_US)
        self.consumer = SqliteConsumer(folder, GROUP, LogSettings(retention_age_max_s=1), self.clock)
        enricher = Enricher(open_geo(None), 100)
        self.ingest = Ingest(self.consumer, warehouse, enricher, IngestSettings(batch_rows_max=7), self.clock, "test")

    async def append(self, first: int = 0, count: int = 20) -> None:
        """Touches under one to four identities and over two months, a rejected hit, a dead letter, conversions."""
        producer = SqliteProducer(self.folder, 0, LogSettings(), self.clock, decide)
        clicks = [
            wire(
                touch(
                    n, ts=NOW_US + (n % 2) * 40 * DAY_US, visitor_id=("", "ann", "~hash")[n % 3],
                    user_id=("", "u1")[n % 2], ref=f"r{n}" if n % 5 == 0 else "",
                )
            )
            for n in range(first, first + count)
        ]  # fmt: skip
        impressions = [wire(touch(n + 1000, visitor_id="bob"), Kind.IMPRESSION) for n in range(first, first + 3)]
        await producer.append(HITS, b"", [*clicks, wire(rejected()), b"\x01\xff no record", *impressions])
        sales = [conversion(f"o{n}") for n in range(first, first + count)]
        await producer.decide(CONVERSIONS, [wire(sale) for sale in sales], keys=[sale.conversion_id for sale in sales])
        back = refund(sales[0].conversion_id, f"r{first}", 10_000)
        await producer.decide(CONVERSIONS, [wire(back)], keys=[back.conversion_id])
        await producer.close()

    async def fill(self, first: int = 0, count: int = 20) -> None:
        await self.append(first, count)
        await self.ingest.catch_up()

    async def audit(self, *, settled: bool = True) -> dict[str, Check]:
        checks = await log_checks(self.warehouse, self.consumer, settled=settled)
        return {check.name: check for check in checks}

    async def failed(self) -> set[str]:
        return {name for name, check in (await self.audit()).items() if not check.ok}

    def tamper(self, sql: str) -> None:
        self.warehouse.execute(f"{sql} SETTINGS mutations_sync = 2" if sql.startswith("ALTER") else sql)


@pytest.fixture
def installation(tmp_path: Path, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(log, "_WAIT_S", 0.3)
    made = Installation(tmp_path / "log", warehouse)
    yield made
    asyncio.run(made.consumer.close())


def delete(table: str, where: str) -> str:
    return f"ALTER TABLE clew.{table} DELETE WHERE {where}"


def double(table: str, where: str) -> str:
    return f"INSERT INTO clew.{table} SELECT * FROM clew.{table} WHERE {where} SETTINGS insert_deduplicate = 0"


def test_a_sound_directory_passes(installation: Installation) -> None:
    async def story() -> None:
        assert await installation.failed() == set()
        await installation.fill()
        checks = await installation.audit()
        assert {name for name, check in checks.items() if not check.ok} == set()
        twice = (f"{table} that stand twice" for table in KEYED)
        assert set(checks) == {OFFSETS, TAIL, INTENTS, AHEAD, GONE, TOUCHES, CLAIMS, RANGES, *twice}
        assert checks[GONE].found == 0
        assert checks[OFFSETS].to_json() == {
            "name": OFFSETS,
            "ok": True,
            "found": 0,
            "examples": [],
        }

    asyncio.run(story())


@pytest.mark.parametrize("trimmed", [False, True], ids=["in the log", "trimmed"])
@pytest.mark.parametrize(
    "table", ["clicks", "impressions", "conversions", "adjustments", "rejected", "dead_letters", "touches"]
)
def test_any_row_that_is_touched_is_found(installation: Installation, table: str, trimmed: bool) -> None:
    async def story() -> None:
        await installation.fill()
        if trimmed:
            installation.clock.step_us(DAY_US)
            assert await installation.consumer.trim() > 30
        installation.tamper(f"CREATE OR REPLACE TABLE default.sound ENGINE = Memory AS SELECT * FROM clew.{table}")
        for way, which in itertools.product((delete, double), ("min", "max")):
            installation.tamper(way(table, f"_offset = (SELECT {which}(_offset) FROM clew.{table})"))
            check = (await installation.audit())[TOUCHES if table == "touches" else OFFSETS]
            assert not check.ok, f"{way.__name__} {which}"
            assert check.found >= 1 and check.examples
            installation.tamper(f"TRUNCATE TABLE clew.{table}")
            installation.tamper(f"INSERT INTO clew.{table} SELECT * FROM default.sound SETTINGS insert_deduplicate = 0")
        assert await installation.failed() == set()

    asyncio.run(story())


def test_the_very_last_row_is_missed_and_named(installation: Installation) -> None:
    async def story() -> None:
        await installation.fill()
        installation.tamper(delete("adjustments", "1"))
        check = (await installation.audit())[OFFSETS]
        log_id = await installation.consumer.log_id(SHARED)
        assert check.examples == (f"conversions-0 of log {log_id[:8]}: offset 20 is missing",)
        assert check.found == 1

    asyncio.run(story())


def test_a_swap_that_keeps_every_count_is_found(installation: Installation) -> None:
    async def story() -> None:
        await installation.fill()
        installation.tamper(delete("conversions", "_offset = 3"))
        installation.tamper(double("conversions", "_offset = 4"))
        check = (await installation.audit())[OFFSETS]
        assert [example.split(": ")[1] for example in check.examples] == [
            "offset 3 is missing",
            "offset 4 stands 2 times",
        ]

    asyncio.run(story())


def test_a_lost_table_is_counted(installation: Installation) -> None:
    async def story() -> None:
        await installation.fill(0, 100)
        installation.tamper("TRUNCATE TABLE clew.clicks")
        checks = await installation.audit()
        assert checks[OFFSETS].found == 100
        assert len(checks[OFFSETS].examples) == 5
        assert not checks[TOUCHES].ok

    asyncio.run(story())


def test_only_buckets_that_differ_are_looked_into(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        monkeypatch.setattr("operations.audit.event_rows._BUCKET_ROWS", 4)
        await installation.fill(0, 60)
        assert await installation.failed() == set()
        installation.tamper(delete("conversions", "_offset IN (0, 5, 11, 12, 21, 29, 44)"))
        check = (await installation.audit())[OFFSETS]
        assert check.found == 7
        assert len(check.examples) == 5

    asyncio.run(story())


def test_one_row_of_a_touch_is_told_from_another(installation: Installation) -> None:
    async def story() -> None:
        await installation.fill()
        installation.tamper(delete("touches", f"identity = {of_visitor('ann')} AND _offset = 1"))
        installation.tamper(double("touches", f"identity = {of_visitor('ann')} AND _offset = 7"))
        check = (await installation.audit())[TOUCHES]
        assert not check.ok
        assert check.examples == ("clicks of 2026-02: touches has 26 rows, but of others",)

    asyncio.run(story())


def test_ids_that_stand_twice(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.audit.event_rows._KEYS_PER_PASS_MAX", 6)

    async def story() -> None:
        await installation.fill()
        again = "* REPLACE (_offset + 1000 AS _offset)"
        for table in KEYED:
            newest = f"_offset = (SELECT max(_offset) FROM clew.{table})"
            one = f"(SELECT * FROM clew.{table} WHERE {newest})"
            installation.tamper(f"INSERT INTO clew.{table} SELECT {again} FROM {one}")
        checks = await installation.audit()
        for table in KEYED:
            assert checks[f"{table} that stand twice"].found == 1
        click = scalar_of(installation.warehouse.query("SELECT max(base64URLEncode(click_id)) FROM clew.clicks"))
        assert checks["clicks that stand twice"].examples == (f"{click} stands 2 times",)
        assert checks[AHEAD].found == 4

    asyncio.run(story())


def test_a_tail_that_nobody_ingests(installation: Installation) -> None:
    async def story() -> None:
        await installation.fill()
        await installation.append(20, 5)
        for settled in (True, False):
            check = (await installation.audit(settled=settled))[TAIL]
            assert check.found == 10 + 6
            assert "hits-1" in check.examples[1] and "10 records from offset 25 on" in check.examples[1]
        await installation.ingest.catch_up()
        assert await installation.failed() == set()

    asyncio.run(story())


def test_traffic_beside_the_audit_is_no_fault(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        await installation.fill()
        monkeypatch.setattr(log, "_WAIT_S", 5.0)

        async def traffic() -> None:
            for n in range(1, 5):
                await installation.append(n * 100, 50)
                await asyncio.sleep(0.01)

        flowing = asyncio.create_task(traffic())
        storing = asyncio.create_task(installation.ingest.run())
        while not flowing.done():
            assert await installation.failed() == set()
        await flowing
        installation.ingest.stop()
        await storing

    asyncio.run(story())


def test_records_that_were_trimmed_before_they_were_stored(installation: Installation) -> None:
    async def story() -> None:
        await installation.fill()
        installation.clock.step_us(DAY_US)
        assert await installation.consumer.trim() > 30
        await installation.consumer.commit(OWN, Position(3))
        examples = (await installation.audit())[TAIL].examples
        assert any("it begins at offset 24; 21 of them are lost" in example for example in examples)

    asyncio.run(story())


def test_a_batch_that_was_never_finished(installation: Installation) -> None:
    async def story() -> None:
        await installation.fill()
        await installation.append(20, 5)
        intent = Intent(30, 1, "epoch", NOW_US // 1000, "test").encode()
        await installation.consumer.commit(OWN, Position(25, intent))
        check = (await installation.audit())[INTENTS]
        assert "the batch of offsets 25 to 30 is not finished" in check.examples[0]
        await installation.consumer.commit(OWN, Position(25, intent + "x"))
        assert "is damaged" in (await installation.audit())[INTENTS].examples[0]

    asyncio.run(story())


def test_half_a_batch_is_announced_by_its_intent(installation: Installation) -> None:
    async def story() -> None:
        await installation.fill()
        await installation.consumer.commit(OWN, Position(20, Intent(24, 1, "epoch", 0, "test").encode()))
        assert await installation.failed() == {INTENTS, TAIL}
        await installation.consumer.commit(OWN, Position(20))
        assert await installation.failed() == {AHEAD, TAIL}

    asyncio.run(story())


def test_logs_with_the_same_name_are_told_apart(installation: Installation) -> None:
    async def story() -> None:
        await installation.fill()
        old = await installation.consumer.log_id(OWN)
        for file in installation.folder.glob("hits-1.sqlite*"):
            file.unlink()
        await installation.fill(100, 30)
        assert await installation.consumer.log_id(OWN) != old
        checks = await installation.audit()
        assert not [name for name, check in checks.items() if not check.ok]
        assert checks[GONE].examples == (f"hits-1 of log {old[:8]}: gone after 25 stored records",)
        installation.tamper(delete("clicks", f"_log = '{old}' AND _offset = 5"))
        check = (await installation.audit())[OFFSETS]
        assert check.examples == (f"hits-1 of log {old[:8]}: offset 5 is missing",)

    asyncio.run(story())


def test_a_log_that_went_before_anything_was_stored(installation: Installation) -> None:
    async def story() -> None:
        await installation.append()
        await installation.consumer.commit(OWN, Position(0))
        log_id = await installation.consumer.log_id(OWN)
        path_of(installation.folder, OWN).unlink()
        await installation.ingest.catch_up()
        check = (await installation.audit())[GONE]
        assert check.examples == (f"hits-1 of log {log_id[:8]}: gone after 0 stored records",)

    asyncio.run(story())


def test_positions_that_are_gone(installation: Installation) -> None:
    async def story() -> None:
        await installation.fill()
        await installation.consumer.close()
        for file in installation.folder.glob("positions.sqlite*"):
            file.unlink()
        installation.consumer = SqliteConsumer(installation.folder, GROUP, LogSettings(), installation.clock)
        assert await installation.failed() == set()
        installation.tamper(delete("rejected", "1"))
        assert await installation.failed() == {OFFSETS}

    asyncio.run(story())


def test_a_log_that_cannot_be_read(installation: Installation) -> None:
    async def story() -> None:
        await installation.fill()
        await installation.consumer.end(OWN)
        path_of(installation.folder, OWN).write_bytes(b"no database" * 1000)
        checks = await installation.audit()
        assert list(checks) == [UNREADABLE] and not checks[UNREADABLE].ok

    asyncio.run(story())
