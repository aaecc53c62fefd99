"""Whatever happens to server, network or answer: a repeated insert is stored once, and the error says to repeat."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from schemas.ddl import DATABASE
from tests.contracts.warehouse import count, joins
from tests.servers.clickhouse import ClickHouseServer, own_server
from tests.servers.proxy import Proxy
from tests.servers.warehouses import address_of, migrated, settings
from warehouse.clickhouse import ClickHouseWarehouse
from warehouse.inserts import insert_query_id
from warehouse.port import Warehouse, WarehouseError, rows_of, scalar_of

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    """A server that these tests may kill; whoever does starts it again."""
    with own_server(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server


@pytest.fixture
def made(server: ClickHouseServer) -> Iterator[Warehouse]:
    with migrated(server, DATABASE, statement_timeout_s=20) as warehouse:
        yield warehouse


@pytest.fixture
def proxy(server: ClickHouseServer) -> Iterator[Proxy]:
    with Proxy(server.host, server.port) as proxy:
        yield proxy


def through(proxy: Proxy, server: ClickHouseServer, **fields: int) -> ClickHouseWarehouse:
    """The warehouse as seen over the proxy, with short patience."""
    address = address_of(server, DATABASE, host="127.0.0.1", port=proxy.port)
    chosen = {"statement_timeout_s": 1, "connect_timeout_s": 1, **fields}
    return ClickHouseWarehouse(address, settings(**chosen).clickhouse)


def until_done(act: Callable[[], None], deadline_s: float = 60) -> int:
    """Repeat what may be repeated; how often it failed."""
    end, failed = time.monotonic() + deadline_s, 0
    while True:
        try:
            act()
            return failed
        except WarehouseError as error:
            assert error.retryable, error
            assert time.monotonic() < end, error
            failed += 1
            time.sleep(0.01)


ROWS, WRITERS = 50, 3


def _store(warehouse: Warehouse, number: int) -> None:
    """As ingest does it (docs/decisions/0007): a batch that failed is read back, and sent under new tokens."""
    failed = until_done(lambda: warehouse.insert("joins", joins(ROWS, first=number * ROWS), f"batch-{number}"))
    for again in range(5 if failed else 0):
        bounds = {"lo": number * ROWS, "hi": (number + 1) * ROWS}
        found: list[int] = []

        def look() -> None:
            sql = f"SELECT count() FROM {DATABASE}.joins WHERE identity >= {{lo:UInt64}} AND identity < {{hi:UInt64}}"
            found.append(scalar_of(warehouse.query(sql, bounds)))  # noqa: B023

        until_done(look)
        if found[0]:
            assert found[0] == ROWS
            return
        until_done(lambda: warehouse.insert("joins", joins(ROWS, first=number * ROWS), f"batch-{number}-{again}"))  # noqa: B023


def test_kills_during_inserts_lose_and_double_nothing(server: ClickHouseServer, made: Warehouse) -> None:
    kills, stop, stored = 8, threading.Event(), [0] * WRITERS

    def write(writer: int) -> None:
        while not stop.is_set():
            _store(made, stored[writer] * WRITERS + writer)
            stored[writer] += 1

    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(write, writer) for writer in range(WRITERS)]
        for kill in range(kills):
            time.sleep(0.1 + 0.03 * kill)
            server.kill()
            server.start()
        stop.set()
        for each in writing:
            each.result()
    assert sum(stored) > kills
    found = rows_of(made.query(f"SELECT count() AS n, uniqExact(identity) AS different FROM {DATABASE}.joins"))
    assert found == [{"n": sum(stored) * ROWS, "different": sum(stored) * ROWS}]


def test_the_server_is_away_and_comes_back(server: ClickHouseServer, made: Warehouse) -> None:
    made.insert("joins", joins(3), "before")
    server.kill()
    for act in (
        lambda: made.insert("joins", joins(3), "before"),
        lambda: made.query("SELECT 1"),
        lambda: made.execute("SELECT 1"),
    ):
        with pytest.raises(WarehouseError) as caught:
            act()
        assert caught.value.retryable
    server.start()
    made.insert("joins", joins(3), "before")
    assert count(made, "joins") == 3


def test_an_answer_that_is_lost(server: ClickHouseServer, made: Warehouse, proxy: Proxy) -> None:
    warehouse = through(proxy, server)
    warehouse.insert("joins", joins(3), "connected")
    proxy.on_request = lambda data: b"FORMAT ArrowStream" in data
    with pytest.raises(WarehouseError) as caught:
        warehouse.insert("joins", joins(5, first=10), "token")
    assert caught.value.retryable and proxy.lost.is_set()
    proxy.mend()
    until_done(lambda: warehouse.insert("joins", joins(5, first=10), "token"))
    warehouse.close()
    assert count(made, "joins") == 8


def test_connections_that_are_cut(server: ClickHouseServer, made: Warehouse, proxy: Proxy) -> None:
    """In the middle of the rows, and while it waits for the answer; the client itself repeats some of these."""
    warehouse = through(proxy, server)
    large = joins(20_000)

    def cut(data: bytes) -> bool:
        proxy.on_request = lambda data: False
        threading.Timer(0.0, proxy.cut).start()
        return False

    for number in range(4):
        proxy.delay_s, proxy.chunk_bytes = 0.001, 65_536 if number % 2 else 4_096
        proxy.on_request = cut
        until_done(lambda: warehouse.insert("joins", large, "token"))
        proxy.mend()
    warehouse.close()
    assert count(made, "joins") == 20_000


def test_a_server_that_stands_still(server: ClickHouseServer, made: Warehouse) -> None:
    """The insert arrives after its sender gave up, and once more."""
    impatient = ClickHouseWarehouse(address_of(server, DATABASE), settings(statement_timeout_s=1).clickhouse)
    until_done(lambda: impatient.insert("joins", joins(1), "connected"))
    server.pause()
    with pytest.raises(WarehouseError) as caught:
        impatient.insert("joins", joins(5, first=10), "token")
    assert caught.value.retryable
    server.resume()
    until_done(lambda: impatient.insert("joins", joins(5, first=10), "token"))
    impatient.close()
    assert count(made, "joins") == 6


def test_an_insert_waits_for_its_first_try(server: ClickHouseServer, made: Warehouse) -> None:
    """Its answer was lost but the server is still at it: what is repeated is refused until that has ended."""
    running = {"query_id": insert_query_id(DATABASE, "joins", "token")}
    slowly = "SELECT sum(sleepEachRow(0.1)) FROM numbers(600) SETTINGS max_block_size = 1"
    tries = []

    def insert() -> None:
        tries.append(1)
        if len(tries) == 2:
            made.execute("KILL QUERY WHERE query_id = {query_id:String} SYNC", running)
        made.insert("joins", joins(3), "token")

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(made.query, slowly, None, running)
        listed = "SELECT count() FROM system.processes WHERE query_id = {query_id:String}"
        while not scalar_of(made.query(listed, running)):
            assert not first.done()
        with pytest.raises(WarehouseError) as caught:
            made.insert("joins", joins(3), "token")
        assert (caught.value.code, caught.value.retryable) == (216, True)
        assert until_done(insert) > 0
        with pytest.raises(WarehouseError):
            first.result()
    assert count(made, "joins") == 3


def test_too_many_parts_may_be_repeated(server: ClickHouseServer, made: Warehouse) -> None:
    made.execute("SYSTEM STOP MERGES")
    try:
        made.execute(f"ALTER TABLE {DATABASE}.joins MODIFY SETTING parts_to_throw_insert = 2")
        made.insert("joins", joins(1), "first")
        made.insert("joins", joins(1, first=1), "second")
        with pytest.raises(WarehouseError) as caught:
            made.insert("joins", joins(1, first=2), "third")
        assert (caught.value.code, caught.value.retryable) == (252, True)
        made.execute(f"ALTER TABLE {DATABASE}.joins MODIFY SETTING parts_to_throw_insert = 100")
        made.insert("joins", joins(1, first=2), "third")
    finally:
        made.execute("SYSTEM START MERGES")
    assert count(made, "joins") == 3
