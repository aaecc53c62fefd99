"""Group commit into one file of the embedded log: a thread that turns waiting appends into one transaction.

Whoever waits is answered after COMMIT has returned, so an answer means durable. When the disk is full or
fails, everyone in the group gets LogUnavailable and nothing of the group is kept.
"""

import asyncio
import itertools
import os
import queue
import shutil
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventlog.port import Appended, AppendResult, DedupRule, LogFull, LogUnavailable, Partition
from eventlog.sqlite import file
from runtime import metrics
from runtime.clock import Clock
from runtime.logs import Throttled, logger
from runtime.settings import LogSettings

_log = Throttled(logger("eventlog"))
_BYTES_CHECK_EVERY_COMMITS = 64
_FREE_BYTES_MIN = 256 * 1024
"""A disk with less does not count as writable again, or it would be found full at the next append."""


@dataclass(slots=True)
class _Work:
    """One caller's records and the future that tells it how they fared."""

    values: Sequence[bytes]
    decides: bool
    dry_run: bool
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"


class SqliteWriter:
    """The only writer of a partition's file in this process; other processes may have theirs."""

    def __init__(
        self, folder: Path, partition: Partition, settings: LogSettings, clock: Clock, rule: DedupRule
    ) -> None:
        self.partition = partition
        self._folder, self._settings, self._clock, self._rule = folder, settings, clock, rule
        self._path = file.path_of(folder, partition)
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._waiting_rows = 0
        self._closing = False
        self._commits = 0
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._floor = 0
        self._trouble = ""
        self._damaged = False
        """The file failed as damaged files do; only a record that was written says that it is whole again."""
        self._open_if_possible()
        self._thread = threading.Thread(target=self._run, name=f"log {self._path.name}", daemon=True)
        self._thread.start()

    # -- called from the event loop

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
        """Why the last commit failed; "" when it went through."""
        return self._trouble

    @property
    def damaged(self) -> bool:
        """Whether the trouble is damage, which a probe cannot see."""
        return self._damaged

    async def close(self) -> None:
        """Finish what waits and stop the thread."""
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
        work = _Work(values, decides, dry_run, loop, loop.create_future())
        self._waiting_rows += len(values)
        self._queue.put(work)
        return await work.future

    def _set_results(self, settled: list[tuple[_Work, Any]]) -> None:
        """Records count as waiting until the thread is done with them, even if their caller has given up."""
        for work, result in settled:
            self._waiting_rows -= len(work.values)
            if work.future.done():
                continue
            if isinstance(result, BaseException):
                work.future.set_exception(result)
            else:
                work.future.set_result(result)

    # -- the thread

    def _run(self) -> None:
        stop = False
        while not stop:
            group, stop = self._next_group()
            if group:
                self._settle(group)
        if self._connection is not None:
            self._connection.close()

    def _next_group(self) -> tuple[list[_Work], bool]:
        """Block for one, then take what else waits, up to the bound."""
        first = self._queue.get()
        if first is None:
            return [], True
        group, rows = [first], len(first.values)
        while rows < self._settings.group_rows_max:
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                break
            if more is None:
                return group, True
            group.append(more)
            rows += len(more.values)
        return group, False

    def _settle(self, group: list[_Work]) -> None:
        started_s = self._clock.monotonic_s()
        results: list[Any]
        try:
            results = self._commit(group)
            if not self._damaged or any(work.values and not work.dry_run for work in group):
                self._trouble, self._damaged = "", False
            metrics.count("clew_log_appends_total", sum(len(w.values) for w in group), topic=self.partition.topic)
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers wait for an answer
            self._note(error)
            self._give_up()
            failure = error if isinstance(error, LogUnavailable) else _unavailable(error)
            metrics.count("clew_log_append_errors_total", topic=self.partition.topic)
            _log.error("append_failed", file=self._path.name, error=self._trouble, records=len(group))
            results = [failure] * len(group)
        metrics.observe("clew_log_commit_seconds", self._clock.monotonic_s() - started_s)
        self._answer(group, results)

    def _answer(self, group: list[_Work], results: list[Any]) -> None:
        """Wake the callers, one hop per event loop."""
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Work, Any]]] = {}
        for work, result in zip(group, results, strict=True):
            by_loop.setdefault(work.loop, []).append((work, result))
        for loop, settled in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._set_results, settled)

    def _commit(self, group: list[_Work]) -> list[Any]:
        connection = self._connected()
        self._check_bytes(connection)
        connection.execute("BEGIN IMMEDIATE")
        offset = max(file.next_offset_of(connection), self._floor)
        now_us = self._clock.now_us()
        results: list[Any] = []
        plain: list[tuple[int, int, bytes]] = []
        for work in group:
            if work.values and not work.decides:  # nearly all of a busy edge's work: one statement for all of it
                places = range(offset, offset + len(work.values))
                plain += zip(places, itertools.repeat(now_us), work.values)
                results.append([Appended(self.partition, place) for place in places])
                offset = places.stop
                continue
            connection.execute("SAVEPOINT work")
            try:
                result, next_offset = self._write(connection, work, offset, now_us)
            except (sqlite3.Error, OSError, LogUnavailable):
                raise
            except Exception as error:  # noqa: BLE001 - one caller's bad record is not the others' trouble
                connection.execute("ROLLBACK TO work")
                result, next_offset = error, offset
            connection.execute("RELEASE work")
            results.append(result)
            offset = next_offset
        if plain:
            connection.executemany("INSERT INTO records VALUES (?, ?, ?)", plain)
        connection.execute("COMMIT")
        if self._inode != _inode_of(self._path):
            raise LogUnavailable(f"{self._path.name} was removed while it was written; a new one is made")
        return results

    def _write(self, connection: sqlite3.Connection, work: _Work, offset: int, now_us: int) -> tuple[Any, int]:
        """Decide one caller's records, or probe for one who has none: the result and the next free offset."""
        if not work.values:
            self._probe(connection)
            return [], offset

        def get(key: bytes) -> bytes | None:
            row = connection.execute("SELECT state FROM keys WHERE key = ?", (key,)).fetchone()
            return None if row is None else bytes(row[0])

        results = []
        for value in work.values:
            decision = self._rule(get, value)
            if work.dry_run:
                results.append(AppendResult(decision, None))
                continue
            for key, state in decision.puts.items():
                connection.execute("INSERT OR REPLACE INTO keys VALUES (?, ?, ?)", (key, now_us, state))
            appended = None
            if decision.record is not None:
                connection.execute("INSERT INTO records VALUES (?, ?, ?)", (offset, now_us, decision.record))
                appended = Appended(self.partition, offset)
                offset += 1
            results.append(AppendResult(decision, appended))
        return results, offset

    def _probe(self, connection: sqlite3.Connection) -> None:
        """Answer an empty append, which asks whether the disk can be written: one page is, and more must fit."""
        if shutil.disk_usage(self._folder).free < _FREE_BYTES_MIN:
            raise LogFull(f"the log's disk has less than {_FREE_BYTES_MIN} bytes free", 10)
        connection.execute("UPDATE meta SET value = value WHERE name = 'made_us'")

    # -- the file

    def _note(self, error: Exception) -> None:
        self._trouble = str(error) or type(error).__name__
        if file.is_damage(error):
            self._damaged = True
            self._trouble = f"{self._path.name} is damaged ({self._trouble}); stop Clew and restore it from a backup"

    def _open_if_possible(self) -> None:
        """An edge answers visitors without its log; each append tries to open the file again."""
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            self._note(error)
            _log.error("log_not_opened", file=self._path.name, error=self._trouble)

    def _open(self) -> None:
        settings = self._settings
        file.make_log(self._path, self._clock.now_us(), settings.busy_timeout_ms)
        connection = file.connect(self._path, settings.busy_timeout_ms)
        log_id = file.log_id_of(connection)
        self._floor = file.committed_floor(self._folder, log_id, settings.busy_timeout_ms)
        if self._floor > file.next_offset_of(connection):
            _log.error("log_tail_missing", file=self._path.name, committed=self._floor)
        self._inode = _inode_of(self._path)
        self._connection = connection

    def _connected(self) -> sqlite3.Connection:
        """The connection, made anew after trouble or when the file was removed."""
        if self._connection is not None and self._inode != _inode_of(self._path):
            _log.error("log_file_removed", file=self._path.name)
            self._give_up()
        if self._connection is None:
            self._open()
        assert self._connection is not None
        return self._connection

    def _give_up(self) -> None:
        """Drop the connection: after a failed write or sync its state is not to be trusted."""
        if self._connection is not None:
            try:
                self._connection.close()
            except sqlite3.Error as error:
                _log.error("log_close_failed", file=self._path.name, error=str(error))
        self._connection = None

    def _check_bytes(self, connection: sqlite3.Connection) -> None:
        self._commits += 1
        if self._commits % _BYTES_CHECK_EVERY_COMMITS == 1:
            used = file.used_bytes(connection)
            metrics.gauge("clew_log_bytes", used, topic=self.partition.topic, partition=str(self.partition.partition))
            if used > self._settings.log_bytes_max:
                self._commits = 0  # look again next time
                raise LogFull(f"{self._path.name} has reached log_bytes_max ({self._settings.log_bytes_max} bytes)", 10)


def _inode_of(path: Path) -> int:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return 0


def _unavailable(error: Exception) -> LogUnavailable:
    if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(error, "errno", 0) == 28:
        return LogFull(f"the log's disk is full: {error}", 10)
    return LogUnavailable(f"the log cannot be written: {error}")
