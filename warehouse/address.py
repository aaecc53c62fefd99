"""Where the warehouse is: `chdb:DIR`, or `clickhouse://user@host:8123/database` (`clickhouses://` for TLS)."""

from dataclasses import dataclass, field
from pathlib import Path


class BadWarehouseAddress(ValueError):
    """The text names no warehouse; the message says what it should look like."""


@dataclass(frozen=True, slots=True)
class ChdbFolder:
    """The embedded warehouse in one folder."""

    folder: Path


@dataclass(frozen=True, slots=True)
class ClickHouseServer:
    """One database of a ClickHouse server."""

    host: str
    port: int = 8123
    database: str = "clew"
    user: str = "default"
    password: str = field(default="", repr=False)
    tls: bool = False


WarehouseAddress = ChdbFolder | ClickHouseServer
