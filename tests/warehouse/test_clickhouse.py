"""The warehouse on a server keeps the contract, in a database that is not called `clew`."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from ingest.writer import DATA_ERRORS
from tests.conftest import empty
from tests.contracts.warehouse import WarehouseContract, joins
from tests.servers.clickhouse import GivenServer, free_port
from tests.servers.tls import TlsProxy, make_certificate
from tests.servers.warehouses import address_of, migrated, settings
from warehouse.address import ClickHouseServer
from warehouse.migrate import MigrationError, check_migrated, migrate
from warehouse.open import open_warehouse, storage_of
from warehouse.port import Warehouse, WarehouseError, rows_of, scalar_of

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def open_warehouse_on_server(clickhouse: GivenServer) -> Iterator[Warehouse]:
    with migrated(clickhouse) as warehouse:
        yield warehouse


class TestClickHouse(WarehouseContract):
    """Over HTTP."""

    @pytest.fixture
    def warehouse(self, open_warehouse_on_server: Warehouse) -> Warehouse:
        empty(open_warehouse_on_server)
        return open_warehouse_on_server


def test_a_wrong_password(clickhouse: GivenServer) -> None:
    address = address_of(clickhouse, "t_closed", password="not-the-one")
    warehouse = open_warehouse(address, settings())
    for act in (lambda: warehouse.query("SELECT 1"), lambda: check_migrated(warehouse)):
        with pytest.raises(WarehouseError) as caught:
            act()
        assert (caught.value.code, caught.value.retryable) == (516, False)
        assert "not-the-one" not in f"{caught.value!r} {caught.value.__cause__!r} {warehouse!r}"
    warehouse.close()


def test_a_server_that_is_not_there() -> None:
    """Opening asks nothing yet, so a station may start before its server."""
    address = ClickHouseServer("127.0.0.1", free_port(), "clew", "clew", "s3cret")
    warehouse = open_warehouse(address, settings())
    with pytest.raises(WarehouseError) as caught:
        warehouse.query("SELECT 1")
    assert caught.value.retryable
    assert "s3cret" not in str(caught.value)
    warehouse.close()


def test_migrations_are_a_step_of_their_own(clickhouse: GivenServer) -> None:
    address = address_of(clickhouse, f"t_{secrets.token_hex(4)}")
    warehouse = open_warehouse(address, settings())
    try:
        with pytest.raises(MigrationError, match=r"lacks 0001_initial\.sql.*: run clew migrate"):
            check_migrated(warehouse)
        migrate(warehouse, storage_of(address, settings()))
        check_migrated(warehouse)
        warehouse.execute("DELETE FROM clew.migrations WHERE name = '0001_initial.sql'")
        with pytest.raises(MigrationError, match=r"lacks 0001_initial\.sql: run clew migrate"):
            check_migrated(warehouse)
    finally:
        warehouse.execute("DROP DATABASE IF EXISTS analyst")
        warehouse.execute("DROP DATABASE IF EXISTS clew")
        warehouse.close()


def test_connections_are_bounded(clickhouse: GivenServer) -> None:
    warehouse = open_warehouse(address_of(clickhouse, "clew"), settings(connections_max=2))
    running = "SELECT count() FROM system.processes WHERE query LIKE {q:String}"
    sql = f"SELECT sum(sleepEachRow(0.05)) AS slept, ({running}) AS n"
    mark = secrets.token_hex(8)
    with ThreadPoolExecutor(6) as pool:
        asks = [pool.submit(warehouse.query, f"{sql} FROM numbers(2) -- {mark}", {"q": f"%{mark}%"}) for _ in range(6)]
        at_once = [rows_of(ask.result())[0]["n"] for ask in asks]
    warehouse.close()
    assert max(at_once) <= 2


def test_bad_values_are_not_tried_again(open_warehouse_on_server: Warehouse) -> None:
    """Such a batch is halved until the bad row is found; whatever may pass by itself is not."""
    rows = joins(2)
    words = rows.set_column(0, "identity", pa.array(["a", "b"]))
    with pytest.raises(WarehouseError) as caught:
        open_warehouse_on_server.insert("joins", words, "token")
    assert caught.value.code in DATA_ERRORS and not caught.value.retryable


def test_tls(clickhouse: GivenServer, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    with TlsProxy(clickhouse.host, clickhouse.port, certificate, key) as proxy:
        address = address_of(clickhouse, "clew", host="localhost", port=proxy.port, tls=True)
        trusting = open_warehouse(address, settings(ca_file=certificate))
        assert scalar_of(trusting.query("SELECT 1")) == 1
        trusting.close()
        doubting = open_warehouse(address, settings())
        with pytest.raises(WarehouseError, match="CERTIFICATE_VERIFY_FAILED"):
            doubting.query("SELECT 1")
        doubting.close()
        other_name = open_warehouse(replace(address, host="127.0.0.1"), settings(ca_file=certificate))
        with pytest.raises(WarehouseError, match="CERTIFICATE_VERIFY_FAILED"):
            other_name.query("SELECT 1")
        other_name.close()
