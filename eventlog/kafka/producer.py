"""The producer of an edge on Kafka. No caller waits for Kafka longer than a time limit; then its records are spilled.

Decisions come from the edge's own tail of the log, in log order. While Kafka is unavailable they are based on local
knowledge, and `accepted` is not final. A record gets its append id when it is first handed over.
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from eventlog.kafka import file_slots
from eventlog.kafka.append_batch import Entry
from eventlog.kafka.append_ids import AppendIds
from eventlog.kafka.budget import AppendBudget
from eventlog.kafka.claim_decisions import ClaimDecisions, tolerate_unknown_keys
from eventlog.kafka.connection import NOT_REACHED, KafkaConnection
from eventlog.kafka.key_index import KeyIndex
from eventlog.kafka.partition_counts import PartitionCounts
from eventlog.kafka.spill import Spill
from eventlog.kafka.spill_adoption import SpillAdoption
from eventlog.kafka.spill_drain import Appender, Drain
from eventlog.kafka.spill_file import Candidate
from eventlog.kafka.tail import LogReader, Tail
from eventlog.port import Appended, AppendResult, DedupRule, LogUnavailable, Partition, StoredClaims
from runtime.bounded_wait import BoundedWait, TooManyWaiting
from runtime.clock import Clock
from runtime.logs import Throttled, logger
from runtime.settings import KafkaSettings, SpillSettings
from schemas.dedup.rules import Decision
from schemas.events import HITS, Touch
from schemas.wire import decode

_log = Throttled(logger("eventlog"))
_T = TypeVar("_T")
UNPLACED = -1
"""Offset of a record that waits in the local log."""
ORIGIN_BYTES = 16
_ENTRY_BYTES_MAX = 512
"""Upper bound of what a record takes besides its value."""
_WAITING_MAX = 100_000
_START_TIMEOUT_S = 2.0
_CLOSE_TIMEOUT_S = 5.0


class KafkaProducer:
    """Producer of one edge process. Create it, then `start` it; from then on it works with or without Kafka."""

    def __init__(
        self, appender: Appender, open_reader: Callable[[], LogReader], folder: Path, spill: SpillSettings,
        kafka: KafkaSettings, clock: Clock, rule: DedupRule, stored: StoredClaims | None = None,
    ) -> None:  # fmt: skip
        """Open the local log and the key index in `folder`. Raises sqlite3.Error, OSError, FileLocked."""
        self._appender, self._settings, self._kafka = appender, spill, kafka
        self._budget = AppendBudget(spill.append_timeout_ms)
        self._bounded_wait = BoundedWait(_WAITING_MAX, self._budget.base_s / 4)
        self._append_ids = AppendIds(secrets.token_bytes(ORIGIN_BYTES))
        self._index_slot = file_slots.take(folder, "keys")
        index = KeyIndex(self._index_slot.path, rule)
        self._tail = Tail(index, open_reader, stored, self._append_ids.origin, self._index_slot.number)
        self._local_rule, self._known = tolerate_unknown_keys(rule), index.reader()
        self._spill = self._open_spill(file_slots.take(folder, "spill"))
        self._drain = self._open_drain(self._spill)
        counts = PartitionCounts(folder / "partitions.json")
        self._connection = KafkaConnection(appender, counts, spill.probe_interval_ms, self._spill.number)
        self._decisions = ClaimDecisions(
            self._connection, appender, self._tail, self._spill, self._drain, self._append_ids, self._budget, clock
        )
        self._adoption = SpillAdoption(
            folder, self._connection, self._drain, self._open_spill, self._open_drain, self._budget.base_s
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._working = 0
        self._closing = False
        self._idle = asyncio.Event()

    async def start(self) -> None:
        """Wait a moment for Kafka; if it does not answer, keep trying in the background."""
        connecting = asyncio.ensure_future(self._connect())
        self._tasks = [connecting, asyncio.ensure_future(self._adoption.run())]
        await asyncio.wait((connecting,), timeout=_START_TIMEOUT_S)

    async def append(self, topic: str, key: bytes, values: Sequence[bytes]) -> Sequence[Appended]:
        if not values:
            return []
        self._check_sizes(values)
        partition = self._connection.partition(topic, key)
        entries = [Entry(key, value, self._append_ids.next(partition)) for value in values]
        return await self._busy(self._append(partition, entries))

    async def decide(
        self, topic: str, values: Sequence[bytes], *, keys: Sequence[bytes], dry_run: bool = False
    ) -> Sequence[AppendResult]:
        self._check_sizes(values)
        work = self._append_lines if topic == HITS else self._decisions.decide
        groups: dict[Partition, list[int]] = {}
        for index, key in enumerate(keys):
            groups.setdefault(self._connection.partition(topic, key, claims=True), []).append(index)
        decided = await asyncio.gather(*(
            self._busy(work(partition, [Candidate(keys[index], values[index]) for index in indexes], dry_run))
            for partition, indexes in groups.items()
        ))  # fmt: skip
        by_index = {index: result for indexes, results in zip(groups.values(), decided, strict=True)
                    for index, result in zip(indexes, results, strict=True)}  # fmt: skip
        return [by_index[index] for index in range(len(values))]

    async def unhealthy_reason(self) -> str | None:
        """Return why it cannot append, or None. If the local log failed, an empty write probes it again."""
        if self._connection.trouble:
            return self._connection.trouble
        why = self._why_away()
        if why and self._spill.full:
            return f"Kafka is unavailable ({why}), and the local log has reached spill.bytes_max"
        if why and self._spill.trouble:
            try:
                await self._spill.put(Partition(HITS, 0), ())
            except LogUnavailable as error:
                return f"Kafka is unavailable ({why}), and {error}"
        return None

    def degraded_reason(self) -> str | None:
        why, records = self._why_away(), self._spill.records
        if why:
            return f"Kafka is unavailable ({why}); {records} records wait in the local log"
        if self._tail.trouble:
            return f"postbacks are asked to retry: {self._tail.trouble}"
        return f"{records} records of the local log are being sent to Kafka" if records else None

    async def close(self) -> None:
        """Send the spilled records if Kafka takes them; the rest stays for the next process."""
        if self._closing:
            return
        self._closing = True
        if self._working:
            self._idle.clear()
            await asyncio.wait((asyncio.ensure_future(self._idle.wait()),), timeout=_CLOSE_TIMEOUT_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connection.connected:
            try:
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await self._drain.all_emptied()
            except TimeoutError:
                _log.warning("spill_left", records=self._spill.records)
        await self._drain.close()
        await self._tail.close()
        await self._spill.close()
        self._index_slot.let_go()
        await self._appender.close()

    async def _connect(self) -> None:
        """Connect; then follow the topic of conversions and send what was left in the local log."""
        await self._connection.connect()
        self._tail.start(self._connection.decided_partitions())
        for partition in self._spill.partitions():
            self._drain.wake(partition)

    async def _append(self, partition: Partition, entries: Sequence[Entry]) -> Sequence[Appended]:
        if self._connection.connected and not self._drain.is_away(partition):
            try:
                budget_s = self._budget.seconds_of(entries)
                offsets = await self._bounded_wait.wait(lambda: self._appender.append(partition, entries), budget_s)
                return [Appended(partition, offset) for offset in offsets]
            except (TimeoutError, LogUnavailable, TooManyWaiting) as error:
                self._drain.found_away(partition, str(error) or self._budget.too_slow)
        await self._spill.put(partition, entries)
        self._drain.wake(partition)
        return [Appended(partition, UNPLACED)] * len(entries)

    async def _append_lines(
        self, partition: Partition, lines: Sequence[Candidate], dry_run: bool
    ) -> list[AppendResult]:
        """Append clicks and impressions sent as lines: `accepted` for the sender, deduplicated on read."""
        decisions = [Decision("accepted", line.value, issued=_touch_id(line.value)) for line in lines]
        if dry_run:
            return [AppendResult(decision, None) for decision in decisions]
        entries = [Entry(line.key, line.value, self._append_ids.next(partition)) for line in lines]
        appended = await self._append(partition, entries)
        return [AppendResult(decision, offset) for decision, offset in zip(decisions, appended, strict=True)]

    def _check_sizes(self, values: Sequence[bytes]) -> None:
        """Raise ValueError for a record larger than a batch: it would block the local log forever."""
        size_max = self._kafka.batch_bytes_max - _ENTRY_BYTES_MAX
        if values and max(map(len, values)) > size_max:
            raise ValueError(f"a record of more than {size_max} bytes fits in no batch; raise kafka.batch_bytes_max")

    def _why_away(self) -> str:
        return self._drain.away if self._connection.connected else NOT_REACHED

    async def _busy(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run work that `close` waits for."""
        if self._closing:
            work.close()
            raise LogUnavailable("the log is being closed")
        self._working += 1
        try:
            return await work
        finally:
            self._working -= 1
            if not self._working:
                self._idle.set()

    def _open_spill(self, slot: file_slots.Slot) -> Spill:
        ids = self._append_ids
        return Spill(
            slot, self._settings.bytes_max, self._local_rule, self._known, lambda one: ids.next(one, spilled=True)
        )

    def _open_drain(self, spill: Spill) -> Drain:
        return Drain(spill, self._appender, self._settings.probe_interval_ms, self._kafka.request_timeout_ms)


def _touch_id(value: bytes) -> bytes:
    event = decode(value)[1]
    assert isinstance(event, Touch)  # nothing else claims keys among hits
    return event.touch_id
