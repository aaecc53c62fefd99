"""Group commit into one file of the embedded log: a thread turns waiting appends into one transaction.

Callers are answered after COMMIT has returned, so an answer means durable. If the disk is full or fails, every
caller of the group gets LogUnavailable and nothing of the group is stored.
"""

import asyncio
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventlog.port import Appended, AppendResult, DedupRule, LogUnavailable, Partition
from eventlog.sqlite.writer_file import WriterFile, WriterWork
from runtime import metrics
from runtime.clock import Clock
from runtime.settings import LogSettings


@dataclass(slots=True)
class _Waiting:
    """Work of one caller and the future that it awaits."""

    work: WriterWork
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"


class SqliteWriter:
    """The only writer of a partition's file in this process; other processes may have theirs."""

    def __init__(
        self, folder: Path, partition: Partition, settings: LogSettings, clock: Clock, rule: DedupRule
    ) -> None:
        self.partition = partition
        self._settings, self._clock = settings, clock
        self._file = WriterFile(folder, partition, settings, clock, rule)
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._waiting_rows = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"log {self._file.name}", daemon=True)
        self._thread.start()

    async def append(self, values: Sequence[bytes]) -> list[Appended]:
        """Append records; returns when they are durable. Raises LogUnavailable."""
        offsets: list[Appended] = await self._submit(values, decides=False, dry_run=False)
        return offsets

    async def decide(self, values: Sequence[bytes], dry_run: bool) -> list[AppendResult]:
        """Decide records and append what is accepted, in one transaction. Raises LogUnavailable."""
        results: list[AppendResult] = await self._submit(values, decides=True, dry_run=dry_run)
        return results

    @property
    def trouble(self) -> str:
        """Error of the last commit; "" if it succeeded."""
        return self._file.trouble

    @property
    def damaged(self) -> bool:
        """True if the file is damaged, which a probe cannot detect."""
        return self._file.damaged

    async def close(self) -> None:
        """Commit what waits, then stop the thread."""
        self._closing = True
        if self._thread.is_alive():
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)

    async def _submit(self, values: Sequence[bytes], *, decides: bool, dry_run: bool) -> Any:
        if self._closing:
            raise LogUnavailable("the log is being closed")
        if self._waiting_rows + len(values) > self._settings.queue_rows_max and self._waiting_rows:
            raise LogUnavailable(f"{self._waiting_rows} records wait for the disk already")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(WriterWork(values, decides, dry_run), loop, loop.create_future())
        self._waiting_rows += len(values)
        self._queue.put(waiting)
        return await waiting.future

    def _set_results(self, settled: list[tuple[_Waiting, Any]]) -> None:
        """Answer callers. Records count as waiting until here, even if their caller has given up."""
        for waiting, result in settled:
            self._waiting_rows -= len(waiting.work.values)
            if waiting.future.done():
                continue
            if isinstance(result, BaseException):
                waiting.future.set_exception(result)
            else:
                waiting.future.set_result(result)

    def _run(self) -> None:
        stop = False
        while not stop:
            group, stop = self._next_group()
            if group:
                self._settle(group)
        self._file.close()

    def _next_group(self) -> tuple[list[_Waiting], bool]:
        """Wait for one call, then take all others that wait, up to the bound; True if the thread must stop."""
        first = self._queue.get()
        if first is None:
            return [], True
        group, rows = [first], len(first.work.values)
        while rows < self._settings.group_rows_max:
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                break
            if more is None:
                return group, True
            group.append(more)
            rows += len(more.work.values)
        return group, False

    def _settle(self, group: list[_Waiting]) -> None:
        started_s, topic = self._clock.monotonic_s(), self.partition.topic
        results: list[Any]
        try:
            results = self._file.commit([waiting.work for waiting in group])
            metrics.count("clew_log_appends_total", sum(len(one.work.values) for one in group), topic=topic)
        except LogUnavailable as error:
            metrics.count("clew_log_append_errors_total", topic=topic)
            results = [error] * len(group)
        metrics.observe("clew_log_commit_seconds", self._clock.monotonic_s() - started_s)
        self._answer(group, results)

    def _answer(self, group: list[_Waiting], results: list[Any]) -> None:
        """Wake the callers with one callback per event loop."""
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Waiting, Any]]] = {}
        for waiting, result in zip(group, results, strict=True):
            by_loop.setdefault(waiting.loop, []).append((waiting, result))
        for loop, settled in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._set_results, settled)
