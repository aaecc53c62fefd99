"""Kafka over TLS with a user and a password."""

import asyncio

import pytest

from eventlog.address import KafkaLog, parse_log_address
from eventlog.kafka.topics import prepare_topics
from eventlog.port import LogUnavailable, Position
from schemas.events import HITS
from tests.eventlog.kafka_fixture import KafkaFixture
from tests.servers.kafka import GivenCluster, KafkaCluster
from tests.servers.kafka_files import PASSWORD
from tests.servers.skip import skip_or_fail

pytestmark = pytest.mark.server


def secure(kafka: GivenCluster, mechanism: str, password: str, *, trusted: bool = True) -> KafkaFixture:
    if not isinstance(kafka, KafkaCluster) or not kafka.secure:
        skip_or_fail("the Kafka that was given has no listener for TLS that tests know of")
    bench = KafkaFixture(kafka, request_timeout_ms=5_000)
    text = kafka.secure_address(bench.address.topic_prefix, mechanism)
    address = parse_log_address(text if trusted else text.partition("&ca_file")[0], password)
    assert isinstance(address, KafkaLog)
    bench.address = address
    return bench


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_everything_works_over_tls_with_a_user(kafka: GivenCluster, mechanism: str) -> None:
    bench = secure(kafka, mechanism, PASSWORD).prepare()

    async def story() -> None:
        producer, consumer, observer = bench.producer(0), bench.consumer("g"), bench.observer("g")
        where = (await producer.append(HITS, b"k", [b"x"]))[0].partition
        assert where in await consumer.partitions()
        assert [record.value for record in await consumer.read(where, 0, 10, 100)] == [b"x"]
        await consumer.commit(where, Position(1))
        assert await observer.committed(where) == Position(1)
        for end in (producer, consumer, observer):
            await end.close()

    asyncio.run(story())


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_a_wrong_password_is_refused_and_not_shown(kafka: GivenCluster, mechanism: str) -> None:
    bench = secure(kafka, mechanism, "wrong-password")
    with pytest.raises(LogUnavailable) as raised:
        asyncio.run(prepare_topics(bench.address, bench.settings))
    assert "wrong-password" not in str(raised.value)


def test_a_server_that_nobody_vouches_for_is_refused(kafka: GivenCluster) -> None:
    bench = secure(kafka, "PLAIN", PASSWORD, trusted=False)
    with pytest.raises(LogUnavailable):
        asyncio.run(prepare_topics(bench.address, bench.settings))
