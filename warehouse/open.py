"""Which warehouse it is: the only branch on its kind."""

from pathlib import Path

from runtime.settings import WarehouseSettings
from schemas.ddl import Storage
from warehouse.chdb import ChdbWarehouse
from warehouse.migrate import migrate
from warehouse.port import Warehouse


def open_warehouse(folder: Path, settings: WarehouseSettings) -> Warehouse:
    """The warehouse under a directory, with every migration applied. Raises WarehouseBusy, MigrationError."""
    warehouse = ChdbWarehouse(folder, settings)
    try:
        migrate(warehouse, Storage(dedup_window_blocks=settings.dedup_window_blocks, fsync=settings.fsync))
    except BaseException:
        warehouse.close()
        raise
    return warehouse
