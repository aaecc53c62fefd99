"""The SQLite log of one folder, as the contract suite and the tests of this folder use it."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eventlog.port import DedupRule, Partition
from eventlog.sqlite import file
from eventlog.sqlite.consumer import SqliteConsumer
from eventlog.sqlite.producer import SqliteProducer
from runtime.clock import Clock, ManualClock
from runtime.settings import LogSettings
from schemas.dedup.rules import decide
from schemas.events import CONVERSIONS, HITS
from tests.schemas.samples import NOW_US

OWN = Partition(HITS, 1)
"""Partition of worker 0's own file."""
SHARED = Partition(CONVERSIONS, 0)


class SqliteFixture:
    """Ends of the log under a folder; keyword arguments are settings."""

    def __init__(self, folder: Path, clock: Clock | None = None, **settings: Any) -> None:
        self.folder, self.settings = folder, LogSettings(**settings)
        self.clock = clock or ManualClock(NOW_US)

    def producer(self, worker: int, rule: DedupRule = decide) -> SqliteProducer:
        return SqliteProducer(self.folder, worker, self.settings, self.clock, rule)

    def consumer(self, group: str) -> SqliteConsumer:
        return SqliteConsumer(self.folder, group, self.settings, self.clock)

    def path(self, partition: Partition) -> Path:
        return file.path_of(self.folder, partition)

    def remove(self, partition: Partition) -> None:
        """Remove the file alone, as a person would; its -wal and -shm stay."""
        self.path(partition).unlink()

    def remake(self, partition: Partition) -> None:
        self.remove(partition)
        file.make_log(self.path(partition), self.clock.now_us(), 1_000)

    @contextlib.contextmanager
    def locked(self, partition: Partition) -> Iterator[sqlite3.Connection]:
        """Somebody else writes the file: its write lock is held."""
        connection = file.connect(self.path(partition), 1_000)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        finally:
            connection.close()
