"""The embedded log's consumer: reads every partition's file, keeps positions in a separate file.

Positions are kept by the log's identity: a recreated file has none, so it is read from its
beginning and none of its records is mistaken for an old one.
"""

import asyncio
import os
import re
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from eventlog.port import LogUnavailable, Partition, Position, Record
from eventlog.sqlite import file as sqlite_file
from runtime import metrics
from runtime.clock import Clock
from runtime.settings import LogSettings

_T = TypeVar("_T")
_TRIM_ROWS_MAX = 50_000
"""Most records that one transaction drops, so that edges never wait long for the lock."""
_OF_PARTITION = re.compile(r".+-[0-9]+\.sqlite(-wal)?")
_TICK_US = 50_000
"""Several times the longest tick of a file system's clock."""


@dataclass(slots=True)
class _OpenFile:
    connection: sqlite3.Connection
    inode: int
    log_id: str


class SqliteConsumer:
    """One group's view of all partitions under a folder; its SQL runs in one separate thread."""

    deduplicated = True

    def __init__(self, folder: Path, group: str, settings: LogSettings, clock: Clock) -> None:
        self._folder, self._group, self._settings, self._clock = folder, group, settings, clock
        self._files: dict[Partition, _OpenFile] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._positions = sqlite_file.open_positions(folder, settings.busy_timeout_ms)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"log reader {group}")

    async def partitions(self) -> Sequence[Partition]:
        return await self._call(lambda: sorted(sqlite_file.partition_of(p) for p in self._paths()))

    async def log_id(self, partition: Partition) -> str:
        return await self._call(lambda: self._file(partition).log_id)

    async def begin(self, partition: Partition) -> int:
        def first() -> int:
            connection = self._file(partition).connection
            oldest = connection.execute("SELECT min(offset) FROM records").fetchone()[0]
            return int(oldest or 0)

        return await self._call(first)

    async def end(self, partition: Partition) -> int:
        return await self._call(lambda: sqlite_file.next_offset_of(self._file(partition).connection))

    async def read(self, partition: Partition, offset: int, rows_max: int, bytes_max: int) -> Sequence[Record]:
        return await self._call(lambda: self._read(partition, offset, rows_max, bytes_max))

    def _read(self, partition: Partition, offset: int, rows_max: int, bytes_max: int) -> list[Record]:
        cursor = self._file(partition).connection.execute(
            "SELECT offset, value FROM records WHERE offset >= ? ORDER BY offset LIMIT ?", (offset, rows_max)
        )
        records: list[Record] = []
        size = 0
        for row in cursor:
            size += len(row[1])
            if records and size > bytes_max:
                break
            records.append(Record(row[0], row[1]))
        cursor.close()
        return records

    def growth_mark(self) -> object | None:
        """Return sizes and times of the files. Every commit writes to a WAL file, also after a checkpoint."""
        found = []
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if _OF_PARTITION.fullmatch(entry.name):
                        state = entry.stat()
                        found.append((entry.name, state.st_ino, state.st_size, state.st_mtime_ns))
        except OSError:  # a file that goes meanwhile, as a WAL does
            return None
        written_us = max((written_ns for *_, written_ns in found), default=0) // 1000
        # Two commits within a tick of the file system's clock may have the same time.
        return sorted(found) if self._clock.now_us() - written_us > _TICK_US else None

    async def committed(self, partition: Partition) -> Position | None:
        def find() -> Position | None:
            row = self._positions.execute(
                "SELECT offset, intent FROM positions WHERE consumer_group = ? AND log_id = ?",
                (self._group, self._file(partition).log_id),
            ).fetchone()
            return None if row is None else Position(int(row[0]), row[1])

        return await self._call(find)

    async def commit(self, partition: Partition, position: Position) -> None:
        def put() -> None:
            file = self._file(partition)
            reached = sqlite_file.next_offset_of(file.connection)
            self._positions.execute(
                "INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    self._group, file.log_id, partition.topic, partition.partition,
                    position.offset, position.intent, self._clock.now_us(), reached,
                ),
            )  # fmt: skip

        await self._call(put)

    async def forgotten(self) -> list[tuple[Partition, str, int]]:
        """List committed logs whose file is gone: partition, identity, offset. Records not ingested are lost."""

        def find() -> list[tuple[Partition, str, int]]:
            known = {self._file(sqlite_file.partition_of(path)).log_id for path in self._paths()}
            rows = self._positions.execute(
                "SELECT topic, partition, log_id, offset FROM positions WHERE consumer_group = ?", (self._group,)
            ).fetchall()
            return [(Partition(row[0], row[1]), row[2], int(row[3])) for row in rows if row[2] not in known]

        return await self._call(find)

    async def trim(self) -> int:
        dropped = 0
        for partition in await self.partitions():
            dropped += await self._call(lambda p=partition: self._trim(p))  # type: ignore[misc]
        return dropped

    def _trim(self, partition: Partition) -> int:
        file, settings = self._file(partition), self._settings
        committed = "SELECT min(offset) FROM positions WHERE log_id = ?"
        safe = self._positions.execute(committed, (file.log_id,)).fetchone()[0]
        now_us = self._clock.now_us()
        if safe is None:
            return 0
        # The newest record stays: it says what the next offset is.
        safe = min(int(safe), sqlite_file.next_offset_of(file.connection) - 1)
        too_old_us = now_us - settings.retention_age_max_s * 1_000_000
        used = sqlite_file.used_bytes(file.connection)
        metrics.gauge("clew_log_bytes", used, topic=partition.topic, partition=str(partition.partition))
        if used > settings.retention_bytes_max:
            too_old_us = now_us
        cut = file.connection.execute(
            "SELECT max(offset) FROM "
            "(SELECT offset FROM records WHERE offset < ? AND ts_us <= ? ORDER BY offset LIMIT ?)",
            (safe, too_old_us, _TRIM_ROWS_MAX),
        ).fetchone()[0]
        keys_before_us = now_us - settings.dedupe_keys_age_max_s * 1_000_000
        stale = file.connection.execute("SELECT 1 FROM keys WHERE ts_us < ? LIMIT 1", (keys_before_us,)).fetchone()
        if cut is None and stale is None:
            return 0
        with file.connection:
            file.connection.execute("BEGIN IMMEDIATE")
            gone = file.connection.execute(
                "DELETE FROM records WHERE offset <= ?", (-1 if cut is None else cut,)
            ).rowcount
            file.connection.execute(
                "DELETE FROM keys WHERE key IN (SELECT key FROM keys WHERE ts_us < ? LIMIT ?)",
                (keys_before_us, _TRIM_ROWS_MAX),
            )
        return int(gone)

    async def close(self) -> None:
        def shut() -> None:
            for file in self._files.values():
                file.connection.close()
            self._files.clear()
            self._positions.close()

        await self._call(shut)
        self._thread.shutdown()

    def _paths(self) -> list[Path]:
        return [p for p in self._folder.glob("*-*.sqlite") if p.stem.rsplit("-", 1)[1].isdigit()]

    def _file(self, partition: Partition) -> _OpenFile:
        """The open file of a partition; reopened when another one has taken its name."""
        path = sqlite_file.path_of(self._folder, partition)
        try:
            inode = os.stat(path).st_ino
        except FileNotFoundError:
            inode = 0
        file = self._files.get(partition)
        if file is not None and file.inode == inode:
            return file
        if file is not None:
            file.connection.close()
            del self._files[partition]
        if not inode:
            raise LogUnavailable(f"{path.name} is missing")
        connection = sqlite_file.connect(path, self._settings.busy_timeout_ms)
        self._files[partition] = _OpenFile(connection, inode, sqlite_file.log_id_of(connection))
        return self._files[partition]

    async def _call(self, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as error:
            raise LogUnavailable(f"the log cannot be read: {error}") from error
