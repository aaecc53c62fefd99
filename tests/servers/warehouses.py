"""Warehouses on a test server: each in a database of its own, migrated, and dropped in the end."""

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from runtime.settings import ClickHouseSettings, Settings
from tests.servers.clickhouse import GivenServer
from warehouse.address import ClickHouseServer
from warehouse.migrate import migrate
from warehouse.names import analyst_database
from warehouse.open import open_warehouse, storage_of
from warehouse.port import Warehouse


def address_of(server: GivenServer, database: str, **fields: Any) -> ClickHouseServer:
    """Address of a database of a test server, its password included."""
    address = ClickHouseServer(server.host, server.port, database, server.user, server.password)
    return replace(address, **fields)


def settings(**fields: Any) -> Settings:
    """Settings of a server in tests: nothing survives a power cut, so nothing has to be flushed."""
    return Settings(clickhouse=ClickHouseSettings(**{"fsync": False, **fields}))


@contextlib.contextmanager
def migrated(server: GivenServer, database: str = "", **fields: Any) -> Iterator[Warehouse]:
    """An empty warehouse; under a made-up name unless one is given."""
    database = database or f"t_{secrets.token_hex(4)}"
    address, chosen = address_of(server, database), settings(**fields)
    warehouse = open_warehouse(address, chosen)
    try:
        migrate(warehouse, storage_of(address, chosen))
        yield warehouse
    finally:
        warehouse.close()
        for name in (analyst_database(database), database):
            server.ask(f"DROP DATABASE IF EXISTS {name}")
