"""Members of one group: who owns what, whose commits count, and what is left when positions or topics are gone."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import NewPartitions, RecordsToDelete
from aiokafka.structs import TopicPartition
from confluent_kafka.admin import AdminClient

from eventlog.kafka.consumer import KafkaConsumer
from eventlog.kafka.reader import decode_position, encode_position
from eventlog.port import Fenced, LogUnavailable, Partition, Position
from schemas.events import CONVERSIONS, HITS
from tests.eventlog.kafka_fixture import Admin, KafkaFixture, retried
from tests.eventlog.test_kafka_appender import proxy_of, through
from tests.servers.kafka import GivenCluster

pytestmark = pytest.mark.server
ROOT = Path(__file__).resolve().parents[2]
HITS_0 = Partition(HITS, 0)
ALL = {HITS_0, Partition(HITS, 1), Partition(CONVERSIONS, 0)}


@pytest.fixture
def bench(kafka: GivenCluster) -> KafkaFixture:
    return KafkaFixture(kafka).prepare()


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story())


async def owned(*consumers: KafkaConsumer) -> list[set[Partition]]:
    """Wait until all partitions are owned, each once, and every member owns one; return the owners."""
    for _ in range(1_000):
        parts = [set(await consumer.partitions()) for consumer in consumers]
        if sum(map(len, parts)) == len(ALL) and set().union(*parts) == ALL and all(parts):
            return parts
        await asyncio.sleep(0.05)
    raise AssertionError(f"they do not agree: {parts}")


def test_members_share_the_partitions_and_take_over(bench: KafkaFixture) -> None:
    async def story() -> None:
        members = [bench.consumer("g")]
        assert await owned(*members) == [ALL]
        members.append(bench.consumer("g"))
        await owned(*members)
        members.append(bench.consumer("g"))
        await owned(*members)
        await members.pop(0).close()
        await owned(*members)
        await members.pop(0).close()
        assert await owned(*members) == [ALL]
        await members[0].close()

    run(story)


def test_a_rebalance_voids_what_is_in_hand_even_if_the_partition_comes_back(bench: KafkaFixture) -> None:
    async def story() -> None:
        first, second = bench.consumer("g"), bench.consumer("g")
        await first.partitions()
        for partition in ALL:
            await first.commit(partition, Position(0))
        parts = await owned(first, second)
        kept, lost = min(parts[0]), min(parts[1])
        for partition in (kept, lost):
            with pytest.raises(Fenced):
                await first.commit(partition, Position(7))
        assert await first.committed(kept) == Position(0)
        await first.commit(kept, Position(8))
        assert await second.committed(lost) == Position(0)
        await second.commit(lost, Position(9))
        assert (await first.committed(lost), await second.committed(kept)) == (Position(9), Position(8))
        with pytest.raises(Fenced):
            await first.commit(lost, Position(10))
        await first.close()
        await second.close()

    run(story)


def test_a_batch_in_hand_is_finished_before_its_partition_goes(bench: KafkaFixture) -> None:
    async def story() -> None:
        first, second = bench.consumer("g"), bench.consumer("g")
        await first.partitions()
        for partition in ALL:
            await first.commit(partition, Position(0, "in hand"))
        joining = asyncio.ensure_future(second.partitions())
        while not first._member.revoking:
            await asyncio.sleep(0.01)
        assert not joining.done()
        for partition in ALL:
            await first.commit(partition, Position(5))
        with pytest.raises(Fenced):
            await first.commit(HITS_0, Position(5, "one more"))
        parts = await owned(first, second)
        assert [await second.committed(partition) for partition in parts[1]] == [Position(5)] * len(parts[1])
        await first.close()
        await second.close()

    run(story)


def test_a_lease_gives_way_at_once(bench: KafkaFixture) -> None:
    """The lease of a shard moves at once, although its owner always has an open intent."""

    async def story() -> None:
        first, second = (bench.consumer("w", ("shards",), finish_batches=False) for _ in range(2))
        for partition in await first.partitions():
            await first.commit(partition, Position(3, "attempt"))
        for _ in range(1_000):
            shards = [await first.partitions(), await second.partitions()]
            if [len(one) for one in shards] == [1, 1]:
                break
            await asyncio.sleep(0.05)
        (taken,) = shards[1]
        assert await second.committed(taken) == Position(3, "attempt")
        await second.commit(taken, Position(4, "another attempt"))
        with pytest.raises(Fenced):
            await first.commit(taken, Position(4, "late"))
        await first.close()
        await second.close()

    run(story)


def test_who_sleeps_past_its_session_is_fenced(bench: KafkaFixture) -> None:
    """SIGSTOP, another takes over and goes on, SIGCONT: the sleeper's commit is refused and changes nothing."""
    command = [sys.executable, "-m", "tests.eventlog.kafka_child", str(bench.address), "g"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None and child.stdout is not None

        async def story() -> None:
            assert child.stdin is not None and child.stdout is not None
            assert await asyncio.to_thread(child.stdout.readline) == "owns 3\n"
            assert await asyncio.to_thread(child.stdout.readline) == "at None\n"
            child.send_signal(signal.SIGSTOP)
            heir = bench.consumer("g")
            assert await owned(heir) == [ALL]
            await heir.commit(HITS_0, Position(5, "of the heir"))
            child.send_signal(signal.SIGCONT)
            child.stdin.write("commit\n")
            child.stdin.flush()
            said = await asyncio.to_thread(child.stdout.readline)
            assert said.startswith("fenced")
            observer = bench.observer("g")
            assert await observer.committed(HITS_0) == Position(5, "of the heir")
            await observer.close()
            await heir.close()

        try:
            run(story)
        finally:
            child.kill()


def test_a_commit_whose_answer_is_lost_is_retried(bench: KafkaFixture, kafka: GivenCluster, monkeypatch: Any) -> None:
    async def story() -> None:
        consumer = bench.consumer("g")
        await consumer.partitions()
        await consumer.commit(HITS_0, Position(0))
        proxy.on_request = lambda data: b"lose this" in data and not proxy.lost.is_set()
        committing = asyncio.ensure_future(consumer.commit(HITS_0, Position(1, "lose this")))
        await asyncio.to_thread(proxy.lost.wait, 10)
        proxy.mend()
        try:
            await committing
        except Fenced:  # its heartbeat was cut too, and it had to join anew
            await retried(consumer.partitions)
        assert await retried(lambda: consumer.committed(HITS_0)) == Position(1, "lose this")
        await retried(lambda: consumer.commit(HITS_0, Position(2)))
        await consumer.close()
        observer = bench.observer("g")
        assert await observer.committed(HITS_0) == Position(2)
        await observer.close()

    with proxy_of(kafka) as proxy:
        through(monkeypatch, proxy, "clew-member")
        run(story)


def test_a_commit_without_an_answer_is_uncertain(bench: KafkaFixture, kafka: GivenCluster, monkeypatch: Any) -> None:
    """The caller is told, and what `committed` says afterwards is what Kafka has."""

    async def story() -> None:
        consumer = bench.consumer("g")
        await consumer.partitions()
        await consumer.commit(HITS_0, Position(0))
        proxy.on_request = lambda data: b"lose this" in data and not proxy.lost.is_set()
        with pytest.raises((LogUnavailable, Fenced)):
            await consumer.commit(HITS_0, Position(1, "lose this"))
        assert await consumer.committed(HITS_0) == Position(1, "lose this")
        proxy.mend()
        await consumer.close()

    bench.settings = bench.settings.model_copy(update={"request_timeout_ms": 700})
    with proxy_of(kafka) as proxy:
        through(monkeypatch, proxy, "clew-member")
        run(story)


def test_a_running_member_notices_that_a_topic_was_remade(bench: KafkaFixture) -> None:
    async def story() -> None:
        consumer, producer = bench.consumer("g"), bench.producer(0)
        await producer.append(HITS, b"k", [b"old"] * 5)
        await owned(consumer)
        before = {partition: await consumer.log_id(partition) for partition in ALL}
        for partition in ALL:
            await consumer.commit(partition, Position(5))
        await producer.close()
        bench.remake(HITS_0)
        producer = bench.producer(0)
        where = (await producer.append(HITS, b"k", [b"new"]))[0].partition
        await owned(consumer)
        assert await consumer.committed(Partition(CONVERSIONS, 0)) == Position(5)
        assert await consumer.log_id(Partition(CONVERSIONS, 0)) == before[Partition(CONVERSIONS, 0)]
        assert await consumer.log_id(where) != before[where]
        assert await consumer.committed(where) is None
        assert [record.value for record in await consumer.read(where, 0, 100, 1 << 20)] == [b"new"]
        await consumer.commit(where, Position(1))
        assert await consumer.committed(where) == Position(1)
        await producer.close()
        await consumer.close()

    run(story)


def test_a_topic_that_is_gone_is_trouble_and_comes_back(bench: KafkaFixture) -> None:
    """No client makes it again by asking for it: it would have a broker's defaults."""

    async def story() -> None:
        consumer = bench.consumer("g")
        await owned(consumer)
        await bench.remove(HITS)
        with pytest.raises(LogUnavailable):
            async with asyncio.timeout(60):
                while True:
                    await consumer.read(HITS_0, 0, 10, 100)
                    await asyncio.sleep(0.02)
        assert set(await consumer.partitions()) == {Partition(CONVERSIONS, 0)}
        await consumer.close()

    run(story)


def test_positions_that_kafka_has_forgotten_are_none(bench: KafkaFixture, kafka: GivenCluster) -> None:
    async def story() -> None:
        consumer = bench.consumer("g")
        await consumer.partitions()
        await consumer.commit(HITS_0, Position(5))
        await consumer.close()
        group = bench.address.topic_prefix + "g"
        admin = AdminClient({"bootstrap.servers": kafka.servers})
        admin.delete_consumer_groups([group])[group].result(10)
        again = bench.consumer("g")
        await again.partitions()
        assert await again.committed(HITS_0) is None
        await again.commit(HITS_0, Position(5))
        assert await again.committed(HITS_0) == Position(5)
        await again.close()

    run(story)


def test_partitions_that_are_added_are_found(bench: KafkaFixture) -> None:
    async def story() -> None:
        consumer, observer = bench.consumer("g"), bench.observer("g")
        await owned(consumer)
        async with Admin(bench) as admin:
            await admin.create_partitions({bench.address.topic_prefix + HITS: NewPartitions(3)})
        async with asyncio.timeout(60):
            for end in (observer, consumer):
                while Partition(HITS, 2) not in await end.partitions():
                    await asyncio.sleep(0.05)
        await consumer.commit(Partition(HITS, 2), Position(0))
        await observer.close()
        await consumer.close()

    run(story)


def test_an_observer_sees_everything_and_commits_nothing(bench: KafkaFixture) -> None:
    async def story() -> None:
        consumer, observer, producer = bench.consumer("g"), bench.observer("g"), bench.producer(0)
        where = (await producer.append(HITS, b"k", [b"x"]))[0].partition
        await consumer.partitions()
        await consumer.commit(where, Position(1, "seen"))
        assert set(await observer.partitions()) == ALL
        assert await observer.committed(where) == Position(1, "seen")
        assert await observer.committed(Partition(CONVERSIONS, 0)) is None
        assert [record.value for record in await observer.read(where, 0, 10, 100)] == [b"x"]
        waiting = asyncio.ensure_future(observer.read(where, 1, 10, 100, wait_ms=60_000))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await producer.append(HITS, b"k", [b"y"])
        assert [record.value for record in await waiting] == [b"y"]
        with pytest.raises(Fenced):
            await observer.commit(where, Position(2))
        for end in (consumer, observer, producer):
            await end.close()

    run(story)


def test_what_retention_took_is_skipped(bench: KafkaFixture) -> None:
    async def story() -> None:
        producer, observer = bench.producer(0), bench.observer("g")
        where = (await producer.append(HITS, b"k", [b"%d" % n for n in range(10)]))[0].partition
        assert len(await observer.read(where, 0, 3, 100)) == 3
        async with Admin(bench) as admin:
            topic = TopicPartition(bench.address.topic_prefix + where.topic, where.partition)
            await admin.delete_records({topic: RecordsToDelete(before_offset=6)})
        assert (await observer.begin(where), await observer.end(where)) == (6, 10)
        assert [record.offset for record in await observer.read(where, 0, 100, 1 << 20)] == [6, 7, 8, 9]
        assert await observer.read(where, 10, 100, 1 << 20) == await observer.read(where, 99, 100, 1 << 20) == []
        await producer.close()
        await observer.close()

    run(story)


def test_a_position_of_another_log_is_none() -> None:
    """Kafka forgets the positions of a topic that is removed, mostly; a late commit may bring one back."""
    metadata = encode_position("ab" * 16, Position(7, "v2|9|x"))
    assert decode_position("ab" * 16, 7, metadata) == Position(7, "v2|9|x")
    assert decode_position("cd" * 16, 7, metadata) is None
    assert decode_position("ab" * 16, -1, "") is None  # nothing committed
    assert decode_position("ab" * 16, 7, "") is None  # by somebody who is not Clew
