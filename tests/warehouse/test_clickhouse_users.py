"""The users that deploy/ gives a server: one may do all that Clew does, one only reads the views."""

import hashlib
from collections.abc import Iterator

import pytest

from reporting.sql.run import run_sql
from runtime.settings import ApiSettings
from schemas.ddl import views
from tests.conftest import ROOT
from tests.contracts.warehouse import count, joins
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.warehouses import address_of, settings
from warehouse.migrate import check_migrated, migrate
from warehouse.open import open_warehouse, storage_of
from warehouse.port import Warehouse

pytestmark = pytest.mark.server
BASE = """<clickhouse>
  <profiles><default/></profiles><quotas><default/></quotas>
  <users><default><password></password><profile>default</profile><quota>default</quota></default></users>
</clickhouse>"""
PASSWORDS = {"CLEW_PASSWORD_SHA256": "writes", "ANALYST_PASSWORD_SHA256": "reads"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    """A server with these users; the engine of the tests needs the one that deploy/ removes, to start itself."""
    server = ClickHouseServer(tmp_path_factory.mktemp("users"))
    users = (ROOT / "deploy" / "clickhouse" / "users.xml").read_text("utf-8").replace('<default remove="remove"/>', "")
    for variable, password in PASSWORDS.items():
        digest = hashlib.sha256(password.encode()).hexdigest()
        users = users.replace(f' from_env="{variable}"/>', f">{digest}</password_sha256_hex>")
    (server.folder / "users.d").mkdir()
    (server.folder / "users.d" / "clew.xml").write_text(users)
    (server.folder / "users.xml").write_text(BASE)
    server.user, server.password = "clew", "writes"
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def warehouse(server: ClickHouseServer) -> Iterator[Warehouse]:
    address = address_of(server, "clew")
    opened = open_warehouse(address, settings())
    migrate(opened, storage_of(address, settings()))
    yield opened
    opened.close()


def test_the_writer_may_do_all_that_clew_does(warehouse: Warehouse) -> None:
    check_migrated(warehouse)
    warehouse.insert("joins", joins(3), "token")
    assert count(warehouse, "joins") == 3
    warehouse.execute("DELETE FROM clew.joins WHERE identity = 0")
    warehouse.execute("ALTER TABLE clew.intents DROP PARTITION (0, 1)")
    warehouse.execute("TRUNCATE TABLE clew.joins")
    assert run_sql(warehouse, "SELECT count() FROM clicks", ApiSettings()).rows == [[0]]
    assert run_sql(warehouse, "SHOW TABLES", ApiSettings()).rows == [[view] for view in sorted(views())]


def test_the_writer_may_do_no_more(server: ClickHouseServer, warehouse: Warehouse) -> None:
    for refused in ("CREATE DATABASE other", "SELECT * FROM file('/etc/passwd')", "CREATE USER x"):
        with pytest.raises(ValueError, match="ACCESS_DENIED"):
            server.ask(refused)


def test_the_analyst_reads_views_and_nothing_else(server: ClickHouseServer, warehouse: Warehouse) -> None:
    def look(sql: str) -> str:
        return server.ask(sql, "analyst", "reads")

    for view in views():
        assert look(f"SELECT count() FROM analyst.{view}") == "0"
    for refused in (
        "SELECT count() FROM clew.clicks", "SELECT count() FROM clew.programs", "SELECT * FROM file('/etc/passwd')",
        "SELECT * FROM url('http://127.0.0.1:9/', 'CSV')", "INSERT INTO analyst.clicks (link) VALUES ('x')",
        "DROP VIEW analyst.clicks", "CREATE VIEW analyst.mine AS SELECT 1", "SELECT * FROM system.users",
        "SELECT 1 SETTINGS max_memory_usage = 100000000000",
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"ACCESS_DENIED|READONLY|SETTING_CONSTRAINT_VIOLATION"):
            look(refused)
