"""Servers that tests share; tests/conftest.py imports them. Tests use databases and prefixes of their own on them."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.servers.clickhouse import GivenServer, given_server, own_server
from tests.servers.found import skip_or_fail


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
