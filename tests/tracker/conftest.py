"""What every test of the edge starts with."""

import pytest

from tests.tracker.edge_fixture import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()
