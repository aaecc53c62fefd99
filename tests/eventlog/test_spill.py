"""The local log of an edge: durable, bounded, in order, and emptied by whoever comes after a kill."""

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eventlog.kafka import file_slots
from eventlog.kafka.append_batch import Entry
from eventlog.kafka.append_ids import AppendIds
from eventlog.kafka.spill import Spill
from eventlog.kafka.spill_drain import Drain
from eventlog.kafka.spill_file import Candidate
from eventlog.port import AppendId, LogFull, LogUnavailable, Partition
from runtime.file_lock import FileLocked
from schemas.dedup.rules import decide
from schemas.events import CONVERSIONS, HITS
from tests.conftest import ROOT
from tests.eventlog.fake_kafka import FakeAppender, FakeKafka
from tests.schemas.samples import conversion, wire

SALES = Partition(CONVERSIONS, 0)
CLICKS = Partition(HITS, 1)
ORIGIN = b"o" * 16


def open_spill(folder: Path, bytes_max: int = 1 << 30, known: dict[bytes, bytes] | None = None) -> Spill:
    append_ids = AppendIds(ORIGIN)
    states = known or {}
    return Spill(
        file_slots.take(folder, "spill"), bytes_max, decide, lambda _, key: states.get(key),
        lambda partition: append_ids.next(partition, spilled=True),
    )  # fmt: skip


def entries(first: int, count: int, size: int = 10) -> list[Entry]:
    return [Entry(b"k%d" % n, b"%0*d" % (size, n), AppendId(ORIGIN, n)) for n in range(first, first + count)]


def sale(txn_id: str, **fields: int) -> Candidate:
    event = conversion(txn_id, **fields)
    return Candidate(event.conversion_id, wire(event))


async def sequences(spill: Spill, partition: Partition) -> list[int]:
    found, _ = await spill.next(partition, 1_000_000, 1 << 40)
    return [entry.append_id.sequence for entry in found]


def test_records_come_out_as_they_went_in(tmp_path: Path) -> None:
    async def story() -> None:
        spill = open_spill(tmp_path)
        await asyncio.gather(
            *(spill.put(CLICKS, entries(n * 10, 10)) for n in range(20)), spill.put(SALES, entries(0, 3))
        )
        assert (spill.records, spill.backlog(CLICKS), spill.partitions()) == (203, 200, [SALES, CLICKS])
        found, last = await spill.next(CLICKS, 7, 1 << 20)
        assert found == [
            entry._replace(append_id=AppendId(ORIGIN, n, spilled=True)) for n, entry in enumerate(entries(0, 7))
        ]
        await spill.drop(CLICKS, found, last)
        assert await sequences(spill, CLICKS) == list(range(7, 200))
        assert await sequences(spill, SALES) == [0, 1, 2]
        await spill.close()
        again = open_spill(tmp_path)
        assert (again.records, again.backlog(CLICKS)) == (196, 193)
        assert again.size_bytes == sum(len(e.key) + len(e.value) + 64 for e in [*entries(7, 193), *entries(0, 3)])
        await again.put(CLICKS, entries(200, 1))
        assert await sequences(again, CLICKS) == list(range(7, 201))
        await again.close()

    asyncio.run(story())


def test_a_batch_is_bounded_but_has_one(tmp_path: Path) -> None:
    async def story() -> None:
        spill = open_spill(tmp_path)
        await spill.put(CLICKS, entries(0, 5, size=1_000))
        for bytes_max, count in ((1, 1), (2_500, 2), (1 << 20, 5)):
            assert len((await spill.next(CLICKS, 100, bytes_max))[0]) == count
        await spill.close()

    asyncio.run(story())


def test_the_bound_holds_and_opens_again(tmp_path: Path) -> None:
    async def story() -> None:
        spill = open_spill(tmp_path, bytes_max=10_000)
        kept = await asyncio.gather(*(spill.put(CLICKS, entries(n, 1, 500)) for n in range(40)), return_exceptions=True)
        assert 0 < kept.count(None) < 40 and {type(one) for one in kept if one is not None} == {LogFull}
        assert spill.size_bytes <= 10_000 and spill.full
        with pytest.raises(LogFull):
            await spill.decide(SALES, [sale("x" * 500)], dry_run=False)
        tried = await spill.decide(SALES, [sale("x" * 500)], dry_run=True)
        assert [one.verdict for one in tried] == ["accepted"]
        await spill.drop(CLICKS, *await spill.next(CLICKS, 5, 1 << 20))
        await spill.put(CLICKS, entries(100, 1, 500))
        await spill.close()

    asyncio.run(story())


def test_verdicts_are_by_what_is_known_here(tmp_path: Path) -> None:
    async def story() -> None:
        decision = decide(lambda _: None, sale("known").value)
        spill = open_spill(tmp_path, known=decision.puts)
        calls = [[sale("a"), sale("known"), sale("a")], [sale("a", amount_minor=1)], [sale("b"), sale("b")]]
        found = await asyncio.gather(*(spill.decide(SALES, call, dry_run=False) for call in calls))
        assert [[one.verdict for one in call] for call in found] == [
            ["accepted", "duplicate", "duplicate"], ["conflict"], ["accepted", "duplicate"],
        ]  # fmt: skip
        kept, last = await spill.next(SALES, 100, 1 << 20)
        assert [(entry.value, entry.append_id) for entry in kept] == [
            (sale("a").value, AppendId(ORIGIN, 0, spilled=True)), (sale("b").value, AppendId(ORIGIN, 1, spilled=True)),
        ]  # fmt: skip
        await spill.drop(SALES, kept, last)  # the log has them now, so it alone says what is known
        assert [one.verdict for one in await spill.decide(SALES, [sale("a")], dry_run=True)] == ["accepted"]
        await spill.close()

    asyncio.run(story())


def test_a_call_that_breaks_leaves_nothing_and_harms_nobody(tmp_path: Path) -> None:
    async def story() -> None:
        spill = open_spill(tmp_path)
        bad = Candidate(b"", b"no record at all")
        calls = [[sale("a")], [sale("b"), bad], [sale("c")]]
        found = await asyncio.gather(
            *(spill.decide(SALES, call, dry_run=False) for call in calls), return_exceptions=True
        )
        assert [isinstance(call, Exception) for call in found] == [False, True, False]
        kept, _ = await spill.next(SALES, 100, 1 << 20)
        assert [entry.value for entry in kept] == [sale("a").value, sale("c").value]
        await spill.close()

    asyncio.run(story())


def test_a_file_that_cannot_be_written_is_said_and_passes(tmp_path: Path) -> None:
    async def story() -> None:
        spill = open_spill(tmp_path)
        await spill.put(CLICKS, entries(0, 1))
        with locked(tmp_path / "spill-0.sqlite"):
            with pytest.raises(LogUnavailable, match="locked"):
                await spill.put(CLICKS, entries(1, 1))
            assert "locked" in spill.trouble
        await spill.put(CLICKS, ())
        assert spill.trouble == ""
        await spill.put(CLICKS, entries(1, 1))
        assert await sequences(spill, CLICKS) == [0, 1]
        await spill.close()

    asyncio.run(story())


def test_a_commit_that_fails_and_gets_in_all_the_same_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        spill = open_spill(tmp_path)
        commit = spill._file.commit

        def commit_and_fail(group: Any) -> Any:
            commit(group)
            raise OSError("the sync failed")

        monkeypatch.setattr(spill._file, "commit", commit_and_fail)
        with pytest.raises(LogUnavailable, match="the sync failed"):
            await spill.put(CLICKS, entries(0, 3))
        monkeypatch.undo()
        await spill.put(CLICKS, entries(3, 2))
        assert spill.backlog(CLICKS) == 5
        await spill.drop(CLICKS, *await spill.next(CLICKS, 100, 1 << 20))
        assert (spill.backlog(CLICKS), spill.size_bytes) == (0, 0)
        await spill.close()

    asyncio.run(story())


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


def test_slots_are_taken_once_and_again_after_their_holder(tmp_path: Path) -> None:
    one, two, other = (file_slots.take(tmp_path, name) for name in ("spill", "spill", "keys"))
    assert [slot.number for slot in (one, two, other)] == ["0", "1", "0"]
    one.path.touch()
    two.path.touch()
    assert list(file_slots.take_left(tmp_path, "spill")) == []
    one.let_go()
    (left,) = file_slots.take_left(tmp_path, "spill")
    assert left.path == one.path
    third = file_slots.take(tmp_path, "spill")
    assert third.number == "2"
    for slot in (left, two, third, other):
        slot.let_go()


def test_slots_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_slots, "SLOTS_MAX", 1)
    only = file_slots.take(tmp_path, "spill")
    with pytest.raises(FileLocked, match="1 processes use"):
        file_slots.take(tmp_path, "spill")
    only.let_go()


CHILD = """
import asyncio, sys
from pathlib import Path
from tests.eventlog.test_spill import CLICKS, SALES, entries, open_spill, sale

async def main():
    spill = open_spill(Path(sys.argv[1]))
    for n in range(100_000):
        await asyncio.gather(spill.put(CLICKS, entries(n, 1)), spill.decide(SALES, [sale(f"t{n}")], dry_run=False))
        print(n, flush=True)

asyncio.run(main())
"""


def test_a_kill_loses_nothing_and_the_next_one_sends_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(50)]
        process.kill()
        said += process.stdout.readlines()
    answered = 1 + max(int(line) for line in said if line.endswith("\n"))

    async def story() -> FakeKafka:
        kafka, spill = FakeKafka(), open_spill(tmp_path)
        drain = Drain(spill, FakeAppender(kafka), 1, 1_000)
        await drain.all_emptied()
        await spill.close()
        return kafka

    kafka = asyncio.run(story())
    clicks = [record.append_id.sequence for record in kafka.records[CLICKS] if record.append_id]
    assert clicks == list(range(len(clicks))) and answered <= len(clicks) <= answered + 1
    sales = kafka.values(CONVERSIONS)
    assert sales == [sale(f"t{n}").value for n in range(len(sales))] and answered <= len(sales) <= answered + 1


@pytest.mark.parametrize("trouble", ["down", "losing"])
def test_a_drain_goes_on_until_all_is_there_once(tmp_path: Path, trouble: str) -> None:
    """Answers that are lost make repeats, which readers know by their append ids."""

    async def story() -> FakeKafka:
        kafka, spill = FakeKafka(), open_spill(tmp_path)
        await spill.put(CLICKS, entries(0, 2_500))
        await spill.put(SALES, entries(0, 10))
        setattr(kafka, trouble, True)
        drain = Drain(spill, FakeAppender(kafka), 5, 20)
        for partition in spill.partitions():
            drain.wake(partition)
        while not (drain.is_away(CLICKS) and drain.is_away(SALES)):
            await asyncio.sleep(0.002)
        assert drain.away and spill.records == 2_510
        setattr(kafka, trouble, False)
        await asyncio.gather(drain.emptied(CLICKS), drain.emptied(SALES))
        assert (drain.away, spill.records) == ("", 0)
        await drain.close()
        await spill.close()
        return kafka

    kafka = asyncio.run(story())
    assert [sequence for partition, _, sequence, _ in kafka.first_appends(HITS) if partition == CLICKS] == list(
        range(2_500)
    )
    assert [sequence for _, _, sequence, _ in kafka.first_appends(CONVERSIONS)] == list(range(10))
    assert (len(kafka.records[CLICKS]) > 2_500) is (trouble == "losing")


def test_one_partition_that_is_away_holds_up_no_other(tmp_path: Path) -> None:
    async def story() -> None:
        kafka, spill = FakeKafka(), open_spill(tmp_path)

        class OneAway(FakeAppender):
            async def append(self, partition: Partition, given: object) -> list[int]:
                if partition == SALES:
                    raise LogUnavailable("no leader")
                return kafka.put(partition, given)  # type: ignore[arg-type]

        await spill.put(SALES, entries(0, 3))
        await spill.put(CLICKS, entries(0, 3))
        drain = Drain(spill, OneAway(kafka), 5, 1_000)
        for partition in spill.partitions():
            drain.wake(partition)
        await drain.emptied(CLICKS)
        assert (spill.partitions(), drain.is_away(SALES), drain.is_away(CLICKS)) == ([SALES], True, False)
        await drain.close()
        await spill.close()

    asyncio.run(story())


def test_a_partition_that_nothing_waits_for_comes_back_by_itself(tmp_path: Path) -> None:
    """The spill was full, so there is nothing to try with: the next request tries."""

    async def story() -> None:
        spill = open_spill(tmp_path)
        drain = Drain(spill, FakeAppender(FakeKafka()), 1, 1_000)
        drain.found_away(CLICKS, "slow")
        assert drain.is_away(CLICKS)
        await drain.emptied(CLICKS)
        assert not drain.is_away(CLICKS)
        await drain.close()
        await spill.close()

    asyncio.run(story())
