"""The test kit itself: a server that is killed, paused and restarted keeps its address and what it acknowledged."""

import threading
from pathlib import Path

import pytest

from tests.servers.clickhouse import ANALYST, ANALYST_PASSWORD, GivenServer, own_server

pytestmark = pytest.mark.server


def test_a_server_of_our_own(tmp_path: Path) -> None:
    with own_server(tmp_path / "server") as server:
        server.ask("CREATE TABLE default.t (x UInt8) ENGINE = MergeTree ORDER BY x SETTINGS fsync_after_insert = 1")
        server.ask("INSERT INTO default.t VALUES (7)")
        server.kill()
        with pytest.raises(OSError):
            server.ask("SELECT 1")
        server.start()
        assert server.ask("SELECT x FROM default.t") == "7"

        server.pause()
        answered = threading.Event()
        asking = threading.Thread(target=lambda: (server.ask("SELECT 1"), answered.set()))
        asking.start()
        assert not answered.wait(0.2)
        server.resume()
        asking.join(30)
        assert answered.is_set()

        server.stop()
        with pytest.raises(OSError):
            server.ask("SELECT 1")
        server.start()
        assert server.ask("SELECT x FROM default.t") == "7"


def test_users_of_the_shared_server(clickhouse: GivenServer) -> None:
    assert clickhouse.ask("SELECT currentUser()") == clickhouse.user
    with pytest.raises(ValueError, match="AUTHENTICATION_FAILED"):
        clickhouse.ask("SELECT 1", password="wrong")


def test_the_analyst_only_reads(tmp_path: Path) -> None:
    with own_server(tmp_path / "server") as server:
        assert server.ask("SELECT currentUser()", ANALYST, ANALYST_PASSWORD) == "analyst"
        with pytest.raises(ValueError, match=r"READONLY|ACCESS_DENIED"):
            server.ask("CREATE TABLE default.t (x UInt8) ENGINE = Memory", ANALYST, ANALYST_PASSWORD)
