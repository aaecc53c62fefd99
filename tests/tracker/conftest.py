"""What every test of the edge starts with."""

import pytest

from tests.tracker.kit import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()
