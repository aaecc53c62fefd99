"""The file of one partition of the embedded log, as its writer uses it: transactions, probes, recovery.

All methods run in the writer's thread, except the constructor.
"""

import itertools
import os
import shutil
import sqlite3
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
"""Free bytes below which a probe reports a full disk: the next append would find it full."""


@dataclass(slots=True)
class WriterWork:
    """Records of one caller; no records are a probe."""

    values: Sequence[bytes]
    decides: bool
    dry_run: bool


class WriterFile:
    """Writes groups of records to one file. After an error it opens the file again before the next write."""

    def __init__(
        self, folder: Path, partition: Partition, settings: LogSettings, clock: Clock, rule: DedupRule
    ) -> None:
        """Open the file if possible; otherwise every commit tries again."""
        self._partition = partition
        self._folder, self._settings, self._clock, self._rule = folder, settings, clock, rule
        self._path = file.path_of(folder, partition)
        self._commits = 0
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._floor = 0
        self.trouble = ""
        """Error of the last commit; "" if it succeeded."""
        self.damaged = False
        """True if the file failed as damaged files do. Only a written record proves that it is whole again."""
        self._open_if_possible()

    @property
    def name(self) -> str:
        """Name of the file, for log lines and threads."""
        return self._path.name

    def commit(self, group: Sequence[WriterWork]) -> list[Any]:
        """Write the records of several callers in one transaction; return a result or an error for each of them.

        Raises LogUnavailable if nothing of the group was stored.
        """
        try:
            results = self._commit(group)
        except Exception as error:
            self._note(error)
            self.close()
            _log.error("append_failed", file=self.name, error=self.trouble, records=len(group))
            if isinstance(error, LogUnavailable):
                raise
            raise _unavailable(error) from error
        if not self.damaged or any(work.values and not work.dry_run for work in group):
            self.trouble, self.damaged = "", False
        return results

    def close(self) -> None:
        """Drop the connection: after a failed write or sync its state cannot be trusted."""
        if self._connection is not None:
            try:
                self._connection.close()
            except sqlite3.Error as error:
                _log.error("log_close_failed", file=self.name, error=str(error))
        self._connection = None

    def _commit(self, group: Sequence[WriterWork]) -> list[Any]:
        connection = self._connected()
        self._check_bytes(connection)
        connection.execute("BEGIN IMMEDIATE")
        offset = max(file.next_offset_of(connection), self._floor)
        now_us = self._clock.now_us()
        results: list[Any] = []
        plain: list[tuple[int, int, bytes]] = []
        for work in group:
            if work.values and not work.decides:  # most work of a busy edge: insert it with one statement
                offsets = range(offset, offset + len(work.values))
                plain += zip(offsets, itertools.repeat(now_us), work.values)
                results.append([Appended(self._partition, at) for at in offsets])
                offset = offsets.stop
                continue
            connection.execute("SAVEPOINT work")
            try:
                result, next_offset = self._write(connection, work, offset, now_us)
            except (sqlite3.Error, OSError, LogUnavailable):
                raise
            except Exception as error:  # noqa: BLE001 - a bad record fails its own caller, not the others
                connection.execute("ROLLBACK TO work")
                result, next_offset = error, offset
            connection.execute("RELEASE work")
            results.append(result)
            offset = next_offset
        if plain:
            connection.executemany("INSERT INTO records VALUES (?, ?, ?)", plain)
        connection.execute("COMMIT")
        if self._inode != _inode_of(self._path):
            raise LogUnavailable(f"{self.name} was removed while it was written; a new one is made")
        return results

    def _write(self, connection: sqlite3.Connection, work: WriterWork, offset: int, now_us: int) -> tuple[Any, int]:
        """Decide on one caller's records, or probe if there are none; return the result and the next free offset."""
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
                appended = Appended(self._partition, offset)
                offset += 1
            results.append(AppendResult(decision, appended))
        return results, offset

    def _probe(self, connection: sqlite3.Connection) -> None:
        """Check that the disk can be written: write one page, and require room for more."""
        if shutil.disk_usage(self._folder).free < _FREE_BYTES_MIN:
            raise LogFull(f"the log's disk has less than {_FREE_BYTES_MIN} bytes free", 10)
        connection.execute("UPDATE meta SET value = value WHERE name = 'made_us'")

    def _note(self, error: Exception) -> None:
        self.trouble = str(error) or type(error).__name__
        if file.is_damage(error):
            self.damaged = True
            self.trouble = f"{self.name} is damaged ({self.trouble}); stop Clew and restore it from a backup"

    def _open_if_possible(self) -> None:
        """Open the file; on failure only log it, because an edge answers visitors without its log."""
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            self._note(error)
            _log.error("log_not_opened", file=self.name, error=self.trouble)

    def _open(self) -> None:
        settings = self._settings
        file.make_log(self._path, self._clock.now_us(), settings.busy_timeout_ms)
        connection = file.connect(self._path, settings.busy_timeout_ms)
        log_id = file.log_id_of(connection)
        self._floor = file.committed_floor(self._folder, log_id, settings.busy_timeout_ms)
        if self._floor > file.next_offset_of(connection):
            _log.error("log_tail_missing", file=self.name, committed=self._floor)
        self._inode = _inode_of(self._path)
        self._connection = connection

    def _connected(self) -> sqlite3.Connection:
        """Return the connection; open the file again after an error or if it was removed."""
        if self._connection is not None and self._inode != _inode_of(self._path):
            _log.error("log_file_removed", file=self.name)
            self.close()
        if self._connection is None:
            self._open()
        assert self._connection is not None
        return self._connection

    def _check_bytes(self, connection: sqlite3.Connection) -> None:
        self._commits += 1
        if self._commits % _BYTES_CHECK_EVERY_COMMITS == 1:
            used = file.used_bytes(connection)
            metrics.gauge("clew_log_bytes", used, topic=self._partition.topic, partition=str(self._partition.partition))
            if used > self._settings.log_bytes_max:
                self._commits = 0  # check again at the next commit
                raise LogFull(f"{self.name} has reached log_bytes_max ({self._settings.log_bytes_max} bytes)", 10)


def _inode_of(path: Path) -> int:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return 0


def _unavailable(error: Exception) -> LogUnavailable:
    if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(error, "errno", 0) == 28:
        return LogFull(f"the log's disk is full: {error}", 10)
    return LogUnavailable(f"the log cannot be written: {error}")
