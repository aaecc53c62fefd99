"""Killed processes and torn files: what was answered is there, or what is left is a beginning without holes."""

import asyncio
import shutil
from pathlib import Path

import pytest

from eventlog.port import Partition, Position
from schemas.events import CONVERSIONS, HITS, Conversion
from schemas.wire import decode
from tests.contracts.eventlog import close, read_all, sales, values
from tests.eventlog import load
from tests.eventlog.log_fixture import OWN, SHARED, SqliteFixture

TXN_COUNT = 24


def check(folder: Path, answered: list[load.RecordPosition]) -> None:
    """Every answered record is at its place, no sale is there twice, offsets have no gap, the log goes on."""

    async def story() -> None:
        bench = SqliteFixture(folder)
        consumer = bench.consumer("check")
        stored: dict[tuple[str, int, int], str] = {}
        for partition in await consumer.partitions():
            found = await read_all(consumer, partition)
            assert [record.offset for record in found] == list(range(len(found)))
            for record in found:
                stored[(*partition, record.offset)] = name_of(partition, record.value)
        for topic, number, offset, name in answered:
            assert stored[(topic, number, offset)] == name
        sold = [name for (topic, _, _), name in stored.items() if topic == CONVERSIONS]
        assert len(sold) == len(set(sold))
        producer = bench.producer(0)
        again = await producer.decide(CONVERSIONS, sales(*sold), keys=[b""] * len(sold))
        assert [one.decision.verdict for one in again] == ["duplicate"] * len(sold)
        ends = {partition: await consumer.end(partition) for partition in await consumer.partitions()}
        assert (await producer.append(HITS, b"", [b"next"]))[0].offset == ends[OWN]
        results = await producer.decide(CONVERSIONS, sales("next"), keys=[b""])
        assert results[0].appended is not None and results[0].appended.offset == ends[SHARED]
        await close(producer, consumer)

    asyncio.run(story())


def name_of(partition: Partition, value: bytes) -> str:
    """Return the name that `load` gives a record."""
    if partition.topic == HITS:
        return value.decode()
    event = decode(value)[1]
    assert isinstance(event, Conversion)
    return event.txn_id


def test_two_processes_write_the_shared_file(tmp_path: Path) -> None:
    processes = [load.start(tmp_path, worker, TXN_COUNT) for worker in (0, 1)]
    said = [process.communicate(timeout=60)[0].splitlines(keepends=True) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    answered = load.places(said[0] + said[1])
    check(tmp_path, answered)
    sold = sorted(name for topic, _, _, name in answered if topic == CONVERSIONS)
    mine = [f"{worker}-{n}" for worker in (0, 1) for n in range(TXN_COUNT)]
    assert sold == sorted(mine + [f"shared-{n}" for n in range(TXN_COUNT)])  # each shared one accepted once


@pytest.mark.parametrize("after_lines", [1, 30])
def test_a_killed_process_loses_nothing_that_it_answered(tmp_path: Path, after_lines: int) -> None:
    process = load.start(tmp_path, 0, 1_000_000)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(after_lines)]
    process.kill()
    lines += process.communicate(timeout=60)[0].splitlines(keepends=True)
    check(tmp_path, load.places(lines))


# -- torn files: copies of what is on disk while the writer is at rest, as a lost power supply would leave it


def make_image(folder: Path, ingested: Position | None = None) -> Path:
    """A folder whose log holds 40 hits and 40 sales in its write-ahead files, one transaction each."""

    async def story() -> None:
        bench = SqliteFixture(folder / "live")
        producer, consumer = bench.producer(0), bench.consumer("ingest")
        for n in range(40):
            await producer.append(HITS, b"", [b"%d" % n])
            await producer.decide(CONVERSIONS, sales(f"t{n}"), keys=[b""])
        if ingested is not None:
            await consumer.commit(OWN, ingested)
        shutil.copytree(bench.folder, folder / "image", ignore=shutil.ignore_patterns("*-shm"))
        await close(producer, consumer)

    asyncio.run(story())
    return folder / "image"


def tear(wal: Path, how: str) -> None:
    """Damage the end of a write-ahead file."""
    data = bytearray(wal.read_bytes())
    if how.startswith("cut "):
        del data[-int(how.removeprefix("cut ")) :]
    elif how.startswith("flip "):
        data[-int(how.removeprefix("flip "))] ^= 0xFF
    elif how == "zeros":
        data[-9_000:] = bytes(9_000)
    else:
        data.clear()
    wal.write_bytes(data)


TEARS = ["cut 1", "cut 2000", "cut 4120", "cut 50000", "flip 1", "flip 4100", "flip 30000", "zeros", "all"]


@pytest.mark.parametrize("how", TEARS)
def test_a_torn_tail_leaves_a_beginning_without_holes(tmp_path: Path, how: str) -> None:
    image = make_image(tmp_path)
    for name in ("hits-1.sqlite-wal", "conversions-0.sqlite-wal"):
        tear(image / name, how)
    check(image, [])

    async def kept() -> int:
        consumer = SqliteFixture(image).consumer("check")
        found = await read_all(consumer, OWN)
        assert [record.value for record in found[:-1]] == values(len(found) - 1)  # the last one is `check`'s
        await consumer.close()
        return len(found) - 1

    # What is before the damage was acknowledged and synced earlier, so it must not go with the rest.
    least = {"cut 50000": 20, "flip 30000": 25, "all": 0}.get(how, 36)
    assert least <= asyncio.run(kept()) < 40


@pytest.mark.parametrize("ingested", [Position(40), Position(10, "offsets 10 to 39")])
def test_offsets_that_were_ingested_are_not_given_again(tmp_path: Path, ingested: Position) -> None:
    """The torn off records are in the warehouse: new ones in their place would pass for stored."""
    image = make_image(tmp_path, ingested)
    tear(image / "hits-1.sqlite-wal", "cut 50000")

    async def story() -> None:
        bench = SqliteFixture(image)
        producer, consumer = bench.producer(0), bench.consumer("ingest")
        assert await consumer.end(OWN) < 40
        assert (await producer.append(HITS, b"", [b"new", b"newer"]))[0].offset == 40
        assert await consumer.committed(OWN) == ingested
        assert [record.value for record in await read_all(consumer, OWN, 40)] == [b"new", b"newer"]
        await close(producer, consumer)
        producer = bench.producer(0)
        assert (await producer.append(HITS, b"", [b"newest"]))[0].offset == 42
        await producer.close()

    asyncio.run(story())


def test_claims_and_records_go_together(tmp_path: Path) -> None:
    """However much is torn off, there is no claim without its record and no record without its claim."""
    image = make_image(tmp_path)
    wal = image / "conversions-0.sqlite-wal"
    size = wal.stat().st_size
    for cut in (5_000, size // 3, size // 2):
        folder = image.with_name(f"cut{cut}")
        shutil.copytree(image, folder)
        tear(folder / wal.name, f"cut {cut}")
        with SqliteFixture(folder).locked(SHARED) as connection:
            claimed = {row[0] for row in connection.execute("SELECT key FROM keys")}
            stored = [decode(row[0])[1] for row in connection.execute("SELECT value FROM records")]
        assert claimed == {event.conversion_id for event in stored if isinstance(event, Conversion)}
        assert 0 < len(claimed) < 40
