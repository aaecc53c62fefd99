"""The embedded warehouse keeps the contract."""

import tempfile
from pathlib import Path

import pytest

from tests.conftest import empty
from tests.contracts.warehouse import WarehouseContract, count, joins
from warehouse.port import Warehouse, WarehouseError


class TestChdb(WarehouseContract):
    """On the warehouse that all tests of a process share."""

    @pytest.fixture
    def warehouse(self, open_embedded_warehouse: Warehouse) -> Warehouse:
        empty(open_embedded_warehouse)
        return open_embedded_warehouse

    def test_rows_wait_for_a_temporary_folder(
        self, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """They go to the engine by a file; one that cannot be written is an error after which it may succeed."""
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
        with pytest.raises(WarehouseError, match="set TMPDIR") as raised:
            warehouse.insert("joins", joins(3), "token")
        assert raised.value.retryable
        (tmp_path / "missing").mkdir()
        warehouse.insert("joins", joins(3), "token")
        assert count(warehouse, "joins") == 3
        assert not list((tmp_path / "missing").iterdir())
