"""Tests of the warehouse run on both kinds of it."""

import pytest

from tests.conftest import empty
from warehouse.port import Warehouse


@pytest.fixture(params=["embedded", pytest.param("clickhouse", marks=pytest.mark.server)])
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    """A warehouse with every table empty."""
    opened: Warehouse = request.getfixturevalue(f"open_{request.param}_warehouse")
    empty(opened)
    return opened
