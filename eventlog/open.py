"""Which log it is: the only branch on its kind."""

from pathlib import Path

from eventlog.port import Consumer, Producer, Rule
from eventlog.sqlite_consumer import SqliteConsumer
from eventlog.sqlite_producer import SqliteProducer
from runtime.clock import Clock
from runtime.settings import LogSettings
from schemas.claims import rule


def open_producer(folder: Path, worker: int, settings: LogSettings, clock: Clock, ruled_by: Rule = rule) -> Producer:
    """The producer of one edge process. Raises LogUnavailable, sqlite3.Error, OSError."""
    return SqliteProducer(folder, worker, settings, clock, ruled_by)


def open_consumer(folder: Path, group: str, settings: LogSettings, clock: Clock) -> Consumer:
    """The consumer of one group."""
    return SqliteConsumer(folder, group, settings, clock)
