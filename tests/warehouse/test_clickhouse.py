"""The warehouse on a server keeps the contract, in a database that is not called `clew`."""

from collections.abc import Iterator

import pytest

from tests.conftest import empty
from tests.contracts.warehouse import WarehouseContract
from tests.servers.clickhouse import GivenServer
from tests.servers.warehouses import migrated
from warehouse.port import Warehouse

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
