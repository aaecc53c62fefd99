"""An edge's tail of a topic that is deduplicated on read: folds its records into a key index and answers waiters.

One task and one reader per partition, since a reader that waits for records answers nothing else. Folding
runs in one thread, a bounded chunk at a time. After an error, which is reported, a task restarts following a pause.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from eventlog.kafka.key_index import Folded, KeyIndex
from eventlog.port import Appended, AppendResult, LogUnavailable, Partition, Record, StoredClaims
from runtime import metrics
from runtime.logs import Throttled, logger

_log = Throttled(logger("eventlog"))
_T = TypeVar("_T")
_ROWS_MAX = 500
_BYTES_MAX = 1024**2
_WAIT_MS = 500
_READ_TIMEOUT_S = 3.0
"""Time after which a half-open connection is closed, so that decisions resume soon after an outage."""
_RETRY_PAUSE_S = 0.5


class LogReader(Protocol):
    """Reads Kafka by offset (eventlog/kafka/reader.py)."""

    async def log_id(self, partition: Partition) -> str: ...

    async def begin(self, partition: Partition) -> int: ...

    async def end(self, partition: Partition) -> int: ...

    async def read(
        self, partition: Partition, offset: int, rows_max: int, bytes_max: int, wait_ms: int = 0
    ) -> Sequence[Record]: ...

    async def close(self) -> None: ...


class Expected:
    """Decisions that a caller waits for, by the sequences of their records in one partition."""

    def __init__(self, partition: Partition, sequences: Sequence[int]) -> None:
        self.partition, self.sequences = partition, sequences
        self.future: asyncio.Future[list[AppendResult]] = asyncio.get_running_loop().create_future()
        self._places = {sequence: place for place, sequence in enumerate(sequences)}
        self._found: list[AppendResult | None] = [None] * len(sequences)
        self._missing = len(sequences)

    @property
    def told(self) -> bool:
        """All decisions are known."""
        return self.future.done() and not self.future.cancelled() and self.future.exception() is None

    def put(self, folded: Folded) -> None:
        """Add one decision; the last one completes the future."""
        if self.future.done():
            return
        if isinstance(folded.decision, Exception):
            self.future.set_exception(folded.decision)
            return
        appended = Appended(self.partition, folded.offset) if folded.decision.record is not None else None
        self._found[self._places[folded.sequence]] = AppendResult(folded.decision, appended)
        self._missing -= 1
        if not self._missing:
            self.future.set_result([one for one in self._found if one is not None])


class Tail:
    """Follows the partitions of one topic. All methods are called from one event loop."""

    def __init__(
        self,
        index: KeyIndex,
        open_reader: Callable[[], LogReader],
        stored: StoredClaims | None,
        origin: bytes,
        slot: str,
    ) -> None:
        self._index, self._open_reader, self._stored = index, open_reader, stored
        self._origin, self._slot = origin, slot
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"key index {slot}")
        self._tasks: list[asyncio.Task[None]] = []
        self._asker: LogReader | None = None
        self._positions: dict[Partition, int] = {}
        self._expected: dict[tuple[Partition, int], Expected] = {}
        self._reached: dict[Partition, list[tuple[int, asyncio.Future[None]]]] = {}
        self._trouble: dict[Partition, str] = {}
        self._blocked: set[Partition] = set()

    @property
    def trouble(self) -> str:
        """Reason why some partition has no decisions now; "" if all have."""
        return next(iter(self._trouble.values()), "")

    def blocked(self, partition: Partition) -> str:
        """Return why a partition has no decisions although Kafka may answer; "" if it has."""
        return self._trouble[partition] if partition in self._blocked else ""

    def start(self, partitions: Sequence[Partition]) -> None:
        """Start to follow these partitions."""
        self._asker = self._open_reader()
        self._tasks = [asyncio.ensure_future(self._run(partition)) for partition in partitions]

    def expect(self, partition: Partition, sequences: Sequence[int]) -> Expected:
        """Register records of this process whose decisions are awaited; call `forget` afterwards."""
        expected = Expected(partition, sequences)
        self._expected.update(((partition, sequence), expected) for sequence in sequences)
        return expected

    def forget(self, expected: Expected) -> None:
        for sequence in expected.sequences:
            self._expected.pop((expected.partition, sequence), None)
        if not expected.future.cancel() and not expected.future.cancelled():
            expected.future.exception()  # mark it as retrieved: there may be no waiter left

    async def try_out(self, partition: Partition, values: Sequence[bytes]) -> list[AppendResult]:
        """Return the decisions that the records would get now, at the end of the log. Raises LogUnavailable."""
        if self._asker is None:
            raise LogUnavailable("Kafka has not been reached yet")
        try:
            async with asyncio.timeout(_READ_TIMEOUT_S):
                end = await self._asker.end(partition)
        except TimeoutError:
            raise LogUnavailable("Kafka does not say where the log ends") from None
        await self._reach(partition, end)
        decisions = await self._in_thread(self._index.try_out, partition, values)
        return [AppendResult(decision, None) for decision in decisions]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for expected in self._expected.values():
            if not expected.future.done():
                expected.future.set_exception(LogUnavailable("the log is being closed"))
        if self._asker is not None:
            await self._asker.close()
        await self._in_thread(self._index.close)
        self._thread.shutdown()

    async def _reach(self, partition: Partition, offset: int) -> None:
        if self._positions.get(partition, -1) >= offset:
            return
        waiting = self._reached.setdefault(partition, [])
        entry = (offset, asyncio.get_running_loop().create_future())
        waiting.append(entry)
        try:
            await entry[1]
        finally:
            if entry in waiting:
                waiting.remove(entry)

    async def _run(self, partition: Partition) -> None:
        while True:
            reader = self._open_reader()
            try:
                await self._follow(reader, partition)
            except Exception as error:  # noqa: BLE001 - the log, the warehouse or the disk; it may pass
                if partition not in self._trouble:
                    _log.error("tail_stopped", topic=partition.topic, partition=partition.partition, error=str(error))
                self._trouble[partition] = str(error) or type(error).__name__
                if not isinstance(error, LogUnavailable | TimeoutError):
                    self._blocked.add(partition)
            finally:
                await reader.close()
            await asyncio.sleep(_RETRY_PAUSE_S)

    async def _follow(self, reader: LogReader, partition: Partition) -> None:
        """Fold until the topic is recreated, or retention removes records before they were folded."""
        log_id = await reader.log_id(partition)
        at = await self._begin(reader, partition, log_id)
        self._blocked.discard(partition)
        if self._trouble.pop(partition, None) is not None:
            _log.info("tail_goes_on", topic=partition.topic, partition=partition.partition, offset=at)
        while True:
            self._arrived(partition, at)
            async with asyncio.timeout(_READ_TIMEOUT_S):
                records = await reader.read(partition, at, _ROWS_MAX, _BYTES_MAX, _WAIT_MS)
            if await reader.log_id(partition) != log_id:
                return
            if records and records[0].offset > at and await reader.begin(partition) > at:
                return  # retention was faster; a gap alone may be a marker of a transaction
            if records:
                folded = await self._in_thread(self._index.fold, partition, log_id, records, self._origin)
                at = records[-1].offset + 1
                self._settle(partition, folded)
            behind = await reader.end(partition) - at if len(records) == _ROWS_MAX else 0
            metrics.gauge("clew_key_index_lag_records", behind, slot=self._slot)

    async def _begin(self, reader: LogReader, partition: Partition, log_id: str) -> int:
        """Return the offset to continue from: of the index, otherwise of the warehouse, otherwise the first one."""
        at, begin = await self._in_thread(self._index.position, partition, log_id), await reader.begin(partition)
        if at is not None and at >= begin:
            return at
        if self._stored is not None:
            at = await self._in_thread(self._index.load, partition, log_id, self._stored)
        if (at or 0) < begin:
            _log.error("records_gone", topic=partition.topic, partition=partition.partition, first=at or 0, end=begin)
        at = max(at or 0, begin)
        await self._in_thread(self._index.begin_at, partition, log_id, at)
        return at

    def _settle(self, partition: Partition, folded: Sequence[Folded]) -> None:
        for one in folded:
            expected = self._expected.get((partition, one.sequence))
            if expected is not None:
                expected.put(one)

    def _arrived(self, partition: Partition, at: int) -> None:
        self._positions[partition] = at
        for offset, future in self._reached.get(partition, ()):
            if offset <= at and not future.done():
                future.set_result(None)

    async def _in_thread(self, work: Callable[..., _T], *arguments: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
