"""Fixtures of the portal's tests."""

import copy

import pytest

from tests.control.databases import Filling, TestDatabase
from tests.control.portal.installation import Portal, filled_portal


@pytest.fixture
def filling() -> Filling:
    """Rows of all tests of the portal."""
    return filled_portal


@pytest.fixture
def portal(database: TestDatabase) -> Portal:
    """A program with two partners."""
    made: Portal = copy.deepcopy(database.content)
    return made
