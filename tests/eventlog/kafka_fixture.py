"""Ends of a log on Kafka under a topic prefix of its own, as the contract suite and the tests of this folder use it."""

import asyncio
import secrets
import threading
import zlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient

from eventlog.address import KafkaLog, parse_log_address
from eventlog.kafka.append_batch import Entry
from eventlog.kafka.appender import KafkaAppender
from eventlog.kafka.client import connection_options
from eventlog.kafka.consumer import KafkaConsumer
from eventlog.kafka.observer import KafkaObserver
from eventlog.kafka.topics import prepare_topics
from eventlog.port import Appended, AppendId, AppendResult, DedupRule, LogUnavailable, Partition, Record
from runtime.clock import SystemClock
from runtime.settings import KafkaSettings
from schemas.dedup.rules import decide
from schemas.events import HITS, TOPICS
from tests.servers.kafka import GivenCluster

_T = TypeVar("_T")
QUICK: dict[str, Any] = {"hits_partitions": 2, "shards": 2, "session_timeout_ms": 2_000, "request_timeout_ms": 5_000}


class PlainProducer:
    """AppendIds and appends, nothing else: what a producer on Kafka has at least."""

    def __init__(self, appender: KafkaAppender) -> None:
        self.appender, self.origin = appender, secrets.token_bytes(16)
        self._sequences: dict[Partition, int] = {}
        self._running: set[asyncio.Task[Sequence[Appended]]] = set()

    def entry(self, partition: Partition, value: bytes, key: bytes = b"k") -> Entry:
        sequence = self._sequences.get(partition, 0)
        self._sequences[partition] = sequence + 1
        return Entry(key, value, AppendId(self.origin, sequence))

    async def append(self, topic: str, key: bytes, values: Sequence[bytes]) -> Sequence[Appended]:
        task = asyncio.ensure_future(self._append(topic, key, values))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await task

    async def _append(self, topic: str, key: bytes, values: Sequence[bytes]) -> Sequence[Appended]:
        if not self.appender.count(topic):
            await self.appender.start()
        partition = Partition(topic, zlib.crc32(key) % self.appender.count(topic))
        entries = [self.entry(partition, value, key) for value in values]
        return [Appended(partition, offset) for offset in await self.appender.append(partition, entries)]

    async def decide(
        self, topic: str, values: Sequence[bytes], *, keys: Sequence[bytes], dry_run: bool = False
    ) -> Sequence[AppendResult]:
        raise NotImplementedError("this one does not rule")

    async def unhealthy_reason(self) -> str | None:
        return await self.appender.unhealthy_reason()

    async def close(self) -> None:
        if self._running:
            await asyncio.wait(self._running)
        await self.appender.close()


class KafkaFixture:
    """Topics of its own on a shared cluster; keyword arguments are settings. `via` stands for the cluster's address."""

    def __init__(self, cluster: GivenCluster, **settings: Any) -> None:
        address = parse_log_address(cluster.address(f"t{secrets.token_hex(4)}."))
        assert isinstance(address, KafkaLog)
        self.address, self.settings = address, KafkaSettings(**(QUICK | settings))

    def prepare(self) -> "KafkaFixture":
        in_thread(lambda: prepare_topics(self.address, self.settings))
        return self

    def appender(self, **settings: Any) -> KafkaAppender:
        return KafkaAppender(self.address, self.settings.model_copy(update=settings), SystemClock())

    def producer(self, worker: int, rule: DedupRule = decide) -> PlainProducer:
        return PlainProducer(self.appender())

    def consumer(self, group: str, topics: Sequence[str] = TOPICS, **options: Any) -> KafkaConsumer:
        return KafkaConsumer(self.address, group, self.settings, SystemClock(), topics, **options)

    def observer(self, group: str) -> KafkaObserver:
        return KafkaObserver(self.address, group, self.settings, SystemClock())

    def remake(self, partition: Partition) -> None:
        in_thread(lambda: self._remake(partition))

    async def _remake(self, partition: Partition) -> None:
        observer = self.observer("remaker")
        before = await observer.log_id(partition)
        await self.remove(partition.topic)
        await retried(lambda: prepare_topics(self.address, self.settings))
        while await retried(lambda: observer.log_id(partition)) == before:
            await asyncio.sleep(0.05)
        await observer.close()

    async def remove(self, topic: str) -> None:
        """Remove a topic, and wait until brokers say that it is gone: until then nobody would make it again."""
        name = self.address.topic_prefix + topic
        async with Admin(self) as admin, asyncio.timeout(30):
            await admin.delete_topics([name])
            while name in await admin.list_topics():
                await asyncio.sleep(0.05)

    async def all_hits(self) -> dict[Partition, list[Record]]:
        """Every record of `hits`, by partition."""
        observer = self.observer("reader")
        found = {
            partition: list(await retried(lambda p=partition: observer.read(p, 0, 10_000_000, 1 << 40)))
            for partition in await retried(observer.partitions)
            if partition.topic == HITS
        }
        await observer.close()
        return found


class Admin:
    """The library's client for administration, as a context."""

    def __init__(self, bench: KafkaFixture) -> None:
        self._client = AIOKafkaAdminClient(**connection_options(bench.address, bench.settings, "test"))

    async def __aenter__(self) -> Any:
        await self._client.start()
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()


async def retried(ask: Callable[[], Awaitable[_T]], timeout_s: float = 30) -> _T:
    """The answer, as somebody gets it who tries again while Kafka is in trouble."""
    for _ in range(int(timeout_s / 0.1)):
        try:
            return await ask()
        except LogUnavailable:
            await asyncio.sleep(0.1)
    return await ask()


def in_thread(work: Callable[[], Awaitable[None]]) -> None:
    """Run it to its end in an event loop of its own, also from inside one."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(_awaited(work))
        except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


async def _awaited(work: Callable[[], Awaitable[None]]) -> None:
    await work()
