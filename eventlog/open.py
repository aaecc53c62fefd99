"""Which log it is: the only branch on its kind."""

from eventlog.address import LogAddress, SqliteLog
from eventlog.port import Consumer, Producer, Rule
from eventlog.sqlite_consumer import SqliteConsumer
from eventlog.sqlite_producer import SqliteProducer
from runtime.clock import Clock
from runtime.settings import Settings
from schemas.claims import rule


async def open_producer(
    address: LogAddress, worker: int, settings: Settings, clock: Clock, ruled_by: Rule = rule
) -> Producer:
    """The producer of one edge process. Raises LogUnavailable, sqlite3.Error, OSError."""
    if isinstance(address, SqliteLog):
        return SqliteProducer(address.folder, worker, settings.eventlog, clock, ruled_by)
    raise NotImplementedError


async def open_consumer(address: LogAddress, group: str, settings: Settings, clock: Clock) -> Consumer:
    """A member of a group: it owns all partitions of an embedded log, and its share of Kafka's."""
    if isinstance(address, SqliteLog):
        return SqliteConsumer(address.folder, group, settings.eventlog, clock)
    raise NotImplementedError


async def open_observer(address: LogAddress, group: str, settings: Settings, clock: Clock) -> Consumer:
    """Whoever looks at all partitions and at a group's positions without being one of it; only reads."""
    if isinstance(address, SqliteLog):
        return SqliteConsumer(address.folder, group, settings.eventlog, clock)
    raise NotImplementedError


async def make_topics(address: LogAddress, settings: Settings, clock: Clock) -> list[str]:
    """Make what the log needs before anything is written, and check what is there; says what it made."""
    if isinstance(address, SqliteLog):
        return []
    raise NotImplementedError
