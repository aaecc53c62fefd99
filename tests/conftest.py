"""Fixtures for every test: bounded hypothesis profiles, the shared samples, the warehouse, and `skip_or_fail`."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from runtime.settings import Settings, WarehouseSettings
from schemas.ddl import DATABASE, table_names
from tests.servers.fixtures import clickhouse, kafka, open_clickhouse_warehouse
from tests.servers.skip import CI, skip_or_fail
from warehouse.address import ChdbFolder
from warehouse.open import open_warehouse
from warehouse.port import Warehouse

__all__ = ["ROOT", "clickhouse", "empty", "kafka", "open_clickhouse_warehouse", "skip_or_fail"]

ROOT = Path(__file__).resolve().parent.parent

# No deadline: the first example of a kernel pays for its compilation.
dev = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("dev", dev)
settings.register_profile("ci", dev, derandomize=True, database=None)
settings.register_profile("deep", dev, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if CI else "dev"))


MEMORY_FOLDER = Path("/dev/shm")
MEMORY_FOLDER_FREE_BYTES_MIN = 6 << 30


def pytest_configure() -> None:
    """Keep temporary directories in memory where there is room.

    A disk costs the tests of a warehouse a quarter of their CPU. No test needs a real one: those that fill, lose or
    damage a disk mount their own.
    """
    if "PYTEST_DEBUG_TEMPROOT" not in os.environ and MEMORY_FOLDER.is_dir():
        space = os.statvfs(MEMORY_FOLDER)
        if space.f_bavail * space.f_frsize >= MEMORY_FOLDER_FREE_BYTES_MIN and os.access(MEMORY_FOLDER, os.W_OK):
            os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY_FOLDER)


def pytest_collection_finish() -> None:
    """Take what is imported by now out of garbage collection, which would take a tenth of the time of the tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of public samples beside the repository; too large to be in it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no shared/data beside the repository")
    return folder


@pytest.fixture(scope="session")
def open_embedded_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """The one warehouse of this process: the embedded engine opens one directory per process, so all tests share it."""
    address = ChdbFolder(tmp_path_factory.mktemp("warehouse") / "chdb")
    # One thread for a few rows, and no compiled expressions: each costs as much as ten statements.
    opened = open_warehouse(address, Settings(chdb=WarehouseSettings(fsync=False, threads_max=1)))
    for connection in opened._handles.queue:  # type: ignore[attr-defined]
        connection.command("SET compile_expressions = 0")
    yield opened
    opened.close()


@pytest.fixture
def warehouse(open_embedded_warehouse: Warehouse) -> Warehouse:
    """The shared warehouse with every table empty."""
    empty(open_embedded_warehouse)
    return open_embedded_warehouse


KINDS_OF_WAREHOUSE = ["embedded", pytest.param("clickhouse", marks=pytest.mark.server)]
"""Parameters of a module's own fixture `warehouse`, when its tests run on every kind."""


def warehouse_of(request: pytest.FixtureRequest) -> Warehouse:
    """The warehouse of the kind that a fixture was asked for; tests before may have left rows in it."""
    opened: Warehouse = request.getfixturevalue(f"open_{request.param}_warehouse")
    return opened


def empty(warehouse: Warehouse, *tables: str) -> None:
    """Drop all rows, and with them the tokens that remember them; of every table unless some are named."""
    for table in tables or table_names():
        warehouse.execute(f"TRUNCATE TABLE {DATABASE}.{table}")
