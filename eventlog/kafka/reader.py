"""Reads topics of Kafka by offset: what members of a group and observers share. It joins nothing and commits nothing.

Every question is asked of the broker, never of a cache older than a look (a fifth of a second), and records are
fetched by topic id: a topic that was removed and recreated is a different log from its first byte on.
Errors of Kafka are retried a few times, then raised as LogUnavailable; the caller continues later.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.errors import for_code
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.offset import OffsetRequest

from eventlog.address import KafkaLog
from eventlog.kafka.client import RETRY_BACKOFF_MS, TROUBLE, connect
from eventlog.kafka.fetched_records import Fetched
from eventlog.kafka.protocol import FetchRequest, TopicsRequest
from eventlog.port import LogUnavailable, Partition, Position, Record
from runtime.clock import Clock
from runtime.settings import KafkaSettings

_T = TypeVar("_T")
_LOOK_AGE_MAX_S = 0.2
_TRIES_MAX = 4
_BEGIN, _END = -2, -1
_OUT_OF_RANGE = 1
_THREAD_BYTES_MIN = 256 * 1024
"""Answers at least this large are decoded in a thread: at 3 µs a record they would hold up the event loop."""


class BrokerError(Exception):
    """A broker refused a request."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{for_code(code).__name__} ({code})")
        self.code = code


@dataclass(slots=True)
class _Topic:
    topic_id: bytes
    leaders: dict[int, int] = field(default_factory=dict)


class KafkaReader:
    """Topics of one address, named without its prefix."""

    def __init__(self, address: KafkaLog, settings: KafkaSettings, clock: Clock, topics: Iterable[str]) -> None:
        self._address, self._settings, self._clock = address, settings, clock
        self._names = {address.topic_prefix + topic: topic for topic in topics}
        self._client: AIOKafkaClient | None = None
        self._connecting = asyncio.Lock()
        self._topics: dict[str, _Topic] = {}
        self._looked_s = float("-inf")
        self._coordinators: dict[str, int] = {}
        self._buffers: dict[Partition, Fetched] = {}

    async def partitions(self) -> list[Partition]:
        """Return the partitions that exist now, sorted."""

        async def ask() -> list[Partition]:
            await self._look()
            return sorted(Partition(name, number) for name, topic in self._topics.items() for number in topic.leaders)

        return await self._retried("partitions", ask)

    async def log_id(self, partition: Partition) -> str:
        """Return the topic's id combined with the partition's number: 32 hex digits, new if the topic is recreated."""

        async def ask() -> str:
            await self._look()
            return self._log_id(partition)

        return await self._retried("log_id", ask)

    def _log_id(self, partition: Partition) -> str:
        return f"{int.from_bytes(self._topic(partition).topic_id, 'big') ^ partition.partition:032x}"

    async def begin(self, partition: Partition) -> int:
        return await self._retried("begin", lambda: self._offset(partition, _BEGIN))

    async def end(self, partition: Partition) -> int:
        """Return the high watermark: the end of the records that every in-sync replica has."""
        return await self._retried("end", lambda: self._offset(partition, _END))

    async def read(
        self, partition: Partition, offset: int, rows_max: int, bytes_max: int, wait_ms: int = 0
    ) -> list[Record]:
        """Records from `offset` on. With `wait_ms` an empty answer waits for a record; other questions wait with it."""
        records: list[Record] = []
        size = 0
        while len(records) < rows_max and (size < bytes_max or not records):
            fetched = self._buffers.pop(partition, None)
            if fetched is None or fetched.next_offset != offset:
                fetched = await self._fetch(partition, offset, wait_ms if not records else 0)
            if not fetched.data_bytes:
                break
            take = fetched.take
            limits = rows_max - len(records), bytes_max - size, not records
            more = await asyncio.to_thread(take, *limits) if fetched.data_bytes >= _THREAD_BYTES_MIN else take(*limits)
            if not more and fetched.next_offset == offset:
                break
            records += more
            size += sum(len(record.value) for record in more)
            offset = fetched.next_offset
            if not fetched.empty:
                self._buffers[partition] = fetched
                break
        return records

    async def position(self, group: str, partition: Partition) -> Position | None:
        """Return the committed position of a group (named without the prefix) for this log identity."""
        return await self._retried("position", lambda: self._position(group, partition))

    def keep_buffers(self, partitions: Iterable[Partition]) -> None:
        """Forget what was fetched ahead of any other partition."""
        self._buffers = {partition: self._buffers[partition] for partition in partitions if partition in self._buffers}

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    # ------------------------------------------------------------------------------------- one question each

    async def _offset(self, partition: Partition, which: int) -> int:
        await self._look()
        name = self._address.topic_prefix + partition.topic
        request = OffsetRequest(-1, 0, [(name, [(partition.partition, which)])])
        answer = await self._ask_leader(partition, request)
        _, code, _, offset = answer.topics[0][1][0]
        _check(code)
        return int(offset)

    async def _fetch(self, partition: Partition, offset: int, wait_ms: int) -> Fetched:
        async def ask() -> Fetched:
            await self._look()
            bytes_max = self._settings.fetch_bytes_max
            request = FetchRequest(self._topic(partition).topic_id, partition.partition, offset, bytes_max, wait_ms)
            answer = await self._ask_leader(partition, request)
            _check(answer.error_code)
            _, code, _, _, _, _, _, data, _ = answer.topics[0][1][0]
            _check(code)
            return Fetched(data or b"", offset)

        try:
            return await self._retried("read", ask)
        except LogUnavailable as error:
            if not isinstance(error.__cause__, BrokerError) or error.__cause__.code != _OUT_OF_RANGE:
                raise
        begin = await self.begin(partition)  # retention took what was asked for: what is kept begins later
        return Fetched(b"", offset) if offset >= begin else await self._fetch(partition, begin, wait_ms)

    async def _position(self, group: str, partition: Partition) -> Position | None:
        await self._look()
        client, name = await self._connected(), self._address.topic_prefix + group
        node = self._coordinators.get(name)
        if node is None:
            node = self._coordinators[name] = await client.coordinator_lookup(CoordinationType.GROUP, name)
        topic = self._address.topic_prefix + partition.topic
        request = OffsetFetchRequest(name, [(topic, [partition.partition])])
        try:
            answer = await client.send(node, request, group=ConnectionGroup.COORDINATION)
            _check(getattr(answer, "error_code", 0))  # of the group as a whole: then no topic is answered
            _, offset, metadata, code = answer.topics[0][1][0]
            _check(code)
        except (BrokerError, *TROUBLE):
            self._coordinators.pop(name, None)
            raise
        return decode_position(self._log_id(partition), offset, metadata or "")

    # ------------------------------------------------------------------------------------------------ asking

    def _topic(self, partition: Partition) -> _Topic:
        topic = self._topics.get(partition.topic)
        if topic is None or partition.partition not in topic.leaders:
            raise BrokerError(3)
        return topic

    async def _ask_leader(self, partition: Partition, request: object) -> Any:
        leader = self._topic(partition).leaders[partition.partition]
        if leader < 0:
            raise BrokerError(5)
        return await (await self._connected()).send(leader, request)

    async def _retried(self, what: str, ask: Callable[[], Awaitable[_T]]) -> _T:
        """Send a request; after an error refresh the metadata and retry."""
        deadline_s = self._clock.monotonic_s() + self._settings.request_timeout_ms / 1000
        for left in reversed(range(_TRIES_MAX)):
            try:
                return await ask()
            except (BrokerError, *TROUBLE) as error:
                self._looked_s = float("-inf")
                hopeless = isinstance(error, BrokerError) and error.code == _OUT_OF_RANGE
                if not left or hopeless or self._clock.monotonic_s() > deadline_s:
                    raise LogUnavailable(f"Kafka does not answer ({what}): {error or type(error).__name__}") from error
                if not isinstance(error, BrokerError):
                    await self._disconnect()
            await asyncio.sleep(RETRY_BACKOFF_MS / 1000)
        raise AssertionError("unreachable")

    async def _connected(self) -> AIOKafkaClient:
        async with self._connecting:
            if self._client is None:
                self._client = await connect(self._address, self._settings, "clew-reader")
            return self._client

    async def _disconnect(self) -> None:
        """Disconnect; the next request starts from the configured addresses, because brokers may have moved."""
        async with self._connecting:
            client, self._client = self._client, None
            if client is not None:
                await client.close()

    async def _look(self) -> None:
        """Refresh the topics unless they were read a moment ago."""
        if self._clock.monotonic_s() - self._looked_s < _LOOK_AGE_MAX_S:
            return
        now_s = self._clock.monotonic_s()
        client = await self._connected()
        answer = await client.send(client.get_random_node(), TopicsRequest(sorted(self._names)))
        topics = {}
        for code, name, topic_id, _, partitions, *_ in answer.topics:
            if code == 0:
                leaders = {number: leader for _, number, leader, *_ in partitions}
                topics[self._names[name]] = _Topic(topic_id, leaders)
        for partition in list(self._buffers):
            before, after = self._topics.get(partition.topic), topics.get(partition.topic)
            if before is None or after is None or before.topic_id != after.topic_id:
                del self._buffers[partition]
        self._topics, self._looked_s = topics, now_s


def encode_position(log_id: str, position: Position) -> str:
    """Metadata of a commit: which log it speaks of, and the intent."""
    return f"{log_id}|{position.intent}"


def decode_position(log_id: str, offset: int, metadata: str) -> Position | None:
    """Decode a committed position; None if nothing is committed, or only for another log identity."""
    of_log, bar, intent = metadata.partition("|")
    return Position(offset, intent) if offset >= 0 and bar and of_log == log_id else None


def _check(code: int) -> None:
    if code:
        raise BrokerError(code)
