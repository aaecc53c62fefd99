"""Files that people or faults remove: a new log has a new identity, and nothing is acknowledged into a lost one."""

import asyncio
from pathlib import Path

import pytest

from eventlog.port import LogUnavailable, Partition, Position, Record
from eventlog.sqlite import file
from schemas.dedup.rules import Decision, GetState
from schemas.events import CONVERSIONS, HITS
from tests.contracts.eventlog import close, read_all, sales
from tests.eventlog.log_fixture import OWN, SHARED, SqliteFixture


def test_a_removed_file_is_made_anew_while_the_producer_has_it_open(tmp_path: Path) -> None:
    async def story() -> None:
        bench = SqliteFixture(tmp_path)
        producer, consumer = bench.producer(0), bench.consumer("ingest")
        await producer.append(HITS, b"", [b"a", b"b"])
        await consumer.commit(OWN, Position(2))
        before = await consumer.log_id(OWN)
        bench.remove(OWN)
        assert (await producer.append(HITS, b"", [b"c"]))[0].offset == 0
        assert await consumer.log_id(OWN) != before
        assert await consumer.committed(OWN) is None
        assert await read_all(consumer, OWN) == [Record(0, b"c")]
        assert await consumer.forgotten() == [(OWN, before, 2)]
        late = bench.consumer("ingest")
        assert await read_all(late, OWN) == [Record(0, b"c")]
        await close(producer, consumer, late)

    asyncio.run(story())


@pytest.mark.parametrize("remade", [False, True])
def test_what_was_written_into_a_removed_file_is_not_acknowledged(tmp_path: Path, remade: bool) -> None:
    """The file goes between the look at it and the commit."""
    bench = SqliteFixture(tmp_path)

    def removing(get: GetState, value: bytes) -> Decision:
        if value == b"removes the file":
            (bench.remake if remade else bench.remove)(SHARED)
        return Decision("accepted", value)

    async def story() -> None:
        producer, consumer = bench.producer(0, removing), bench.consumer("ingest")
        calls = [[b"waits in the same group"], [b"removes the file"]]
        answers = await asyncio.gather(
            *(producer.decide(CONVERSIONS, call, keys=call) for call in calls), return_exceptions=True
        )
        # Both, if they shared the commit; the one before may have had a commit of its own.
        assert isinstance(answers[1], LogUnavailable) and "removed" in str(answers[1])
        results = await producer.decide(CONVERSIONS, [b"later"], keys=[b""])
        assert results[0].appended is not None and results[0].appended.offset == 0
        assert await read_all(consumer, SHARED) == [Record(0, b"later")]
        assert await producer.unhealthy_reason() is None
        await close(producer, consumer)

    asyncio.run(story())


def test_a_removed_file_does_not_take_another_producers_records_with_it(tmp_path: Path) -> None:
    """One producer has moved on to the new file when the other one lets go of the old."""

    async def story() -> None:
        bench = SqliteFixture(tmp_path)
        quick, slow = bench.producer(0), bench.producer(1)
        await slow.decide(CONVERSIONS, sales("old"), keys=[b""])
        bench.remove(SHARED)
        await quick.decide(CONVERSIONS, sales("new"), keys=[b""])
        await slow.decide(CONVERSIONS, sales("newer", "new"), keys=[b"", b""])
        await slow.close()
        await quick.decide(CONVERSIONS, sales("newest"), keys=[b""])
        consumer = bench.consumer("ingest")
        assert [record.value for record in await read_all(consumer, SHARED)] == sales("new", "newer", "newest")
        await close(quick, consumer)

    asyncio.run(story())


def test_a_left_over_write_ahead_file_is_not_replayed_into_a_new_log(tmp_path: Path) -> None:
    async def story() -> None:
        bench = SqliteFixture(tmp_path)
        producer = bench.producer(0)
        await producer.append(HITS, b"", [b"old"])
        left = bench.path(OWN).with_name("hits-1.sqlite-wal").read_bytes()
        await producer.close()
        bench.remove(OWN)
        bench.path(OWN).with_name("hits-1.sqlite-wal").write_bytes(left)
        producer, consumer = bench.producer(0), bench.consumer("ingest")
        assert (await producer.append(HITS, b"", [b"new"]))[0].offset == 0
        assert await read_all(consumer, OWN) == [Record(0, b"new")]
        await close(producer, consumer)

    asyncio.run(story())


def test_a_file_that_is_gone_is_unavailable_to_readers(tmp_path: Path) -> None:
    async def story() -> None:
        bench = SqliteFixture(tmp_path)
        producer, consumer = bench.producer(0), bench.consumer("ingest")
        await producer.append(HITS, b"", [b"x"])
        await consumer.log_id(OWN)
        await producer.close()
        bench.remove(OWN)
        assert OWN not in await consumer.partitions()
        for call in (consumer.log_id, consumer.end, consumer.begin, consumer.committed):
            with pytest.raises(LogUnavailable, match="missing"):
                await call(OWN)
        with pytest.raises(LogUnavailable, match="missing"):
            await consumer.commit(OWN, Position(1))
        await consumer.close()

    asyncio.run(story())


def test_a_half_made_file_is_never_seen(tmp_path: Path) -> None:
    """A crash while a file was made leaves its working name, which is thrown away."""
    (tmp_path / "hits-1.sqlite.new").write_bytes(b"torn")
    (tmp_path / "hits-1.sqlite.new-wal").write_bytes(b"torn")

    async def story() -> None:
        bench = SqliteFixture(tmp_path)
        producer, consumer = bench.producer(0), bench.consumer("ingest")
        assert (await producer.append(HITS, b"", [b"x"]))[0].offset == 0
        assert len(await consumer.partitions()) == 3
        await close(producer, consumer)

    asyncio.run(story())
    assert not list(tmp_path.glob("*.new*"))


def test_other_files_of_the_folder_are_no_partitions(tmp_path: Path) -> None:
    (tmp_path / "hits-old.sqlite").write_bytes(b"")
    (tmp_path / "hits-1.sqlite.bak").write_bytes(b"")

    async def story() -> None:
        bench = SqliteFixture(tmp_path)
        producer, consumer = bench.producer(3), bench.consumer("ingest")
        expected = [SHARED, Partition(HITS, 0), Partition(HITS, 4)]
        assert list(await consumer.partitions()) == expected
        assert [file.partition_of(bench.path(partition)) for partition in expected] == expected
        await close(producer, consumer)

    asyncio.run(story())


def test_names_of_folders_may_have_any_letters(tmp_path: Path) -> None:
    async def story() -> None:
        bench = SqliteFixture(tmp_path / "50% of #1?mode=ro")
        producer, consumer = bench.producer(0), bench.consumer("ingest")
        await producer.append(HITS, b"", [b"x"])
        assert await read_all(consumer, OWN) == [Record(0, b"x")]
        await close(producer, consumer)

    asyncio.run(story())
