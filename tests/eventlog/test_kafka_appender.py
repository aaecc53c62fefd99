"""Appends to Kafka when brokers answer errors, answers get lost, callers give up, or Kafka is unavailable."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from eventlog.address import KafkaLog
from eventlog.kafka.appender import KafkaAppender
from eventlog.kafka.record_ids import decode_append_id
from eventlog.port import AppendId, LogUnavailable, Partition
from runtime.clock import SystemClock
from runtime.settings import KafkaSettings
from schemas.events import HITS, TOPICS
from tests.eventlog.kafka_fixture import KafkaFixture, PlainProducer
from tests.servers.kafka import GivenCluster, free_ports
from tests.servers.kafka_mock import PRODUCE, MockCluster, mock_cluster
from tests.servers.proxy import Proxy

pytestmark = pytest.mark.server
HITS_0 = Partition(HITS, 0)


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story())


async def stored(servers: str, topic: str) -> list[tuple[int, bytes, AppendId | None]]:
    """Everything in partition 0, read by the library's own consumer."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    await consumer.start()
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    await consumer.seek_to_beginning(partition)
    end = (await consumer.end_offsets([partition]))[partition]
    found: list[tuple[int, bytes, AppendId | None]] = []
    while len(found) < end:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            found += [(record.offset, record.value, decode_append_id(record.headers)) for record in records]
    await consumer.stop()
    return found


def on_mock(cluster: MockCluster, **settings: Any) -> PlainProducer:
    for topic in TOPICS:
        cluster.make_topic(topic, 1)
    address = KafkaLog(tuple(cluster.servers.split(",")))
    return PlainProducer(KafkaAppender(address, KafkaSettings(**settings), SystemClock()))


NOT_LEADER, TIMED_OUT, NOT_ENOUGH, NOT_ENOUGH_AFTER = 6, 7, 19, 20
OUT_OF_ORDER, DUPLICATE, WRONG_EPOCH, UNKNOWN_PRODUCER, STORAGE, DENIED = 45, 46, 47, 59, 56, 29


@pytest.mark.parametrize(
    "codes",
    [
        [NOT_LEADER], [TIMED_OUT] * 3, [NOT_ENOUGH] * 2, [NOT_ENOUGH_AFTER], [STORAGE], [OUT_OF_ORDER],
        [DUPLICATE], [WRONG_EPOCH], [UNKNOWN_PRODUCER, OUT_OF_ORDER], [DENIED],
    ],
    ids=str,
)  # fmt: skip
def test_an_append_survives_errors_of_brokers(codes: list[int]) -> None:
    """Each of these codes, once or a few times, and then all is well: nothing is lost, and the order is kept."""

    async def story() -> None:
        with mock_cluster() as cluster:
            producer = on_mock(cluster)
            await producer.append(HITS, b"", [b"before"])
            cluster.answer(PRODUCE, codes)
            calls = [producer.append(HITS, b"", [b"%d" % n, b"and"]) for n in range(5)]
            appended = [one for call in await asyncio.gather(*calls) for one in call]
            found = await stored(cluster.servers, HITS)
            await producer.close()
        values = {offset: value for offset, value, _ in found}
        sent = [value for n in range(5) for value in (b"%d" % n, b"and")]
        assert [values[one.offset] for one in appended] == sent
        by_append_id = Counter((value, append_id) for _, value, append_id in found)
        assert len(by_append_id) == 11 and all(append_id is not None for _, append_id in by_append_id)

    run(story)


def test_trouble_that_stays_is_raised_in_time_and_forgotten_when_it_ends() -> None:
    async def story() -> None:
        with mock_cluster() as cluster:
            producer = on_mock(cluster, request_timeout_ms=1_000)
            await producer.append(HITS, b"", [b"before"])
            cluster.answer(PRODUCE, [NOT_ENOUGH] * 1_000)
            failed = await asyncio.gather(
                *(producer.append(HITS, b"", [b"never"]) for _ in range(3)), return_exceptions=True
            )
            assert [type(error) for error in failed] == [LogUnavailable] * 3
            cluster.behave(PRODUCE)
            await producer.append(HITS, b"", [b"after"])
            assert await producer.unhealthy_reason() is None
            assert [value for _, value, _ in await stored(cluster.servers, HITS)] == [b"before", b"after"]
            await producer.close()

    run(story)


def test_producers_are_made_anew_on_schedule(kafka: GivenCluster) -> None:
    bench = KafkaFixture(kafka).prepare()

    async def story() -> None:
        producer = PlainProducer(bench.appender(recycle_records_max=10))
        seen = set()
        for n in range(45):
            await producer.append(HITS, b"k", [b"%d" % n])
            seen.add(id(producer.appender._client._producer))
        assert len(seen) > 1
        records = [record for records in (await bench.all_hits()).values() for record in records]
        assert [record.value for record in records] == [b"%d" % n for n in range(45)]
        assert [record.append_id.sequence for record in records if record.append_id] == list(range(45))
        await producer.close()

    run(story)


def test_a_call_larger_than_a_batch_is_kept_whole_and_in_order(kafka: GivenCluster) -> None:
    bench = KafkaFixture(kafka, batch_bytes_max=4_096).prepare()

    async def story() -> None:
        producer = bench.producer(0)
        values = [b"%03d" % n * 300 for n in range(50)]
        appended = await producer.append(HITS, b"k", values)
        assert [one.offset for one in appended] == list(range(50))
        found = (await bench.all_hits())[appended[0].partition]
        assert [record.value for record in found] == values
        with pytest.raises(ValueError, match=r"kafka\.batch_bytes_max"):
            await producer.append(HITS, b"k", [b"x" * 5_000])
        await producer.close()

    run(story)


def through(monkeypatch: pytest.MonkeyPatch, proxy: Proxy, client_id: str) -> None:
    """Let the connections of one kind of client go through the proxy, whatever brokers advertise."""
    import aiokafka.client

    create = aiokafka.client.create_conn

    async def create_conn(host: str, port: int, **options: Any) -> Any:
        return await create(host, proxy.port if options["client_id"] == client_id else port, **options)

    monkeypatch.setattr(aiokafka.client, "create_conn", create_conn)


def proxy_of(cluster: GivenCluster) -> Proxy:
    host, _, port = cluster.servers.split(",")[0].rpartition(":")
    return Proxy(host, int(port))


def test_an_answer_that_is_lost_with_its_connection(kafka: GivenCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library sends the batch again with the same sequence numbers: Kafka knows it, and it stands once."""
    bench = KafkaFixture(kafka).prepare()

    async def story() -> None:
        producer = bench.producer(0)
        await producer.append(HITS, b"k", [b"before"])
        proxy.on_request = lambda data: b"lose the answer" in data and not proxy.lost.is_set()
        sending = asyncio.ensure_future(producer.append(HITS, b"k", [b"lose the answer"]))
        assert await asyncio.to_thread(proxy.lost.wait, 60)
        proxy.mend()
        appended = (await sending)[0]
        found = (await bench.all_hits())[appended.partition]
        assert [(record.offset, record.value) for record in found] == [(0, b"before"), (1, b"lose the answer")]
        assert appended.offset == 1
        await producer.close()

    with proxy_of(kafka) as proxy:
        through(monkeypatch, proxy, "clew-edge")
        run(story)


def test_a_record_sent_again_after_a_lost_answer_has_the_same_append_id(
    kafka: GivenCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = KafkaFixture(kafka, request_timeout_ms=1_000).prepare()

    async def story() -> None:
        producer = bench.producer(0)
        await producer.append(HITS, b"k", [b"before"])
        partition = Partition(HITS, (await producer.append(HITS, b"k", [b"too"]))[0].partition.partition)
        entry = producer.entry(partition, b"lose the answer")
        proxy.on_request = lambda data: b"lose the answer" in data and not proxy.lost.is_set()
        with pytest.raises(LogUnavailable):
            await producer.appender.append(partition, [entry])
        assert await producer.unhealthy_reason() is not None
        proxy.mend()
        await producer.appender.append(partition, [entry])
        assert await producer.unhealthy_reason() is None
        found = (await bench.all_hits())[partition]
        assert [record.value for record in found] == [b"before", b"too", b"lose the answer", b"lose the answer"]
        assert [record.append_id for record in found][2:] == [entry.append_id, entry.append_id]
        await producer.close()

    with proxy_of(kafka) as proxy:
        through(monkeypatch, proxy, "clew-edge")
        run(story)


def test_a_caller_that_gives_up_leaves_nothing_behind(kafka: GivenCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a batch whose answer does not come, entries of who gave up are never sent; those of others are."""
    bench = KafkaFixture(kafka).prepare()

    async def story() -> None:
        producer = bench.producer(0)
        appender = producer.appender
        partition = (await producer.append(HITS, b"k", [b"before"]))[0].partition
        proxy.on_request = lambda data: b"stuck" in data and not proxy.lost.is_set()
        stuck = asyncio.ensure_future(producer.append(HITS, b"k", [b"stuck"]))
        assert await asyncio.to_thread(proxy.lost.wait, 60)
        impatient = [
            asyncio.ensure_future(appender.append(partition, [producer.entry(partition, b"gone")])) for _ in range(100)
        ]
        patient = asyncio.ensure_future(producer.append(HITS, b"k", [b"patient"]))
        await asyncio.sleep(0.01)
        for call in impatient:
            call.cancel()
        await asyncio.wait(impatient)
        assert len(appender._lanes[partition].waiting) == 1 and appender._pending_bytes < 1_000
        proxy.mend()
        await asyncio.gather(stuck, patient)
        found = (await bench.all_hits())[partition]
        assert [record.value for record in found] == [b"before", b"stuck", b"patient"]
        assert appender._pending_bytes == 0 and not appender._lanes[partition].waiting
        await producer.close()

    with proxy_of(kafka) as proxy:
        through(monkeypatch, proxy, "clew-edge")
        run(story)


def test_what_waits_is_bounded(kafka: GivenCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = KafkaFixture(kafka, pending_bytes_max=10_000).prepare()

    async def story() -> None:
        producer = bench.producer(0)
        await producer.append(HITS, b"k", [b"before"])
        proxy.on_request = lambda data: b"stuck" in data and not proxy.lost.is_set()
        calls = [asyncio.ensure_future(producer.append(HITS, b"k", [b"stuck" * 200])) for _ in range(20)]
        assert await asyncio.to_thread(proxy.lost.wait, 60)
        refused = [call for call in calls if call.done()]
        assert len(refused) == 12  # 8 of 1129 bytes are waiting
        with pytest.raises(LogUnavailable, match=r"kafka\.pending_bytes_max"):
            await producer.append(HITS, b"k", [b"one more" * 200])
        proxy.mend()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(result, LogUnavailable) for result in results) == 12
        await producer.close()

    with proxy_of(kafka) as proxy:
        through(monkeypatch, proxy, "clew-edge")
        run(story)


def test_kafka_that_is_away_from_the_start() -> None:
    async def story() -> None:
        address = KafkaLog((f"127.0.0.1:{free_ports(1)[0]}",))
        appender = KafkaAppender(address, KafkaSettings(request_timeout_ms=300), SystemClock())
        with pytest.raises(LogUnavailable):
            await appender.start()
        assert appender.count(HITS) == 0
        assert await appender.unhealthy_reason() is not None
        with pytest.raises(LogUnavailable):
            await appender.append(HITS_0, [PlainProducer(appender).entry(HITS_0, b"x")])
        await appender.close()
        with pytest.raises(LogUnavailable):
            await appender.append(HITS_0, [PlainProducer(appender).entry(HITS_0, b"x")])

    run(story)
