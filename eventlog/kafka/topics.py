"""Creates Clew's topics and refuses those that could lose records.

Partitions of `conversions` and `shards` decide which reader sees what, so their number is checked at every start and
never changes; the settings that were in force when the topics were made are the record of it.
"""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from eventlog.address import KafkaLog
from eventlog.kafka.client import RETRY_BACKOFF_MS, TROUBLE, connection_options
from eventlog.kafka.protocol import TopicsRequest
from eventlog.port import LogUnavailable
from runtime.logs import logger
from runtime.settings import KafkaSettings
from schemas.events import CONVERSIONS, HITS

SHARDS = "shards"
"""Topic without records: who owns its partition s in the group of attribution owns shard s."""

_REPLICAS = 3
_log = logger("eventlog")


class UnsafeTopics(Exception):
    """Topics that could lose records or change verdicts; one sentence a line, each with the fix."""


@dataclass(frozen=True, slots=True)
class Topic:
    """Required configuration of a topic."""

    name: str
    partitions: int
    fixed: bool
    """True if the number of partitions must never change."""

    setting: str
    records: bool = True


class _Found(NamedTuple):
    """A partition that exists."""

    leader: int
    replicas: int


def topics_of(settings: KafkaSettings) -> tuple[Topic, ...]:
    return (
        Topic(HITS, settings.hits_partitions, False, "kafka.hits_partitions"),
        Topic(CONVERSIONS, settings.conversions_partitions, True, "kafka.conversions_partitions"),
        Topic(SHARDS, settings.shards, True, "kafka.shards", records=False),
    )


async def prepare_topics(address: KafkaLog, settings: KafkaSettings) -> None:
    """Create missing topics and check existing ones. Raises UnsafeTopics, LogUnavailable."""
    try:
        admin = AIOKafkaAdminClient(**connection_options(address, settings, "clew-topics"))
        try:
            await admin.start()
            await _prepare(admin, address, settings)
        finally:
            await admin.close()
    except TROUBLE as error:
        raise LogUnavailable(f"Kafka does not answer: {error or type(error).__name__}") from error


async def _prepare(admin: AIOKafkaAdminClient, address: KafkaLog, settings: KafkaSettings) -> None:
    brokers = len((await admin.describe_cluster())["brokers"])
    wanted = {address.topic_prefix + topic.name: topic for topic in topics_of(settings)}
    found = await _described(admin, list(wanted))
    missing = [name for name in wanted if name not in found]
    if missing:
        await _make(admin, {name: wanted[name] for name in missing}, settings, brokers)
        found = await _settled(admin, list(wanted), settings.request_timeout_ms)
    problems, warnings = [], []
    for name, topic in wanted.items():
        config = await _config(admin, name, settings.request_timeout_ms)
        replicas = min(partition.replicas for partition in found[name])
        final = wrong_count(name, topic, len(found[name]))
        if final:
            raise UnsafeTopics(final)
        problems += unsafe(name, topic, config, settings, replicas=replicas, brokers=brokers)
        if topic.records and replicas < _REPLICAS:
            warnings.append(name)
    if warnings:
        _log.warning(
            "few_replicas", topics=warnings, brokers=brokers,
            fix="a broker that loses its disk takes answered records with it; run three brokers",
        )  # fmt: skip
    if problems and not settings.allow_unsafe_topics:
        raise UnsafeTopics("\n".join(problems))
    for problem in problems:
        _log.warning("unsafe_topic", problem=problem)


def wrong_count(name: str, topic: Topic, partitions: int) -> str:
    """ "" or why the topic cannot be worked on, whatever is allowed."""
    if not topic.fixed or partitions == topic.partitions:
        return ""
    return (
        f"topic {name} has {partitions} partitions and {topic.setting} is {topic.partitions}: "
        "the number it was made with can never change; set the other one back"
    )


def unsafe(
    name: str, topic: Topic, config: dict[str, str], settings: KafkaSettings, *, replicas: int, brokers: int
) -> list[str]:
    """List the ways in which the topic could lose records: one sentence each, with the fix."""
    if not topic.records:
        return []
    problems = []
    wanted_replicas = settings.replication_factor or min(_REPLICAS, brokers)
    if replicas < wanted_replicas:
        problems.append(f"topic {name} has {replicas} replicas; give it {wanted_replicas}")
    if replicas >= _REPLICAS and int(config["min.insync.replicas"]) < 2:
        problems.append(f"topic {name} has min.insync.replicas={config['min.insync.replicas']}; set it to 2")
    if config["cleanup.policy"] != "delete":
        problems.append(f"topic {name} has cleanup.policy={config['cleanup.policy']}; set it to delete")
    if config["unclean.leader.election.enable"] != "false":
        problems.append(f"topic {name} has unclean.leader.election.enable=true; set it to false")
    retention_ms = int(config["retention.ms"])
    if 0 <= retention_ms < settings.retention_age_min_s * 1000:
        problems.append(
            f"topic {name} keeps records for {retention_ms // 1000} s; set retention.ms to at least "
            f"{settings.retention_age_min_s * 1000}, or to -1"
        )
    if int(config["retention.bytes"]) >= 0:
        problems.append(f"topic {name} drops records by size, read or not; set retention.bytes to -1")
    if int(config["max.message.bytes"]) < settings.batch_bytes_max:
        problems.append(
            f"topic {name} takes batches of at most {config['max.message.bytes']} bytes; raise max.message.bytes "
            "or lower kafka.batch_bytes_max"
        )
    return problems


async def _make(admin: AIOKafkaAdminClient, wanted: dict[str, Topic], settings: KafkaSettings, brokers: int) -> None:
    replicas = settings.replication_factor or min(_REPLICAS, brokers)
    config = {
        "cleanup.policy": "delete",
        "retention.ms": "-1" if settings.retention_age_min_s == 0 else str(4 * settings.retention_age_min_s * 1000),
        "retention.bytes": "-1",
        "min.insync.replicas": "2" if replicas >= _REPLICAS else "1",
        "unclean.leader.election.enable": "false",
        "max.message.bytes": str(max(1_048_588, 2 * settings.batch_bytes_max)),
    }
    asked = [NewTopic(name, topic.partitions, replicas, topic_configs=config) for name, topic in wanted.items()]
    answer = await admin.create_topics(asked)
    for name, code, *message in answer.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):  # another station makes them too
            raise LogUnavailable(f"topic {name} could not be made: {message[0] or for_code(code).__name__}")
        _log.info("topic_made", topic=name, partitions=wanted[name].partitions, replicas=replicas)


async def _described(admin: AIOKafkaAdminClient, names: list[str], node: int | None = None) -> dict[str, list[_Found]]:
    """Return the partitions of the topics that a broker knows; never create a topic by asking."""
    answer = await admin._send_request(TopicsRequest(names), node)
    return {
        name: [_Found(leader, len(replicas)) for _, _, leader, _, replicas, *_ in partitions]
        for code, name, _, _, partitions, *_ in answer.topics
        if code == 0
    }


async def _settled(admin: AIOKafkaAdminClient, names: list[str], timeout_ms: int) -> dict[str, list[_Found]]:
    """The same once every broker that answers knows new topics, with their leaders: they hear of them one by one."""
    nodes = [broker.nodeId for broker in admin._client.cluster.brokers()]
    found: dict[str, list[_Found]] = {}
    for _ in range(max(1, timeout_ms // RETRY_BACKOFF_MS)):
        unsettled = False
        for node in nodes:
            try:
                found = await _described(admin, names, node)
            except TROUBLE:  # it is down, and will know when it is back
                continue
            leaders = [partition.leader for partitions in found.values() for partition in partitions]
            unsettled = unsettled or len(found) < len(names) or min(leaders) < 0
        if found and not unsettled:
            return found
        await asyncio.sleep(RETRY_BACKOFF_MS / 1000)
    raise LogUnavailable("the topics were made but have no leaders yet")


async def _config(admin: AIOKafkaAdminClient, name: str, timeout_ms: int) -> dict[str, str]:
    """A topic's settings. A broker may not have heard of a new topic that another one knows, so it is asked again."""
    tries = max(1, timeout_ms // RETRY_BACKOFF_MS)
    while True:
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        code, message, _, _, entries = answers[0].resources[0]
        tries -= 1
        if code == 0:
            return {entry[0]: entry[1] for entry in entries}
        if code != UnknownTopicOrPartitionError.errno or not tries:
            raise LogUnavailable(f"the settings of topic {name} cannot be read: {message or for_code(code).__name__}")
        await asyncio.sleep(RETRY_BACKOFF_MS / 1000)
