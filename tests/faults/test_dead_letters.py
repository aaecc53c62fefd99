"""Undecodable records and records from the future, put into a real log by hand: counted, kept, replayable."""

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest

from eventlog.address import SqliteLog
from eventlog.port import Partition, Record
from eventlog.sqlite.consumer import SqliteConsumer
from operations.dead_letters import DeadRecord, replay_dead
from runtime.clock import SystemClock
from runtime.settings import Settings
from schemas.events import Kind, Touch
from schemas.wire import WIRE_VERSION, encode
from tests import loopback
from tests.serving import BROWSER, Serving, serving

GOOD = encode(
    Kind.CLICK,
    Touch(touch_id=b"t" * 27, ts=1_770_000_000_000_000, received_ts=1_770_000_000_000_000, offer_id=101, partner_id=7),
)


def put(server: Serving, *values: bytes) -> None:
    """Append bytes to a worker's file as a broken writer would."""
    connection = sqlite3.connect(server.data / "log" / "hits-1.sqlite")
    with connection:
        [at] = connection.execute("SELECT coalesce(max(offset) + 1, 0) FROM records").fetchone()
        rows = [(at + n, 0, value) for n, value in enumerate(values)]
        connection.executemany("INSERT INTO records VALUES (?, ?, ?)", rows)
    connection.close()


def click(server: Serving) -> None:
    answer = loopback.get(f"{server.url}/c/bl-shoes", headers={"User-Agent": BROWSER})
    assert answer.headers["Clew-Verdict"] == "accepted"


def clicks(server: Serving) -> int:
    return int(server.sql("SELECT count() AS n FROM clicks")[0]["n"])


def test_undecodable_records_are_kept_and_come_back_once(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        click(server)
        put(server, b"\x01", b"\x01\x63nonsense", GOOD[:40])
        click(server)
        server.settle()
        assert clicks(server) == 2
        letters = server.json("dead-letters", "list")["dead_letters"]
        assert [letter["offset"] for letter in letters] == [1, 2, 3]
        assert [bytes.fromhex(letter["value"]) for letter in letters] == [b"\x01", b"\x01\x63nonsense", GOOD[:40]]
        assert "clew_ingest_dead_letters_total 3.0" in loopback.get(f"{server.api}/metrics").text
        assert server.json("audit")["ok"]
        assert server.json("dead-letters", "replay") == {"still undecodable": 3}
        assert server.stop() == 0


def test_what_decodes_now_comes_back_once(tmp_path: Path) -> None:
    dead = [DeadRecord("l", "hits", 1, n, "was unknown", GOOD) for n in range(2)]
    clock, settings, log = SystemClock(), Settings(), SqliteLog(tmp_path)

    async def story() -> list[Record]:
        assert await replay_dead(log, dead[:1], settings, clock) == {"replayed": 1}
        assert await replay_dead(log, dead, settings, clock) == {"replayed": 1, "replayed before": 1}
        consumer = SqliteConsumer(tmp_path, "ingest", settings.eventlog, clock)
        found = await consumer.read(Partition("hits", 0), 0, 10, 10_000)
        await consumer.close()
        return list(found)

    assert asyncio.run(story()) == [Record(0, GOOD), Record(1, GOOD)]


def test_a_record_from_the_future_pauses_its_partition_and_loses_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        click(server)
        put(server, bytes([WIRE_VERSION + 1]) + GOOD[1:])
        click(server)
        while "partition_paused" not in server.log.read_text():
            time.sleep(0.05)  # the test's own timeout ends it
        with pytest.raises(AssertionError, match="ended with 3"):
            server.clew("attribute", "--wait", "--timeout", "2")
        assert clicks(server) == 1
        audit = server.json("audit", check=False)
        assert [check["found"] for check in audit["checks"] if not check["ok"]] == [2]
        connection = sqlite3.connect(server.data / "log" / "hits-1.sqlite")
        with connection:  # the upgrade: a version that can read the record
            connection.execute("UPDATE records SET value = ? WHERE offset = 1", (GOOD,))
        connection.close()
        server.kill()
        server.start()
        server.settle()
        assert clicks(server) == 3
        assert server.json("audit")["ok"]
