"""Servers that tests share; tests/conftest.py imports them. Tests use databases and prefixes of their own on them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.ddl import DATABASE
from tests.servers.clickhouse import GivenServer, given_server, own_server
from tests.servers.kafka import GivenCluster, KafkaCluster, given_cluster
from tests.servers.skip import skip_or_fail
from tests.servers.warehouses import migrated
from warehouse.port import Warehouse


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GivenServer]:
    """The ClickHouse server of all tests. Never kill it: tests of faults start one by `own_server`."""
    given = given_server()
    if given is not None:
        yield given
        return
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(own_server(tmp_path_factory.mktemp("clickhouse")))
        except RuntimeError as error:
            skip_or_fail(str(error))
        yield server


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GivenCluster]:
    """The Kafka of all tests, one node of our own unless one is given. Never kill it: tests of faults start one."""
    given = given_cluster()
    if given is not None:
        yield given
        return
    with own_cluster(tmp_path_factory.mktemp("kafka"), 1) as cluster:
        yield cluster


@contextlib.contextmanager
def own_cluster(folder: Path, nodes: int) -> Iterator[KafkaCluster]:
    """A cluster that may be killed; skips where none can be had."""
    try:
        cluster = KafkaCluster(folder, nodes)
        cluster.start()
    except RuntimeError as error:
        skip_or_fail(str(error))
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def open_clickhouse_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A warehouse named as by default; on a server of our own, since a given one may have one of that name."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(own_server(tmp_path_factory.mktemp("clickhouse")))
        except RuntimeError as error:
            skip_or_fail(str(error))
        yield stack.enter_context(migrated(server, DATABASE))
