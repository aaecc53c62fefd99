"""One process per directory, and what was inserted outlives any end of it, tokens included."""

from pathlib import Path

import pytest

from runtime.settings import WarehouseSettings
from tests.warehouse import child
from warehouse.chdb import ChdbWarehouse, WarehouseBusy


def test_a_killed_process_leaves_rows_and_tokens(tmp_path: Path) -> None:
    folder = tmp_path / "warehouse"
    first = child.start(folder)
    assert child.ready(first) == "rows 15"
    with pytest.raises(WarehouseBusy, match="another process"):
        ChdbWarehouse(folder, WarehouseSettings())
    first.kill()
    first.communicate()
    second = child.start(folder)  # the lock went with the process; the same tokens insert nothing
    assert child.ready(second) == "rows 15"
    second.communicate("end\n", timeout=30)
    assert second.returncode == 0
