"""The embedded log keeps the contract."""

import asyncio
import os
from pathlib import Path

import pytest

from schemas.events import HITS
from tests.contracts.deciding_log import DecidingLogContract
from tests.contracts.eventlog import LogContract, close
from tests.eventlog.log_fixture import SqliteFixture


class TestSqliteLog(LogContract, DecidingLogContract):
    @pytest.fixture(params=["retention by age", "retention by bytes"])
    def bench(self, request: pytest.FixtureRequest, tmp_path: Path) -> SqliteFixture:
        """Both ways to drop records at once; neither may drop what is still needed."""
        if request.param == "retention by age":
            return SqliteFixture(tmp_path / "log", retention_age_max_s=0)
        return SqliteFixture(tmp_path / "log", retention_bytes_max=0)


def test_growth_mark_changes_with_every_append(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    bench = SqliteFixture(folder)

    def age() -> None:
        """Make the files old, because a mark of a file that was just written says nothing."""
        for path in folder.iterdir():
            os.utime(path, (1, 1))

    async def story() -> None:
        producer, consumer = bench.producer(0), bench.consumer("a")
        marks = []
        for record in (b"one", b"two", b"three"):
            await producer.append(HITS, b"", [record])
            age()
            marks.append(consumer.growth_mark())
            assert marks[-1] is not None and marks[-1] == consumer.growth_mark()
        assert marks[0] != marks[1] != marks[2]
        await close(producer, consumer)

    asyncio.run(story())
