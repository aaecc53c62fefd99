"""Topics are made safe, and unsafe ones are refused with what to do."""

import asyncio
from typing import Any

import pytest
from aiokafka.admin import NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from eventlog.kafka.topics import UnsafeTopics, prepare_topics, topics_of, unsafe, wrong_count
from eventlog.port import LogUnavailable
from runtime.settings import KafkaSettings
from tests.eventlog.kafka_fixture import Admin, KafkaFixture
from tests.servers.kafka import GivenCluster

SAFE = {
    "cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1", "min.insync.replicas": "2",
    "unclean.leader.election.enable": "false", "max.message.bytes": "1048588",
}  # fmt: skip
HITS, CONVERSIONS, SHARDS = topics_of(KafkaSettings())


@pytest.mark.parametrize(
    ("changed", "replicas", "brokers", "said"),
    [
        ({}, 3, 3, ""),
        ({"retention.ms": str(7 * 86_400_000)}, 3, 5, ""),
        ({"min.insync.replicas": "1"}, 1, 1, ""),
        ({"retention.ms": str(7 * 86_400_000 - 1)}, 3, 3, "set retention.ms to at least 604800000, or to -1"),
        ({"retention.bytes": "1000"}, 3, 3, "set retention.bytes to -1"),
        ({"cleanup.policy": "compact"}, 3, 3, "set it to delete"),
        ({"cleanup.policy": "compact,delete"}, 3, 3, "set it to delete"),
        ({"unclean.leader.election.enable": "true"}, 3, 3, "set it to false"),
        ({"min.insync.replicas": "1"}, 3, 3, "set it to 2"),
        ({"max.message.bytes": "1000"}, 3, 3, "raise max.message.bytes"),
        ({}, 1, 3, "has 1 replicas; give it 3"),
        ({}, 1, 2, "has 1 replicas; give it 2"),
    ],
)
def test_what_could_lose_records(changed: dict[str, str], replicas: int, brokers: int, said: str) -> None:
    found = unsafe("x.hits", HITS, SAFE | changed, KafkaSettings(), replicas=replicas, brokers=brokers)
    assert len(found) == (1 if said else 0)
    assert all(said in problem and "x.hits" in problem for problem in found)
    assert unsafe("x.shards", SHARDS, SAFE | changed, KafkaSettings(), replicas=replicas, brokers=brokers) == []


def test_fewer_replicas_can_be_asked_for() -> None:
    settings = KafkaSettings(replication_factor=1)
    assert unsafe("x.hits", HITS, SAFE | {"min.insync.replicas": "1"}, settings, replicas=1, brokers=3) == []


def test_partitions_that_can_never_change() -> None:
    assert wrong_count("x.hits", HITS, 99) == wrong_count("x.conversions", CONVERSIONS, 1) == ""
    assert "kafka.conversions_partitions is 1" in wrong_count("x.conversions", CONVERSIONS, 2)
    assert "kafka.shards is 8" in wrong_count("x.shards", SHARDS, 4)


async def config_of(bench: KafkaFixture, topic: str) -> dict[str, str]:
    async with Admin(bench) as admin:
        resource = ConfigResource(ConfigResourceType.TOPIC, bench.address.topic_prefix + topic)
        answers = await admin.describe_configs([resource])
        assert answers[0].resources[0][0] == 0
    return {entry[0]: entry[1] for entry in answers[0].resources[0][4]}


@pytest.mark.server
def test_topics_are_made_once_and_are_safe(kafka: GivenCluster) -> None:
    bench = KafkaFixture(kafka)

    async def story() -> None:
        await asyncio.gather(*(prepare_topics(bench.address, bench.settings) for _ in range(3)))
        observer = bench.observer("g")
        ids = [await observer.log_id(partition) for partition in await observer.partitions()]
        await prepare_topics(bench.address, bench.settings)
        assert [await observer.log_id(partition) for partition in await observer.partitions()] == ids
        await observer.close()
        config = await config_of(bench, "hits")
        assert config["cleanup.policy"] == "delete" and config["unclean.leader.election.enable"] == "false"
        assert int(config["retention.ms"]) >= 7 * 86_400_000

    asyncio.run(story())


@pytest.mark.server
def test_an_unsafe_topic_is_refused_unless_allowed(kafka: GivenCluster) -> None:
    bench = KafkaFixture(kafka)

    async def make(name: str, partitions: int, config: dict[str, Any]) -> None:
        async with Admin(bench) as admin:
            await admin.create_topics([NewTopic(bench.address.topic_prefix + name, partitions, 1, None, config)])

    async def story() -> None:
        await make("hits", 2, {"retention.ms": "1000"})
        with pytest.raises(UnsafeTopics, match=r"keeps records for 1 s; set retention\.ms"):
            await prepare_topics(bench.address, bench.settings)
        allowed = bench.settings.model_copy(update={"allow_unsafe_topics": True})
        await prepare_topics(bench.address, allowed)
        async with Admin(bench) as admin:
            name, partitions = bench.address.topic_prefix + "conversions", []
            await admin.create_partitions({name: NewPartitions(2)})
            while len(partitions) < 2:  # it takes a moment until they are told
                partitions = (await admin.describe_topics([name]))[0]["partitions"]
        with pytest.raises(UnsafeTopics, match=r"conversions has 2 partitions and kafka\.conversions_partitions is 1"):
            await prepare_topics(bench.address, allowed)

    asyncio.run(story())


def test_kafka_that_is_away_is_said() -> None:
    bench = KafkaFixture(GivenCluster("127.0.0.1:1"), request_timeout_ms=300)
    with pytest.raises(LogUnavailable, match="Kafka does not answer"):
        asyncio.run(prepare_topics(bench.address, bench.settings))
