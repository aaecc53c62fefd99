"""The embedded warehouse keeps the contract."""

import pytest

from tests.conftest import empty
from tests.contracts.warehouse import WarehouseContract
from warehouse.port import Warehouse


class TestChdb(WarehouseContract):
    """On the warehouse that all tests of a process share."""

    @pytest.fixture
    def warehouse(self, open_embedded_warehouse: Warehouse) -> Warehouse:
        empty(open_embedded_warehouse)
        return open_embedded_warehouse
