"""The local log of an edge while Kafka is unavailable: records with their partition, key and append id, in order.

Writes are committed in groups and bounded in bytes. One process writes and empties a file; the next owner of its
slot empties what a dead process left. A record leaves the file after Kafka has acknowledged it. A crash in between
sends it again with the same append id, so readers drop the duplicate.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from eventlog.kafka.append_batch import Entry
from eventlog.kafka.file_slots import Slot
from eventlog.kafka.spill_backlog import SpillBacklog
from eventlog.kafka.spill_file import Backlog, Candidate, Change, GiveAppendId, Known, SpillFile, SpillWork, size_of
from eventlog.port import DedupRule, LogFull, LogUnavailable, Partition
from runtime.logs import Throttled, logger
from schemas.dedup.rules import Decision

_log = Throttled(logger("eventlog"))
_T = TypeVar("_T")
_RETRY_AFTER_S = 10
WAITING_BYTES_MAX = 64 * 1024**2
"""Most bytes in memory that wait for the disk."""

_Waiting = tuple[SpillWork, "asyncio.Future[Any]"]


class Spill:
    """One file of the local log. All methods are called from one event loop; SQL runs in a separate thread."""

    def __init__(self, slot: Slot, bytes_max: int, rule: DedupRule, known: Known, append_id: GiveAppendId) -> None:
        """Open the file of a slot. `known` is called in this spill's thread only. Raises sqlite3.Error, OSError."""
        self._slot, self._bytes_max = slot, bytes_max
        self._file = SpillFile(slot.path, rule, known, append_id)
        self._backlog = SpillBacklog(slot.number)
        self._backlog.reset(self._file.take_recount())
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._committing: asyncio.Task[None] | None = None
        self._refused = False
        self._closed = False
        self.trouble = ""
        """Error of the last commit; "" if it succeeded."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"spill {slot.number}")

    @property
    def number(self) -> str:
        """Number of its slot."""
        return self._slot.number

    @property
    def records(self) -> int:
        """Number of committed records."""
        return self._backlog.records

    @property
    def size_bytes(self) -> int:
        """Bytes of the committed records."""
        return self._backlog.size_bytes

    @property
    def full(self) -> bool:
        """True if a record was refused for lack of room and none has left since."""
        return self._refused or self.size_bytes >= self._bytes_max

    def backlog(self, partition: Partition) -> int:
        """Return the number of a partition's records that are here or about to be."""
        return self._backlog.of(partition)

    def partitions(self) -> list[Partition]:
        """Return the partitions that have records here."""
        return self._backlog.partitions()

    async def put(self, partition: Partition, entries: Sequence[Entry]) -> None:
        """Store records durably; no records probe whether it could. Raises LogFull, LogUnavailable."""
        size = sum(size_of(entry.key, entry.value) for entry in entries)
        await self._submit(SpillWork(partition, size, entries=entries))

    async def decide(self, partition: Partition, candidates: Sequence[Candidate], *, dry_run: bool) -> list[Decision]:
        """Decide by what is known here; store what is accepted or claims a key, all of a call or none of it.

        The candidate itself is stored, not the record made of it, because the log's readers decide again. Raises
        LogFull, LogUnavailable and the errors of the rule.
        """
        size = 0 if dry_run else sum(size_of(one.key, one.value) for one in candidates)
        work = SpillWork(partition, size, candidates=candidates, dry_run=dry_run)
        decisions: list[Decision] = await self._submit(work)
        return decisions

    async def next(self, partition: Partition, rows_max: int, bytes_max: int) -> tuple[list[Entry], int]:
        """Return the oldest records of a partition, at least one if there is one, and the argument for `drop`."""
        return await self._call(lambda: self._file.read(partition, rows_max, bytes_max))

    async def drop(self, partition: Partition, entries: Sequence[Entry], last: int) -> None:
        """Delete the records that `next` returned: Kafka has them."""
        size = sum(size_of(entry.key, entry.value) for entry in entries)
        await self._call(lambda: self._file.delete(partition, last))
        self._backlog.reset(self._file.take_recount())
        self._backlog.add({partition: Backlog(len(entries), size)}, -1)
        self._refused = False

    async def close(self) -> None:
        """Commit what waits, then close the file. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._committing is not None:
            await self._committing
        await asyncio.get_running_loop().run_in_executor(self._thread, self._file.disconnect)
        self._thread.shutdown()
        self._slot.let_go()

    async def _submit(self, work: SpillWork) -> Any:
        if self._closed:
            raise LogUnavailable("the local log is being closed")
        if work.size and self.size_bytes + self._waiting_bytes + work.size > self._bytes_max:
            self._refused = True
            raise LogFull(f"the local log has reached spill.bytes_max ({self._bytes_max} bytes)", _RETRY_AFTER_S)
        if self._waiting and self._waiting_bytes + work.size > WAITING_BYTES_MAX:
            raise LogUnavailable(f"{self._waiting_bytes} bytes wait for the disk already")
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        self._waiting_bytes += work.size
        self._backlog.expect(work.partition, work.rows)
        if self._committing is None:
            self._committing = asyncio.ensure_future(self._commit_all())
        return await future

    async def _commit_all(self) -> None:
        """Commit groups until nothing waits."""
        while self._waiting:
            group, self._waiting = self._waiting, []
            works = [work for work, _ in group]
            try:
                results, change = await self._call(lambda works=works: self._file.commit(works))  # type: ignore[misc]
                self.trouble = ""
            except Exception as error:  # noqa: BLE001 - whatever it is, the callers wait for an answer
                self.trouble = str(error) or type(error).__name__
                _log.error("spill_failed", error=self.trouble, records=sum(work.rows for work in works))
                results, change = [error] * len(group), Change()
            self._backlog.reset(self._file.take_recount())
            self._backlog.add(change.added)
            self._waiting_bytes = sum(work.size for work, _ in self._waiting)
            for (work, future), result in zip(group, results, strict=True):
                self._backlog.expect(work.partition, -work.rows)
                _settle(future, result)
        self._committing = None

    async def _call(self, work: Callable[[], _T]) -> _T:
        def run() -> _T:
            try:
                return work()
            except BaseException:
                self._file.disconnect()
                raise

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, run)
        except (sqlite3.Error, OSError) as error:
            raise LogUnavailable(f"the local log cannot be used: {error}", _RETRY_AFTER_S) from error


def _settle(future: "asyncio.Future[Any]", result: Any) -> None:
    """Answer a caller unless it has given up."""
    if future.done():
        return
    if isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)
