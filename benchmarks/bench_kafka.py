"""Appends to Kafka through our batches, compared with the client library's batches of the same sizes."""

import asyncio
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from aiokafka import AIOKafkaProducer

from benchmarks.measure import Result
from eventlog.address import KafkaLog, parse_log_address
from eventlog.kafka.append_batch import Entry
from eventlog.kafka.appender import KafkaAppender
from eventlog.kafka.client import connection_options
from eventlog.kafka.reader import KafkaReader
from eventlog.kafka.record_ids import HEADER, encode_append_id
from eventlog.kafka.topics import prepare_topics
from eventlog.port import AppendId, Partition
from runtime.clock import SystemClock
from runtime.settings import KafkaSettings
from schemas.events import HITS
from tests.servers.kafka import KafkaCluster, given_cluster

RECORD = b"x" * 400
RECORDS = 200_000
CALLERS = (100, 500)
ORIGIN = bytes(16)


def run(folder: Path) -> Iterator[Result]:
    """Measure records per second, where each caller waits for each of its records; then reading all records."""
    given = given_cluster()
    own = KafkaCluster(folder / "kafka", 1) if given is None else None
    cluster = own or given
    assert cluster is not None
    try:
        if own is not None:
            own.start()
        for callers in CALLERS:
            address = parse_log_address(cluster.address(f"bench{secrets.token_hex(4)}."))
            assert isinstance(address, KafkaLog)
            asyncio.run(prepare_topics(address, KafkaSettings()))
            asyncio.run(_ours(address, callers, RECORDS // 10))  # warm up the JIT of the brokers
            ours, read = asyncio.run(_ours(address, callers, RECORDS)), asyncio.run(_read(address))
            peer = asyncio.run(_library(address, callers, RECORDS))
            yield Result(
                f"kafka: appends, {callers} waiting callers", ours, "records/s", "aiokafka send_batch alone", peer
            )
        yield Result("kafka: reading, one partition at a time", read, "records/s")
    finally:
        if own is not None:
            own.stop()


async def _ours(address: KafkaLog, callers: int, records: int) -> float:
    settings = KafkaSettings()
    appender = KafkaAppender(address, settings, SystemClock())
    await appender.start()

    async def caller(number: int) -> None:
        partition = Partition(HITS, number % settings.hits_partitions)
        for n in range(records // callers):
            await appender.append(partition, [Entry(b"k", RECORD, AppendId(ORIGIN, n))])

    started = time.perf_counter()
    await asyncio.gather(*(caller(number) for number in range(callers)))
    seconds = time.perf_counter() - started
    await appender.close()
    return records / seconds


async def _library(address: KafkaLog, callers: int, records: int) -> float:
    """Send batches of the size that waiting callers would fill, one batch in flight per partition."""
    settings = KafkaSettings()
    producer = AIOKafkaProducer(
        acks="all", enable_idempotence=True, max_batch_size=settings.batch_bytes_max,
        **connection_options(address, settings, "bench"),
    )  # fmt: skip
    await producer.start()
    each = callers // settings.hits_partitions

    async def lane(partition: int) -> None:
        for n in range(records // settings.hits_partitions // each):
            batch = producer.create_batch()
            for _ in range(each):
                append_id = encode_append_id(AppendId(ORIGIN, n))
                batch.append(timestamp=None, key=b"k", value=RECORD, headers=[(HEADER, append_id)])
            await (await producer.send_batch(batch, address.topic_prefix + HITS, partition=partition))

    started = time.perf_counter()
    await asyncio.gather(*(lane(partition) for partition in range(settings.hits_partitions)))
    seconds = time.perf_counter() - started
    await producer.stop()
    return records / seconds


async def _read(address: KafkaLog) -> float:
    reader = KafkaReader(address, KafkaSettings(), SystemClock(), (HITS,))
    partitions = await reader.partitions()
    count, started = 0, time.perf_counter()
    for partition in partitions:
        offset, end = 0, await reader.end(partition)
        while offset < end:
            records = await reader.read(partition, offset, 50_000, 32 * 1024**2)
            count, offset = count + len(records), records[-1].offset + 1
    seconds = time.perf_counter() - started
    await reader.close()
    return count / seconds
