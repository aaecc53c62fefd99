"""The embedded warehouse keeps the contract."""

from tests.contracts.warehouse import WarehouseContract


class TestChdb(WarehouseContract):
    """On the warehouse that all tests of a process share."""
