"""Fixtures for every test of the edge."""

import pytest

from tests.tracker.edge_fixture import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()
