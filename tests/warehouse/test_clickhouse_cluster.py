"""Clew over two servers as one: distributed tables, tokens that reach the same shards again, joins across shards.

Replication and ON CLUSTER need a keeper, which is not to be had here. So each shard is one server with plain tables,
and the statements that a cluster would spread run on both; all else is as on a cluster.
"""

from collections.abc import Iterator

import pyarrow as pa
import pytest

from schemas.cluster import on_cluster
from schemas.columns import to_arrow
from schemas.ddl import DATABASE, Storage, create_views, table_names
from schemas.tables import Join
from tests.contracts.warehouse import count, source
from tests.schemas.samples import NOW_US, conversion, refund
from tests.servers.clickhouse import PASSWORD, USER, ClickHouseServer
from tests.servers.clickhouse_config import SHARD_XML
from tests.servers.warehouses import address_of, settings
from tests.warehouse import test_views
from warehouse.clickhouse import ClickHouseWarehouse
from warehouse.migrate import migration_files, statements
from warehouse.port import Warehouse, WarehouseError, rows_of

pytestmark = pytest.mark.server
CLUSTER = "pair"
ON_CLUSTER = f" ON CLUSTER '{CLUSTER}'"
Shards = list[ClickHouseServer]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shards]:
    """Two servers that know each other."""
    servers = [ClickHouseServer(tmp_path_factory.mktemp(f"shard{n}")) for n in range(2)]
    known = "".join(
        SHARD_XML.format(host=server.host, port=server.tcp_port, user=USER, password=PASSWORD) for server in servers
    )
    try:
        for server in servers:
            server.configure(f"<{CLUSTER}>{known}</{CLUSTER}>")
            server.start()
        for statement in everything():
            for made in on_cluster(statement, CLUSTER):
                for server in servers:
                    server.ask(made.replace(ON_CLUSTER, ""))
        yield servers
    finally:
        for server in servers:
            server.remove()


def everything() -> list[str]:
    """Return the statements that `clew migrate` executes."""
    storage = Storage(fsync=False)
    files = [made for path in migration_files() for made in statements(path.read_text("utf-8"), storage)]
    return [f"CREATE DATABASE IF NOT EXISTS {DATABASE}", *files, *create_views(definer=True)]


@pytest.fixture
def warehouse(shards: Shards) -> Iterator[Warehouse]:
    for server in shards:
        for table in table_names():
            server.ask(f"TRUNCATE TABLE clew.{table}_local")
    opened = ClickHouseWarehouse(address_of(shards[0], "clew"), settings(cluster=CLUSTER).clickhouse)
    yield opened
    opened.close()


def on_each(shards: Shards, table: str) -> list[int]:
    return [int(server.ask(f"SELECT count() FROM clew.{table}_local")) for server in shards]


def test_tokens_hold_over_shards(shards: Shards, warehouse: Warehouse) -> None:
    for _ in range(3):
        warehouse.insert("joins", joins_of_many(), "token")
    assert count(warehouse, "joins") == 200
    assert min(on_each(shards, "joins")) > 50
    warehouse.insert("joins", joins_of_many(), "another")
    assert count(warehouse, "joins") == 400


def joins_of_many() -> pa.Table:
    """Rows of two hundred conversions."""
    rows = [(Join(n, n.to_bytes(16, "big"), 1, NOW_US, 0), source(n)) for n in range(200)]
    return to_arrow("joins", rows)


def test_a_shard_that_was_away_gets_its_part_once(shards: Shards, warehouse: Warehouse) -> None:
    """Half of an insert has landed when the other half fails."""
    shards[1].kill()
    with pytest.raises(WarehouseError) as caught:
        warehouse.insert("joins", joins_of_many(), "token")
    assert caught.value.retryable
    shards[1].start()
    warehouse.insert("joins", joins_of_many(), "token")
    assert count(warehouse, "joins") == 200


def test_views_join_over_shards(shards: Shards, warehouse: Warehouse) -> None:
    sales = [conversion(f"t{n}", amount_minor=1_000) for n in range(40)]
    warehouse.insert(
        "conversions", to_arrow("conversions", [(sale, source(n)) for n, sale in enumerate(sales)]), "sales"
    )
    backs = [refund(sale.conversion_id, f"r{n}", 10_000) for n, sale in enumerate(sales)]
    warehouse.insert(
        "adjustments", to_arrow("adjustments", [(back, source(n)) for n, back in enumerate(backs)]), "backs"
    )
    assert min(on_each(shards, "conversions")) > 5
    found = rows_of(warehouse.query("SELECT count() AS n, sum(refunded) AS back FROM analyst.conversions"))
    assert [(row["n"], int(row["back"])) for row in found] == [(40, 40)]
    assert rows_of(warehouse.query("SELECT currency, count() AS n FROM analyst.adjustments GROUP BY 1")) == [
        {"currency": "USD", "n": 40}
    ]


def test_every_view_answers(warehouse: Warehouse) -> None:
    for view in test_views.PROMISED:
        assert warehouse.query(f"SELECT * FROM analyst.{view}").num_rows == 0


test_credits_are_the_current_ones = test_views.test_credits_are_the_current_ones
test_commissions_say_what_may_be_paid = test_views.test_commissions_say_what_may_be_paid
test_refunds_are_taken_together = test_views.test_refunds_are_taken_together
