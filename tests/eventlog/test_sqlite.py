"""The embedded log keeps the contract."""

from pathlib import Path

import pytest

from tests.contracts.deciding_log import DecidingLogContract
from tests.contracts.eventlog import LogContract
from tests.eventlog.log_fixture import SqliteFixture


class TestSqliteLog(LogContract, DecidingLogContract):
    @pytest.fixture(params=["retention by age", "retention by bytes"])
    def bench(self, request: pytest.FixtureRequest, tmp_path: Path) -> SqliteFixture:
        """Both ways to drop records at once; neither may drop what is still needed."""
        if request.param == "retention by age":
            return SqliteFixture(tmp_path / "log", retention_age_max_s=0)
        return SqliteFixture(tmp_path / "log", retention_bytes_max=0)
