"""Tests of the warehouse run on every kind of it."""

import pytest

from tests.conftest import KINDS_OF_WAREHOUSE, empty, warehouse_of
from warehouse.port import Warehouse


@pytest.fixture(params=KINDS_OF_WAREHOUSE)
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    """A warehouse with every table empty."""
    opened = warehouse_of(request)
    empty(opened)
    return opened
