"""Prepare an installation before anything runs on it: create its tables and, on Kafka, its topics."""

from eventlog.address import KafkaLog
from installation.address import InstallationAddress
from runtime.settings import Settings
from runtime.user_error import UNREACHABLE, UserError
from warehouse.address import ChdbFolder
from warehouse.chdb import ChdbWarehouse
from warehouse.migrate import migrate
from warehouse.open import open_warehouse, storage_of


async def prepare(place: InstallationAddress, settings: Settings) -> list[str]:
    """Bring everything up to this version; returns the names of the migrations applied.

    Raises WarehouseBusy, MigrationError, WarehouseError, LogUnavailable, OSError; UserError for topics that are unsafe.
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
    if isinstance(place.log, KafkaLog):
        await _make_topics(place.log, settings)
    return applied


async def _make_topics(log: KafkaLog, settings: Settings) -> None:
    from eventlog.kafka.topics import UnsafeTopics, prepare_topics  # with Kafka's client, which only servers need

    try:
        await prepare_topics(log, settings.kafka)
    except UnsafeTopics as error:
        raise UserError(f"{error}\nor set CLEW_KAFKA__ALLOW_UNSAFE_TOPICS=true", UNREACHABLE) from None
