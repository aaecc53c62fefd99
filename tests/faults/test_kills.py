"""SIGKILL of edge, engine, parent and all at random instants under load: nothing answered is lost or doubled."""

from pathlib import Path

import pytest

from tests.soak.run import soak


@pytest.mark.timeout(400)
def test_random_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    result = soak(tmp_path, kills=12, seed=7)
    assert result.kills.total() == 12
    assert result.verdict.acknowledged > 200
    assert result.verdict.ok, result.verdict.found
