"""The edge's producer on Kafka, over a stand-in that fails on demand: what is answered, what waits, what is sent."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from eventlog.kafka.producer import UNPLACED, KafkaProducer
from eventlog.port import Appended, AppendResult, LogUnavailable, Partition
from runtime.clock import SystemClock
from runtime.settings import KafkaSettings, SpillSettings
from schemas.dedup.rules import decide
from schemas.events import CONVERSIONS, HITS
from schemas.reasons import Reason
from tests.eventlog.fake_kafka import FakeAppender, FakeKafka, FakeReader
from tests.eventlog.test_key_index import Stored
from tests.schemas.samples import conversion, refund, touch, wire

SALES = Partition(CONVERSIONS, 0)
QUICK: dict[str, int] = {"append_timeout_ms": 40, "probe_interval_ms": 10}


def producer(kafka: FakeKafka, folder: Path, stored: Stored | None = None, **settings: int) -> KafkaProducer:
    return KafkaProducer(
        FakeAppender(kafka), lambda: FakeReader(kafka), folder, SpillSettings(**(QUICK | settings)),
        KafkaSettings(request_timeout_ms=200), SystemClock(), decide, stored,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def edge(
    kafka: FakeKafka, folder: Path, stored: Stored | None = None, **settings: int
) -> AsyncIterator[KafkaProducer]:
    made = producer(kafka, folder, stored, **settings)
    await made.start()
    try:
        yield made
    finally:
        await made.close()


async def ask(made: KafkaProducer, *values: bytes, dry_run: bool = False) -> list[AppendResult]:
    return list(await made.decide(CONVERSIONS, values, keys=[b"k"] * len(values), dry_run=dry_run))


async def verdicts(made: KafkaProducer, *values: bytes, dry_run: bool = False) -> list[tuple[str, bool]]:
    return [(one.decision.verdict, one.final) for one in await ask(made, *values, dry_run=dry_run)]


def sale(txn_id: str, **fields: Any) -> bytes:
    return wire(conversion(txn_id, **fields))


async def until(what: Any) -> None:
    while not what():
        await asyncio.sleep(0.002)


# -- at rest


def test_appends_go_to_kafka_with_marks_that_count_by_partition(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka()
        async with edge(kafka, tmp_path) as made:
            assert await made.append(HITS, b"k", []) == []
            places = await asyncio.gather(*(made.append(HITS, b"key%d" % n, [b"%d" % n, b"x"]) for n in range(60)))
            partition = places[1][0].partition
            (again,) = await made.append(HITS, b"key1", [b"again"])
            assert again == Appended(partition, 2 * sum(call[0].partition == partition for call in places))
            assert (await made.unhealthy_reason(), made.degraded_reason()) == (None, None)
        for partition, records in kafka.records.items():
            append_ids = [record.append_id for record in records if record.append_id]
            assert [append_id.sequence for append_id in append_ids] == list(range(len(records)))
            assert len(records) > 20 or partition == SALES
        origins = {
            record.append_id.origin for records in kafka.records.values() for record in records if record.append_id
        }
        assert len(origins) == 1 and len(origins.pop()) == 16

    asyncio.run(story())


def test_verdicts_are_those_of_the_log(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka()
        async with edge(kafka, tmp_path / "a") as one, edge(kafka, tmp_path / "b") as two:
            found = await asyncio.gather(*(ask((one, two)[n % 2], sale("same")) for n in range(20)))
            decisions = [call[0] for call in found]
            assert sorted(one.decision.verdict for one in decisions) == ["accepted"] + ["duplicate"] * 19
            accepted = next(one for one in decisions if one.decision.verdict == "accepted")
            assert accepted.appended == Appended(SALES, 0) and {one.final for one in decisions} == {True}
            assert await verdicts(two, sale("a"), sale("same", amount_minor=1), sale("a")) == [
                ("accepted", True), ("conflict", True), ("duplicate", True),
            ]  # fmt: skip
        assert len(kafka.records[SALES]) == 23

    asyncio.run(story())


def test_a_dry_run_knows_all_that_is_in_the_log_and_writes_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka()
        async with edge(kafka, tmp_path / "a") as one, edge(kafka, tmp_path / "b") as two:
            await ask(one, sale("a"))
            assert await verdicts(two, sale("a"), sale("b"), sale("b"), dry_run=True) == [
                ("duplicate", True), ("accepted", True), ("duplicate", True),
            ]  # fmt: skip
        assert len(kafka.records[SALES]) == 1

    asyncio.run(story())


def test_lines_of_clicks_are_accepted_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka()
        line, other = wire(touch(1, ref="a1")), wire(touch(2, ref="a2"))
        async with edge(kafka, tmp_path) as made:
            for _ in range(2):
                results = await made.decide(HITS, [line, other], keys=[b"1", b"2"])
                assert [(one.decision.verdict, one.final) for one in results] == [("accepted", True)] * 2
                assert [one.decision.issued for one in results] == [touch(1).touch_id, touch(2).touch_id]
            await made.decide(HITS, [line], keys=[b"1"], dry_run=True)
            kafka.down = True
            (ruled_away,) = await made.decide(HITS, [line], keys=[b"1"])
            assert (ruled_away.decision.verdict, ruled_away.final) == ("accepted", True)
            kafka.down = False
            await until(lambda: not made.degraded_reason())
        assert sorted(kafka.values(HITS)) == sorted([line] * 3 + [other] * 2)

    asyncio.run(story())


def test_keys_of_several_partitions_are_answered_in_order(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka({HITS: 2, CONVERSIONS: 4})
        async with edge(kafka, tmp_path) as made:
            values = [sale(f"t{n % 20}") for n in range(40)]
            keys = [conversion(f"t{n % 20}").conversion_id for n in range(40)]
            results = await made.decide(CONVERSIONS, values, keys=keys)
            assert [one.decision.verdict for one in results] == ["accepted"] * 20 + ["duplicate"] * 20
            assert [one.decision.issued for one in results] == keys
        assert all(kafka.records[Partition(CONVERSIONS, n)] for n in range(4))

    asyncio.run(story())


# -- starts and stops


def test_a_start_without_kafka(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka(down=True)
        async with edge(kafka, tmp_path) as made:
            assert (await made.append(HITS, b"k", [b"click"]))[0] == Appended(Partition(HITS, 0), UNPLACED)
            with pytest.raises(LogUnavailable, match="how many partitions"):
                await ask(made, sale("a"))
            assert await made.unhealthy_reason() is None and "not been reached" in (made.degraded_reason() or "")
            kafka.down = False
            await until(lambda: not made.degraded_reason())
            assert await verdicts(made, sale("a")) == [("accepted", True)]
        kafka.down = True
        async with edge(kafka, tmp_path) as made:  # it remembers how many partitions there are
            assert await verdicts(made, sale("a"), sale("b")) == [("duplicate", True), ("accepted", False)]
            kafka.down = False
            await until(lambda: not made.degraded_reason())
        assert kafka.values(HITS) == [b"click"] and kafka.values(CONVERSIONS) == [sale("a"), sale("b")]

    asyncio.run(story())


def test_what_a_stop_leaves_the_next_one_sends(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka()
        async with edge(kafka, tmp_path) as made:
            kafka.hanging = True
            await asyncio.gather(*(made.append(HITS, b"%d" % n, [b"%d" % n]) for n in range(100)))
            await ask(made, sale("a"))
        await made.close()
        with pytest.raises(LogUnavailable, match="closed"):
            await made.append(HITS, b"", [b"late"])
        assert kafka.values(HITS) == []
        kafka.hanging = False
        async with edge(kafka, tmp_path) as made:
            await until(lambda: not made.degraded_reason())
        assert sorted(kafka.values(HITS)) == sorted(b"%d" % n for n in range(100))
        assert kafka.values(CONVERSIONS) == [sale("a")]

    asyncio.run(story())


def test_files_that_nobody_holds_are_sent_by_whoever_finds_them(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka()
        async with edge(kafka, tmp_path) as one:
            async with edge(kafka, tmp_path) as two:
                kafka.down = True
                await asyncio.gather(one.append(HITS, b"k", [b"of one"]), two.append(HITS, b"k", [b"of two"]))
            kafka.down = False
            await until(lambda: b"of one" in kafka.values(HITS))
            async with edge(kafka, tmp_path):  # takes the second slot and what was left in it, unless the first did
                await until(lambda: sorted(kafka.values(HITS)) == [b"of one", b"of two"])
            kafka.down = True
            async with edge(kafka, tmp_path) as four:
                await four.append(HITS, b"k", [b"of four"])
            kafka.down = False
        async with edge(kafka, tmp_path):  # takes the first slot, and finds the second one
            await until(lambda: b"of four" in kafka.values(HITS))

    asyncio.run(story())


def test_the_topic_of_conversions_keeps_its_partitions(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka()
        async with edge(kafka, tmp_path) as made:
            assert await verdicts(made, sale("a")) == [("accepted", True)]
        kafka.counts[CONVERSIONS] = 2
        async with edge(kafka, tmp_path) as made:
            await until(lambda: made._connection.trouble)
            assert "has 2 partitions and had 1" in (await made.unhealthy_reason() or "")
            assert (await made.append(HITS, b"k", [b"click"]))[0].offset == UNPLACED

    asyncio.run(story())


# -- the index


def test_an_index_begins_where_the_warehouse_ends(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka()
        async with edge(kafka, tmp_path / "a") as made:
            await ask(made, *(sale(f"t{n}") for n in range(6)))
        records = list(kafka.records[SALES])
        kafka.records[SALES], kafka.begins[SALES] = records[4:], 4
        async with edge(kafka, tmp_path / "b", Stored(records, 5)) as made:
            found = await verdicts(made, *(sale(f"t{n}") for n in range(7)))
            assert [verdict for verdict, _ in found] == ["duplicate"] * 6 + ["accepted"]

    asyncio.run(story())


def test_no_verdict_is_told_before_the_warehouse_answers(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka()
        stored = Away([], 0)
        async with edge(kafka, tmp_path, stored) as made:
            await until(lambda: made.degraded_reason())
            assert "the warehouse is away" in (made.degraded_reason() or "") and await made.unhealthy_reason() is None
            with pytest.raises(LogUnavailable, match="the warehouse is away"):
                await ask(made, sale("a"))
            assert kafka.values(CONVERSIONS) == []
            stored.away = False
            await until(lambda: not made.degraded_reason())
            assert await verdicts(made, sale("a")) == [("accepted", True)]

    asyncio.run(story())


class Away(Stored):
    away = True

    def position(self, partition: Partition, log_id: str) -> int:
        if self.away:
            raise OSError("the warehouse is away")
        return super().position(partition, log_id)


def test_a_topic_that_is_remade_is_another_log(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka()
        async with edge(kafka, tmp_path) as made:
            assert await verdicts(made, sale("a"), sale("b")) == [("accepted", True)] * 2
            kafka.remake(SALES)
            assert await verdicts(made, sale("c"), sale("a")) == [("accepted", True), ("duplicate", True)]

    asyncio.run(story())


def test_a_record_that_fits_in_no_batch_is_refused_before_it_is_in_the_way(tmp_path: Path) -> None:
    async def story() -> None:
        kafka = FakeKafka(down=True)
        async with edge(kafka, tmp_path) as made:
            with pytest.raises(ValueError, match="batch_bytes_max"):
                await made.append(HITS, b"k", [b"small", bytes(KafkaSettings().batch_bytes_max)])
            assert (made.degraded_reason() or "").startswith("Kafka is unavailable") and "0 records" in (
                made.degraded_reason() or ""
            )

    asyncio.run(story())


def test_what_the_rule_raises_reaches_who_asked(tmp_path: Path) -> None:
    async def story() -> None:
        async with edge(FakeKafka(), tmp_path) as made:
            with pytest.raises(ValueError, match="too short"):
                await ask(made, b"")
            assert await verdicts(made, sale("a")) == [("accepted", True)]

    asyncio.run(story())


def test_reasons_reach_the_answer(tmp_path: Path) -> None:
    async def story() -> Sequence[AppendResult]:
        async with edge(FakeKafka(), tmp_path) as made:
            return await ask(made, wire(refund(conversion("nowhere").conversion_id, "r", 10_000)))

    (one,) = asyncio.run(story())
    assert (one.decision.verdict, one.decision.reason, one.appended) == ("rejected", Reason.CONVERSION_NOT_FOUND, None)
