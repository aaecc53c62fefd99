"""Which log it is: the only branch on its kind. The client of Kafka is loaded where there is a Kafka only."""

from collections.abc import Sequence
from pathlib import Path

from eventlog.address import KafkaLog, LogAddress, SqliteLog
from eventlog.port import AppendId, Consumer, DedupRule, Partition, Producer, StoredClaims
from eventlog.sqlite.consumer import SqliteConsumer
from eventlog.sqlite.producer import SqliteProducer
from runtime.clock import Clock
from runtime.settings import Settings
from schemas.dedup.rules import rule

_NO_GROUP = ""


async def open_producer(
    address: LogAddress, settings: Settings, clock: Clock, *, worker: int = 0, folder: Path | None = None,
    stored: StoredClaims | None = None, dedup_rule: DedupRule = rule,
) -> Producer:  # fmt: skip
    """The producer of one edge process. Raises LogUnavailable, sqlite3.Error, OSError.

    On Kafka it starts whether Kafka answers or not, and keeps what waits, and the keys that are claimed, in
    `folder`; `stored` is where an index of keys can begin.
    """
    if isinstance(address, SqliteLog):
        return SqliteProducer(address.folder, worker, settings.eventlog, clock, dedup_rule)
    if folder is None:
        raise ValueError("a producer on Kafka needs a folder for what waits")
    from eventlog.kafka.appender import KafkaAppender
    from eventlog.kafka.observer import KafkaObserver
    from eventlog.kafka.producer import KafkaProducer

    kafka: KafkaLog = address
    appender = KafkaAppender(kafka, settings.kafka, clock)
    producer = KafkaProducer(
        appender, lambda: KafkaObserver(kafka, _NO_GROUP, settings.kafka, clock), folder, settings.spill,
        settings.kafka, clock, dedup_rule, stored,
    )  # fmt: skip
    await producer.start()
    return producer


async def append_marked(
    address: KafkaLog, records: Sequence[tuple[Partition, bytes, AppendId]], settings: Settings, clock: Clock
) -> None:
    """Append records whose append ids are given: one that is there already becomes a repeat. Raises LogUnavailable."""
    from eventlog.kafka.append_batch import Entry
    from eventlog.kafka.appender import KafkaAppender

    appender = KafkaAppender(address, settings.kafka, clock)
    try:
        await appender.start()
        for partition, value, append_id in records:
            await appender.append(partition, [Entry(b"", value, append_id)])
    finally:
        await appender.close()


def open_consumer(address: LogAddress, group: str, settings: Settings, clock: Clock) -> Consumer:
    """A member of a group: it owns all partitions of an embedded log, and its share of Kafka's."""
    if isinstance(address, SqliteLog):
        return SqliteConsumer(address.folder, group, settings.eventlog, clock)
    from eventlog.kafka.consumer import KafkaConsumer

    return KafkaConsumer(address, group, settings.kafka, clock)


def open_observer(address: LogAddress, group: str, settings: Settings, clock: Clock) -> Consumer:
    """Whoever looks at all partitions and at a group's positions without being one of it; only reads."""
    if isinstance(address, SqliteLog):
        return SqliteConsumer(address.folder, group, settings.eventlog, clock)
    from eventlog.kafka.observer import KafkaObserver

    return KafkaObserver(address, group, settings.kafka, clock)


def open_shards(address: KafkaLog, group: str, settings: Settings, clock: Clock) -> Consumer:
    """A member of the group of attribution: what it owns are shards, which hold no records."""
    from eventlog.kafka.consumer import KafkaConsumer
    from eventlog.kafka.topics import SHARDS

    return KafkaConsumer(address, group, settings.kafka, clock, (SHARDS,), finish_batches=False)


def open_shards_observer(address: KafkaLog, group: str, settings: Settings, clock: Clock) -> Consumer:
    """Whoever looks at what the group has committed of its shards."""
    from eventlog.kafka.observer import KafkaObserver
    from eventlog.kafka.topics import SHARDS

    return KafkaObserver(address, group, settings.kafka, clock, (SHARDS,))


async def count_shards(address: KafkaLog, settings: Settings, clock: Clock) -> int:
    """How many shards there are; 0 before `make_topics`. Raises LogUnavailable."""
    observer = open_shards_observer(address, _NO_GROUP, settings, clock)
    try:
        return len(await observer.partitions())
    finally:
        await observer.close()
