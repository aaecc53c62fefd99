"""Brokers die or freeze during appends: acknowledged records are stored, duplicates carry equal append ids."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator

import pytest

from eventlog.kafka.append_batch import Entry
from eventlog.port import Fenced, LogUnavailable, Partition, Position, Record
from schemas.events import HITS
from tests.eventlog.kafka_fixture import Admin, KafkaFixture, PlainProducer, retried
from tests.eventlog.test_kafka_topics import config_of
from tests.servers.fixtures import own_cluster
from tests.servers.kafka import KafkaCluster

pytestmark = [pytest.mark.server, pytest.mark.slow]
WRITERS = 8
PARTITIONS = [Partition(HITS, 0), Partition(HITS, 1)]


@pytest.fixture(scope="module")
def kafka3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """Three nodes, to kill and pause. Who does so restarts them: all run when the next test begins."""
    with own_cluster(tmp_path_factory.mktemp("kafka3"), 3) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def kafka1(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """One node, to kill."""
    with own_cluster(tmp_path_factory.mktemp("kafka1"), 1) as cluster:
        yield cluster


class Writers:
    """Callers that append record after record and resend unacknowledged ones with the same append id."""

    def __init__(self, producer: PlainProducer) -> None:
        self._producer = producer
        self.acknowledged: dict[tuple[Partition, int], Entry] = {}
        self.failed = 0
        self._ending = False
        self._tasks = [asyncio.create_task(self._write(n)) for n in range(WRITERS)]

    async def _write(self, number: int) -> None:
        count = 0
        while not self._ending:
            partition = PARTITIONS[(number + count) % 2]
            entry = self._producer.entry(partition, b"%d-%d" % (number, count))
            (offset,) = await self._send(partition, entry)
            self.acknowledged[(partition, offset)] = entry
            count += 1

    async def _send(self, partition: Partition, entry: Entry) -> tuple[int, ...]:
        for _ in range(1_000):
            try:
                return tuple(await self._producer.appender.append(partition, [entry]))
            except LogUnavailable:
                self.failed += 1
                await asyncio.sleep(0.02)
        raise AssertionError("Kafka never came back")

    async def progress(self, more: int) -> None:
        """Wait until so many more are acknowledged."""
        goal = len(self.acknowledged) + more
        while len(self.acknowledged) < goal:
            for task in self._tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.01)

    async def failure(self) -> None:
        """Wait until another append has failed."""
        before = self.failed
        while self.failed == before:
            await asyncio.sleep(0.01)

    async def end(self) -> None:
        self._ending = True
        await asyncio.gather(*self._tasks)


def proven(writers: Writers, found: dict[Partition, list[Record]]) -> None:
    """Every acknowledged record stands where it was said to, and whatever stands twice has one append id."""
    stored = {(partition, record.offset): record for partition, records in found.items() for record in records}
    for place, entry in writers.acknowledged.items():
        assert (stored[place].value, stored[place].append_id) == (entry.value, entry.append_id)
    by_value = {}
    for (partition, _), record in stored.items():
        by_value.setdefault((partition, record.value), set()).add(record.append_id)
    assert all(len(append_ids) == 1 for append_ids in by_value.values())
    once = Counter((partition, record.append_id) for (partition, _), record in stored.items())
    assert len(once) == len(writers.acknowledged)


def under_fire(bench: KafkaFixture, fault: Callable[[Writers], Awaitable[None]]) -> None:
    async def story() -> None:
        producer = bench.producer(0)
        await producer.appender.start()
        writers = Writers(producer)
        await writers.progress(200)
        await fault(writers)
        await writers.progress(200)
        await writers.end()
        proven(writers, await bench.all_hits())
        assert await producer.unhealthy_reason() is None
        await producer.close()
        assert len(asyncio.all_tasks()) == 1  # nothing of the producers that were thrown away is left

    asyncio.run(story())


def test_the_only_node_is_killed_and_comes_back(kafka1: KafkaCluster) -> None:
    async def fault(writers: Writers) -> None:
        await asyncio.to_thread(kafka1.kill, 1)
        await writers.failure()  # callers are told, and send again
        await asyncio.to_thread(kafka1.restart, 1)

    under_fire(KafkaFixture(kafka1, request_timeout_ms=1_000).prepare(), fault)


def leader(bench: KafkaFixture, cluster: KafkaCluster) -> int:
    """The node that leads hits-0."""
    found: list[int] = []

    async def ask() -> None:
        observer = bench.observer("looker")
        await observer.partitions()
        found.append(observer._reader._topics[HITS].leaders[0])
        await observer.close()

    asyncio.run(ask())
    return found[0]


def test_the_leader_of_three_is_killed(kafka3: KafkaCluster) -> None:
    """The others take over; the killed one comes back and nothing that it had alone was acknowledged."""
    bench = KafkaFixture(kafka3, request_timeout_ms=2_000).prepare()
    node = leader(bench, kafka3)

    async def fault(writers: Writers) -> None:
        await asyncio.to_thread(kafka3.kill, node)
        await writers.progress(200)
        await asyncio.to_thread(kafka3.restart, node)

    under_fire(bench, fault)


def test_the_leader_of_three_stands_still(kafka3: KafkaCluster) -> None:
    """Its sockets stay open and nothing answers; the others take over, and it wakes up as a follower."""
    bench = KafkaFixture(kafka3, request_timeout_ms=2_000).prepare()
    node = leader(bench, kafka3)

    async def fault(writers: Writers) -> None:
        kafka3.pause(node)
        try:
            await writers.progress(200)
        finally:
            kafka3.resume(node)

    under_fire(bench, fault)


def test_topics_of_three_nodes_outlive_one(kafka3: KafkaCluster) -> None:
    bench = KafkaFixture(kafka3).prepare()

    async def story() -> None:
        async with Admin(bench) as admin:
            described = await admin.describe_topics([bench.address.topic_prefix + "conversions"])
            assert described[0]["error_code"] == 0  # whichever broker answers
        assert [len(partition["replicas"]) for partition in described[0]["partitions"]] == [3]
        assert (await config_of(bench, "conversions"))["min.insync.replicas"] == "2"

    asyncio.run(story())


def test_positions_and_members_outlive_the_only_node(kafka1: KafkaCluster) -> None:
    """A consumer's calls fail while it is away; then it goes on where it was, without a restart."""
    bench = KafkaFixture(kafka1, request_timeout_ms=1_000).prepare()

    async def story() -> None:
        producer, consumer, observer = bench.producer(0), bench.consumer("g"), bench.observer("g")
        where = (await producer.append(HITS, b"k", [b"one", b"two"]))[0].partition
        stranded = bench.consumer("other")
        await stranded.partitions()
        await consumer.partitions()
        await consumer.commit(where, Position(1, "intent"))
        await asyncio.to_thread(kafka1.kill, 1)
        for end in (consumer, observer):
            with pytest.raises(LogUnavailable):
                await end.end(where)
            with pytest.raises(LogUnavailable):
                await end.read(where, 0, 10, 100)
        with pytest.raises((LogUnavailable, Fenced)):
            await consumer.commit(where, Position(2))
        await stranded.close()
        await asyncio.to_thread(kafka1.restart, 1)
        assert await retried(lambda: observer.end(where)) == 2
        assert where in await retried(consumer.partitions)
        assert await retried(lambda: consumer.committed(where)) == Position(1, "intent")
        assert [record.value for record in await consumer.read(where, 0, 10, 100)] == [b"one", b"two"]
        await retried(lambda: consumer.commit(where, Position(2)))
        await producer.append(HITS, b"k", [b"three"])
        assert await observer.end(where) == 3
        for one in (producer, consumer, observer):
            await one.close()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(story())
