"""What an installation needs before anything runs on it: its tables, and on Kafka its topics."""

from clew.place import Place
from eventlog.open import make_topics
from runtime.clock import Clock
from runtime.settings import Settings
from warehouse.address import ChdbFolder
from warehouse.chdb import ChdbWarehouse
from warehouse.migrate import migrate
from warehouse.open import open_warehouse, storage_of


async def prepare(place: Place, settings: Settings, clock: Clock) -> list[str]:
    """Bring everything up to this version; says what it did, one sentence each.

    Raises WarehouseBusy, MigrationError, WarehouseError, LogUnavailable, OSError.
    """
    if place.data is not None:
        place.data.make()
    at = place.warehouse
    # Opening the embedded one migrates it too, and would leave nothing to tell.
    warehouse = ChdbWarehouse(at.folder, settings.chdb) if isinstance(at, ChdbFolder) else open_warehouse(at, settings)
    try:
        applied = migrate(warehouse, storage_of(at, settings))
    finally:
        warehouse.close()
    return [f"applied {name}" for name in applied] + await make_topics(place.log, settings, clock)
