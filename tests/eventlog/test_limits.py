"""Full disks, locks, bounds and odd clocks: what cannot be durable is refused, and the log works on afterwards."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventlog.port import LogFull, LogUnavailable, Position, Record
from runtime.clock import ManualClock
from schemas.events import CONVERSIONS, HITS
from tests.conftest import skip_or_fail
from tests.contracts.eventlog import close, decide, read_all, sales, values
from tests.eventlog.log_fixture import OWN, SHARED, SqliteFixture
from tests.schemas.samples import NOW_US

BLOCK = bytes(range(256)) * 64


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "clew-test", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        skip_or_fail("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(file: Path) -> None:
    """Leave no byte of the file's disk free."""
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as ballast:
        while ballast.write(bytes(4_096)):
            pass


def test_a_full_disk_refuses_and_then_goes_on(small_disk: Path) -> None:
    async def story() -> None:
        (small_disk / "ballast").write_bytes(bytes(500_000))
        bench = SqliteFixture(small_disk / "log")
        producer, consumer = bench.producer(0), bench.consumer("ingest")
        answered: list[bytes] = []
        errors: list[LogUnavailable] = []
        while len(errors) < 3 and len(answered) < 1_000:
            value = b"%d " % len(answered) + BLOCK
            try:
                places = await producer.append(HITS, b"", [value])
            except LogUnavailable as error:
                errors.append(error)
            else:
                assert places[0].offset == len(answered)
                answered.append(value)
        assert isinstance(errors[0], LogFull) and "full" in str(errors[0]) and errors[0].retry_after_s >= 1
        assert "free" in (await producer.unhealthy_reason() or "")
        (small_disk / "ballast").unlink()
        assert await producer.unhealthy_reason() is None
        places = await producer.append(HITS, b"", [b"again"])
        found = [record.value for record in await read_all(consumer, OWN)]
        assert found == [*answered, b"again"] and places[0].offset == len(answered)
        await close(producer, consumer)

    asyncio.run(story())


def test_a_full_disk_refuses_everyone_in_the_group(small_disk: Path) -> None:
    async def story() -> None:
        bench = SqliteFixture(small_disk / "log")
        producer, consumer = bench.producer(0), bench.consumer("ingest")
        await decide(producer, sales("before"))
        fill(small_disk / "ballast")
        huge = producer.append(CONVERSIONS, b"", [BLOCK * 20])
        calls = [huge, *(producer.decide(CONVERSIONS, sales(f"t{n}"), keys=[b""]) for n in range(5))]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(answers[0], LogUnavailable)
        refused = [f"t{n}" for n, answer in enumerate(answers[1:]) if isinstance(answer, LogUnavailable)]
        (small_disk / "ballast").unlink()
        assert await decide(producer, sales(*refused)) == ["accepted"] * len(refused)  # they claimed nothing
        assert await decide(producer, sales(*(f"t{n}" for n in range(5)))) == ["duplicate"] * 5
        assert await consumer.end(SHARED) == 6
        await close(producer, consumer)

    asyncio.run(story())


def test_a_locked_file_is_waited_for_and_then_refused(tmp_path: Path) -> None:
    async def story() -> None:
        bench = SqliteFixture(tmp_path, busy_timeout_ms=50)
        producer, consumer = bench.producer(0), bench.consumer("ingest")
        with bench.locked(SHARED):
            with pytest.raises(LogUnavailable, match="locked"):
                await decide(producer, sales("a"))
            assert "locked" in (await producer.unhealthy_reason() or "")
            await producer.append(HITS, b"", [b"the other file goes on"])
        assert await producer.unhealthy_reason() is None
        assert await decide(producer, sales("a")) == ["accepted"]
        assert await consumer.end(SHARED) == 1
        await close(producer, consumer)

    asyncio.run(story())


def test_a_short_lock_is_waited_out(tmp_path: Path) -> None:
    async def story() -> None:
        bench = SqliteFixture(tmp_path, busy_timeout_ms=30_000)
        producer = bench.producer(0)
        with bench.locked(SHARED):
            waiting = asyncio.ensure_future(decide(producer, sales("a")))
            await asyncio.sleep(0.05)
            assert not waiting.done()
        assert await waiting == ["accepted"]
        await producer.close()

    asyncio.run(story())


@pytest.mark.parametrize("patient", [True, False])
def test_the_queue_is_bounded(tmp_path: Path, patient: bool) -> None:
    """Records count until the disk is done with them, whether their callers still wait or have given up."""

    async def story() -> None:
        bench = SqliteFixture(tmp_path, queue_rows_max=10, busy_timeout_ms=30_000)
        producer = bench.producer(0)
        with bench.locked(OWN):
            waiting = [asyncio.ensure_future(producer.append(HITS, b"", values(3, f"{n}-"))) for n in range(3)]
            await asyncio.sleep(0)
            if not patient:
                for task in waiting:
                    task.cancel()
                await asyncio.wait(waiting)
            with pytest.raises(LogUnavailable, match="wait"):
                await producer.append(HITS, b"", values(2))
            last = asyncio.ensure_future(producer.append(HITS, b"", values(1)))
            await asyncio.sleep(0)
        await last
        assert len(await producer.append(HITS, b"", values(50))) == 50  # alone, any size may pass
        await producer.close()

    asyncio.run(story())


def test_a_closed_log_refuses(tmp_path: Path) -> None:
    async def story() -> None:
        producer = SqliteFixture(tmp_path).producer(0)
        await producer.close()
        with pytest.raises(LogUnavailable, match="closed"):
            await producer.append(HITS, b"", [b"x"])

    asyncio.run(story())


def test_log_bytes_max_refuses_until_records_are_dropped(tmp_path: Path) -> None:
    async def story() -> None:
        bench = SqliteFixture(tmp_path, log_bytes_max=200_000, retention_bytes_max=0)
        producer, consumer = bench.producer(0), bench.consumer("ingest")
        count = 0
        with pytest.raises(LogFull, match="log_bytes_max"):
            while count < 1_000:
                await producer.append(HITS, b"", [BLOCK])
                count += 1
        assert 200_000 < count * len(BLOCK) < 200_000 + 65 * len(BLOCK)
        with pytest.raises(LogFull):
            await producer.append(HITS, b"", [b"small"])
        assert "log_bytes_max" in (await producer.unhealthy_reason() or "")
        await consumer.commit(OWN, Position(count))
        assert await consumer.trim() == count - 1
        assert await producer.unhealthy_reason() is None
        assert (await producer.append(HITS, b"", [b"small"]))[0].offset == count
        await close(producer, consumer)

    asyncio.run(story())


def test_records_are_kept_for_their_time(tmp_path: Path) -> None:
    async def story() -> None:
        clock = ManualClock(NOW_US)
        bench = SqliteFixture(tmp_path, clock, retention_age_max_s=100)
        producer, consumer = bench.producer(0), bench.consumer("ingest")
        for _ in range(3):
            await producer.append(HITS, b"", values(2))
            clock.step_us(60_000_000)
        await consumer.commit(OWN, Position(6))
        assert await consumer.trim() == 4  # they are 180, 120 and 60 s old
        assert await consumer.begin(OWN) == 4
        clock.step_us(1_000_000_000)
        assert await consumer.trim() == 1
        assert await read_all(consumer, OWN) == [Record(5, b"1")]
        assert await consumer.trim() == 0
        await close(producer, consumer)

    asyncio.run(story())


def test_a_clock_that_goes_back_changes_no_order_and_drops_nothing_uncommitted(tmp_path: Path) -> None:
    async def story() -> None:
        clock = ManualClock(NOW_US)
        bench = SqliteFixture(tmp_path, clock, retention_age_max_s=100)
        producer, consumer = bench.producer(0), bench.consumer("ingest")
        for n in range(4):
            assert (await producer.append(HITS, b"", [b"%d" % n]))[0].offset == n
            clock.step_us(-3_600_000_000)
        await consumer.commit(OWN, Position(2))
        clock.us = NOW_US
        await consumer.trim()
        assert await read_all(consumer, OWN, 2) == [Record(2, b"2"), Record(3, b"3")]
        assert (await producer.append(HITS, b"", [b"4"]))[0].offset == 4
        await close(producer, consumer)

    asyncio.run(story())


def test_dedupe_keys_are_forgotten_after_their_time(tmp_path: Path) -> None:
    async def story() -> None:
        clock = ManualClock(NOW_US)
        bench = SqliteFixture(tmp_path, clock, dedupe_keys_age_max_s=1_000)
        producer, consumer = bench.producer(0), bench.consumer("ingest")
        await decide(producer, sales("old"))
        clock.step_us(900_000_000)
        await decide(producer, sales("young"))
        await consumer.commit(SHARED, Position(2))
        await consumer.trim()
        assert await decide(producer, sales("old", "young")) == ["duplicate", "duplicate"]
        clock.step_us(200_000_000)
        await consumer.trim()
        assert await decide(producer, sales("young", "old")) == ["duplicate", "accepted"]
        await close(producer, consumer)

    asyncio.run(story())
