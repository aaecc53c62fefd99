"""Open a warehouse: the only branch on its kind."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

from runtime.settings import Settings
from schemas.ddl import REPLICATED, Storage
from warehouse.address import ChdbFolder, WarehouseAddress
from warehouse.chdb import ChdbWarehouse
from warehouse.clickhouse import ClickHouseWarehouse
from warehouse.migrate import migrate
from warehouse.port import Warehouse


def open_warehouse(address: WarehouseAddress, settings: Settings) -> Warehouse:
    """The warehouse at an address. Raises WarehouseBusy, MigrationError, OSError.

    The embedded one is migrated by this. A server is not, nor is it asked anything yet: it may be away, and many
    processes use it; `check_migrated` or `migrate` comes next.
    """
    _leave_pandas_out()
    if not isinstance(address, ChdbFolder):
        return ClickHouseWarehouse(address, settings.clickhouse)
    warehouse = ChdbWarehouse(address.folder, settings.chdb)
    try:
        migrate(warehouse, storage_of(address, settings))
    except BaseException:
        warehouse.close()
        raise
    return warehouse


def storage_of(address: WarehouseAddress, settings: Settings) -> Storage:
    """Return the table layout of a warehouse, for `migrate`."""
    if isinstance(address, ChdbFolder):
        return Storage(dedup_window_blocks=settings.chdb.dedup_window_blocks, fsync=settings.chdb.fsync)
    server = settings.clickhouse
    return Storage(
        engine=REPLICATED if server.cluster else "MergeTree",
        dedup_window_blocks=server.dedup_window_blocks,
        fsync=server.fsync,
        dedup_window_s=server.dedup_window_s,
        definer=True,
    )


class _WithoutPandas(MetaPathFinder):
    """Finder that makes pandas look absent.

    chdb requires pandas, so it is installed, and pyarrow imports it with the first array that it makes: 0.4 s and
    50 MiB of every process, for nothing that Clew uses.
    """

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Refuse to import pandas. Raises ModuleNotFoundError."""
        if fullname == "pandas":
            raise ModuleNotFoundError("Clew does not import pandas, see warehouse/open.py", name=fullname)


def _leave_pandas_out() -> None:
    if not any(isinstance(finder, _WithoutPandas) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WithoutPandas())
