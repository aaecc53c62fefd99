"""Where the log is: `sqlite:DIR` or `kafka://host:port,host:port?topic_prefix=…`."""

from dataclasses import dataclass, field
from pathlib import Path


class BadLogAddress(ValueError):
    """The text names no log; the message says what it should look like."""


@dataclass(frozen=True, slots=True)
class SqliteLog:
    """The embedded log in one folder."""

    folder: Path


@dataclass(frozen=True, slots=True)
class KafkaLog:
    """Topics of one Kafka cluster."""

    servers: tuple[str, ...]
    topic_prefix: str = ""
    tls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)


LogAddress = SqliteLog | KafkaLog
