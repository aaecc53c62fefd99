"""The contract of every adapter of the log. The test class of an adapter inherits `LogContract` and provides a fixture.

Where producers rule as they append (embedded, memory), it inherits tests/contracts/deciding_log.py too.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import pytest

from eventlog.port import Consumer, DedupRule, Partition, Position, Producer, Record
from schemas.dedup.rules import decide
from schemas.events import CONVERSIONS, HITS, TOPICS
from tests.schemas.samples import conversion, wire

BYTES_MAX = 1 << 20


class Bench(Protocol):
    """One log of an adapter: makes its ends."""

    def producer(self, worker: int, rule: DedupRule = decide) -> Producer: ...

    def consumer(self, group: str) -> Consumer: ...

    def remake(self, partition: Partition) -> None:
        """Put an empty log with a new identity in a partition's place; no producer is open."""
        ...


def values(count: int, tag: str = "") -> list[bytes]:
    return [f"{tag}{n}".encode() for n in range(count)]


def sales(*txn_ids: str) -> list[bytes]:
    return [wire(conversion(txn_id)) for txn_id in txn_ids]


async def decide(producer: Producer, records: Sequence[bytes], *, dry_run: bool = False) -> list[str]:
    results = await producer.decide(CONVERSIONS, records, keys=list(records), dry_run=dry_run)
    return [one.decision.verdict for one in results]


async def read_all(consumer: Consumer, partition: Partition, offset: int = 0) -> list[Record]:
    return list(await consumer.read(partition, offset, 100_000, 1 << 30))


def plain(records: Sequence[Record]) -> list[tuple[int, bytes]]:
    """Offsets and values; marks are a matter of the adapter."""
    return [(record.offset, record.value) for record in records]


class LogContract:
    """Needs a fixture `bench`."""

    def test_an_answered_append_is_there(self, bench: Bench) -> None:
        async def story() -> None:
            producer, early = bench.producer(0), bench.consumer("a")
            appended = await producer.append(HITS, b"", [b"one", b"", b"three" * 100_000])
            assert len({one.partition for one in appended}) == 1
            assert [one.offset for one in appended] == [0, 1, 2]
            late = bench.consumer("b")
            for consumer in (early, late):
                found = await read_all(consumer, appended[0].partition)
                assert plain(found) == [(0, b"one"), (1, b""), (2, b"three" * 100_000)]
            await close(producer, early, late)

        asyncio.run(story())

    def test_appends_of_several_writers_are_all_there(self, bench: Bench) -> None:
        async def story() -> None:
            producers = [bench.producer(worker) for worker in (0, 1)]
            calls = [sent(producers[n % 2], HITS, values(3, f"h{n}-")) for n in range(12)]
            where = [place for call in await asyncio.gather(*calls) for place in call]
            consumer = bench.consumer("a")
            stored = [
                (partition, *one)
                for partition in await consumer.partitions()
                for one in plain(await read_all(consumer, partition))
            ]
            assert sorted(where) == sorted(stored) and len(set(where)) == 12 * 3
            await close(*producers, consumer)

        asyncio.run(story())

    def test_records_of_one_append_stay_in_order(self, bench: Bench) -> None:
        async def story() -> None:
            producer = bench.producer(0)
            appended = await asyncio.gather(*(producer.append(HITS, b"", values(20, f"{n}-")) for n in range(5)))
            for call in appended:
                offsets = [one.offset for one in call]
                assert offsets == list(range(offsets[0], offsets[0] + 20))
            assert await producer.append(HITS, b"", []) == []
            await close(producer)

        asyncio.run(story())

    def test_both_topics_and_all_partitions_are_seen(self, bench: Bench) -> None:
        async def story() -> None:
            producer, consumer = bench.producer(0), bench.consumer("a")
            await producer.append(HITS, b"", [b"x"])
            found = await consumer.partitions()
            assert list(found) == sorted(found) and {partition.topic for partition in found} == set(TOPICS)
            assert sum([await consumer.end(partition) for partition in found]) == 1
            ids = [await consumer.log_id(partition) for partition in found]
            assert len(set(ids)) == len(ids) and all(len(one) == 32 and int(one, 16) for one in ids)
            await close(producer, consumer)

        asyncio.run(story())

    def test_ends_of_a_log(self, bench: Bench) -> None:
        async def story() -> None:
            producer, consumer = bench.producer(0), bench.consumer("a")
            partition = (await producer.append(HITS, b"", [b"x"]))[0].partition
            empty = Partition(CONVERSIONS, 0)
            assert (await consumer.begin(empty), await consumer.end(empty)) == (0, 0)
            assert await read_all(consumer, empty) == []
            assert (await consumer.begin(partition), await consumer.end(partition)) == (0, 1)
            assert await read_all(consumer, partition, 1) == []
            await close(producer, consumer)

        asyncio.run(story())

    @pytest.mark.parametrize(
        ("rows_max", "bytes_max", "found"),
        [(100, BYTES_MAX, 5), (2, BYTES_MAX, 2), (100, 250, 2), (100, 300, 3), (100, 1, 1), (1, 1, 1)],
    )
    def test_read_is_bounded_but_gives_one(self, bench: Bench, rows_max: int, bytes_max: int, found: int) -> None:
        async def story() -> None:
            producer, consumer = bench.producer(0), bench.consumer("a")
            records = [bytes([n]) * 100 for n in range(6)]
            partition = (await producer.append(HITS, b"", records))[0].partition
            read = await consumer.read(partition, 1, rows_max, bytes_max)
            assert plain(read) == [(n, records[n]) for n in range(1, 1 + found)]
            await close(producer, consumer)

        asyncio.run(story())

    def test_positions_are_kept_by_group(self, bench: Bench) -> None:
        async def story() -> None:
            producer, consumer, other = bench.producer(0), bench.consumer("a"), bench.consumer("b")
            partition = (await producer.append(HITS, b"", values(3)))[0].partition
            assert await consumer.committed(partition) is None
            await consumer.commit(partition, Position(1, "v2|2|intent"))
            assert await consumer.committed(partition) == Position(1, "v2|2|intent")
            await consumer.commit(partition, Position(3))
            again = bench.consumer("a")
            assert await again.committed(partition) == Position(3)
            assert await other.committed(partition) is None
            assert await again.committed(Partition(CONVERSIONS, 0)) is None
            await close(producer, consumer, other, again)

        asyncio.run(story())

    def test_positions_belong_to_the_log_that_they_were_made_in(self, bench: Bench) -> None:
        async def story() -> None:
            producer, consumer = bench.producer(0), bench.consumer("a")
            partition = (await producer.append(HITS, b"", values(3)))[0].partition
            await consumer.commit(partition, Position(3))
            before = await consumer.log_id(partition)
            await producer.close()
            bench.remake(partition)
            assert await consumer.log_id(partition) != before
            assert await consumer.committed(partition) is None
            assert await consumer.end(partition) == 0
            await consumer.commit(partition, Position(0, "new"))
            assert await consumer.committed(partition) == Position(0, "new")
            await close(consumer)

        asyncio.run(story())

    def test_trim_keeps_what_is_not_committed_and_the_newest(self, bench: Bench) -> None:
        async def story() -> None:
            producer, consumer, slow = bench.producer(0), bench.consumer("a"), bench.consumer("b")
            partition = (await producer.append(HITS, b"", values(10)))[0].partition
            await consumer.trim()
            assert len(await read_all(consumer, partition)) == 10
            await consumer.commit(partition, Position(10))
            await slow.commit(partition, Position(4, "busy"))
            await consumer.trim()
            begin = await consumer.begin(partition)
            assert begin <= 4
            assert [r.value for r in await read_all(consumer, partition, 4)] == values(10)[4:]
            await slow.commit(partition, Position(10))
            await slow.trim()
            assert await consumer.begin(partition) <= 9
            assert plain(await read_all(consumer, partition, 9)) == [(9, b"9")]
            assert await consumer.end(partition) == 10
            assert (await producer.append(HITS, b"", [b"next"]))[0].offset == 10
            await close(producer, consumer, slow)

        asyncio.run(story())

    def test_close_finishes_what_waits_and_may_be_called_again(self, bench: Bench) -> None:
        async def story() -> None:
            producer, consumer = bench.producer(0), bench.consumer("a")
            waiting = [asyncio.ensure_future(producer.append(HITS, b"", [b"%d" % n])) for n in range(20)]
            await asyncio.sleep(0)
            await producer.close()
            appended = await asyncio.gather(*waiting)
            assert sorted(one.offset for call in appended for one in call) == list(range(20))
            assert len(await read_all(consumer, appended[0][0].partition)) == 20
            await producer.close()
            await close(consumer)

        asyncio.run(story())

    def test_a_log_at_rest_is_healthy(self, bench: Bench) -> None:
        async def story() -> None:
            producer = bench.producer(0)
            await producer.append(HITS, b"", [b"x"])
            assert await producer.unhealthy_reason() is None
            await producer.close()

        asyncio.run(story())


async def sent(producer: Producer, topic: str, records: list[bytes]) -> list[tuple[Partition, int, bytes]]:
    """Where each record stands."""
    appended = await producer.append(topic, b"", records)
    return [(one.partition, one.offset, value) for one, value in zip(appended, records, strict=True)]


async def close(*ends: Producer | Consumer) -> None:
    """Close all."""
    for end in ends:
        await end.close()
