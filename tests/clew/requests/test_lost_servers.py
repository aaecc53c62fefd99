"""A command whose log or warehouse becomes unavailable ends with one sentence and exit code 4."""

from pathlib import Path

import pytest

from attribution.live.attributor import Attributor
from attribution.live.lease import ConsumerLease
from clew.requests.client import send_request
from clew.requests.types import AttributeRequest
from eventlog.memory import MemoryConsumer, MemoryLog
from eventlog.port import Consumer, LogUnavailable, Partition
from ingest.loop import GROUP
from installation.address import InstallationAddress, find_address
from installation.engine import Engine
from installation.program_file import load_program
from runtime.clock import SystemClock
from runtime.settings import Settings
from runtime.user_error import UNREACHABLE, UserError
from tests.serving import PROGRAM
from warehouse.port import Warehouse, WarehouseError

LOG_SAYS, WAREHOUSE_SAYS = "Kafka is away", "ClickHouse is away"


class Gone(MemoryConsumer):
    """A log that was there when it was opened."""

    async def partitions(self) -> list[Partition]:
        raise LogUnavailable(LOG_SAYS)


class Opened(Engine):
    """An engine whose parts a test chose; the warehouse is everybody's and stays open."""

    async def close(self) -> None:
        await self.workers.close()
        await self.observer.close()


@pytest.fixture
def place() -> InstallationAddress:
    return find_address(None, "kafka://127.0.0.1:9", "clickhouse://127.0.0.1:9/clew", Settings())


@pytest.fixture
def engine(place: InstallationAddress, tmp_path: Path, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """What `send_request` opens, instead of servers."""
    file, clock, observer = tmp_path / "program.toml", SystemClock(), MemoryConsumer(MemoryLog(), GROUP)
    file.write_text(PROGRAM)
    opened = Opened(place, Settings(), load_program(file), clock, warehouse, observer, 1)

    async def open_engine(*_: object, **__: object) -> Engine:
        return opened

    monkeypatch.setattr("installation.engine.open_engine", open_engine)
    return opened


def attributor(engine: Engine, shards: Consumer) -> Attributor:
    lease = ConsumerLease(shards, 1)
    return Attributor(
        engine.warehouse, engine.observer, lambda: engine.program, engine.clock, engine.settings.attribution, lease
    )


def said(place: InstallationAddress) -> str:
    with pytest.raises(UserError) as told:
        send_request(place, Settings(), SystemClock(), AttributeRequest(timeout=20))
    assert told.value.exit_code == UNREACHABLE
    assert "\n" not in str(told.value)
    return str(told.value)


def test_a_log_that_goes_before_the_work_begins(place: InstallationAddress, engine: Engine) -> None:
    engine.workers.attributor = attributor(engine, Gone(MemoryLog(), GROUP))
    assert LOG_SAYS in said(place)


def test_a_warehouse_that_goes_before_the_work_begins(
    place: InstallationAddress, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def query(*_: object, **__: object) -> None:
        raise WarehouseError(f"{WAREHOUSE_SAYS}\nand a long trace", 210, retryable=True)

    engine.workers.attributor = attributor(engine, engine.observer)
    monkeypatch.setattr(engine.warehouse, "query", query)
    assert WAREHOUSE_SAYS in said(place)


@pytest.mark.parametrize("error", [LogUnavailable(LOG_SAYS), WarehouseError(WAREHOUSE_SAYS, retryable=True)], ids=repr)
def test_a_worker_that_fails_says_so_itself(
    place: InstallationAddress, engine: Engine, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.workers.ingest = engine.workers.new_ingest(engine.observer)

    async def run() -> None:
        raise error

    monkeypatch.setattr(engine.workers.ingest, "run", run)
    assert str(error) in said(place)


def test_an_error_of_the_program_itself_is_not_hidden(
    place: InstallationAddress, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.workers.ingest = engine.workers.new_ingest(engine.observer)

    async def run() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(engine.workers.ingest, "run", run)
    with pytest.raises(ExceptionGroup):
        send_request(place, Settings(), SystemClock(), AttributeRequest(timeout=20))
