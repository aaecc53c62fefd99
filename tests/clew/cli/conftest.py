"""Fixtures of the control plane, for its commands."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from clew.__main__ import main
from tests.control.conftest import (
    acting_test,
    database,
    filling,
    open_postgresql_database,
    open_sqlite_database,
    postgres,
)

__all__ = ["acting_test", "database", "filling", "open_postgresql_database", "open_sqlite_database", "postgres"]
Clew = Callable[..., tuple[int, str, str]]


@pytest.fixture
def clew(database: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Clew:
    """Run a command in this process, on the database of the test."""

    def run(*words: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["clew", *words, "--data", str(tmp_path)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run
