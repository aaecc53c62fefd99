"""Factories for producers and consumers: the only branch on the kind of log. Imports Kafka's client only for Kafka."""

from collections.abc import Sequence
from pathlib import Path

from eventlog.address import KafkaLog, LogAddress, SqliteLog
from eventlog.port import AppendId, Consumer, DedupRule, Partition, Producer, StoredClaims
from eventlog.sqlite.consumer import SqliteConsumer
from eventlog.sqlite.producer import SqliteProducer
from runtime.clock import Clock
from runtime.settings import Settings
from schemas.dedup.rules import decide

_NO_GROUP = ""


async def open_producer(
    address: LogAddress, settings: Settings, clock: Clock, *, worker: int = 0, folder: Path | None = None,
    stored: StoredClaims | None = None, dedup_rule: DedupRule = decide,
) -> Producer:  # fmt: skip
    """Open the producer of one edge process. Raises LogUnavailable, sqlite3.Error, OSError.

    On Kafka it starts even while Kafka is unavailable, and keeps queued records and its key index in `folder`; the
    index starts from `stored`.
    """
    if isinstance(address, SqliteLog):
        return SqliteProducer(address.folder, worker, settings.eventlog, clock, dedup_rule)
    if folder is None:
        raise ValueError("a producer on Kafka needs a folder for queued records")
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
    """Append records with given append ids; readers drop those already in the log. Raises LogUnavailable."""
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
    """Open a member of a group: it owns all partitions of an embedded log, or its share of Kafka's."""
    if isinstance(address, SqliteLog):
        return SqliteConsumer(address.folder, group, settings.eventlog, clock)
    from eventlog.kafka.consumer import KafkaConsumer

    return KafkaConsumer(address, group, settings.kafka, clock)


def open_observer(address: LogAddress, group: str, settings: Settings, clock: Clock) -> Consumer:
    """Open a read-only view of all partitions and of a group's positions, without joining the group."""
    if isinstance(address, SqliteLog):
        return SqliteConsumer(address.folder, group, settings.eventlog, clock)
    from eventlog.kafka.observer import KafkaObserver

    return KafkaObserver(address, group, settings.kafka, clock)


def open_shards(address: KafkaLog, group: str, settings: Settings, clock: Clock) -> Consumer:
    """Open a member of the attribution group: it owns shards, which hold no records."""
    from eventlog.kafka.consumer import KafkaConsumer
    from eventlog.kafka.topics import SHARDS

    return KafkaConsumer(address, group, settings.kafka, clock, (SHARDS,), finish_batches=False)


def open_shards_observer(address: KafkaLog, group: str, settings: Settings, clock: Clock) -> Consumer:
    """Open a read-only view of the group's committed shard positions."""
    from eventlog.kafka.observer import KafkaObserver
    from eventlog.kafka.topics import SHARDS

    return KafkaObserver(address, group, settings.kafka, clock, (SHARDS,))


async def count_shards(address: KafkaLog, settings: Settings, clock: Clock) -> int:
    """Count the shards; 0 before `prepare_topics`. Raises LogUnavailable."""
    observer = open_shards_observer(address, _NO_GROUP, settings, clock)
    try:
        return len(await observer.partitions())
    finally:
        await observer.close()
