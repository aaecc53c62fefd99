"""Pace of imports: transactions stay short, shorter while others write, and routes are published in parts."""

from itertools import pairwise

import pytest
from django.db import connection

from control.imports import apply
from control.imports.pace import BESIDE_BATCHES, HOLD_ALONE_S, HOLD_BESIDE_S, ROWS_MIN, Pace
from control.program.models import ProgramVersion
from control.program.publishing import publish
from control.program.routing import difference_from_rows
from control.program.store import read_contents
from control.program.stored_routes import read_hashes
from tests.control.databases import TestDatabase
from tests.control.imports.sample import BOSS, applied
from tests.control.program.sample import shoes

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def test_batches_are_as_long_as_their_time_allows() -> None:
    pace = Pace(500)
    assert pace.rows == 500
    pace.took(500, 4 * HOLD_ALONE_S)
    assert pace.rows == 125
    pace.took(125, 0.0)
    assert pace.rows == 250  # longer step by step
    pace.noticed(others_wrote=True)
    pace.took(250, HOLD_ALONE_S)
    assert pace.rows == int(250 * HOLD_BESIDE_S / HOLD_ALONE_S)
    for _ in range(BESIDE_BATCHES):
        pace.noticed(others_wrote=False)
    pace.took(100, HOLD_ALONE_S)
    assert pace.rows == 100
    pace.took(100, 3_600)
    assert pace.rows == ROWS_MIN
    small = Pace(2)
    small.took(2, 3_600)
    assert small.rows == 2


@pytest.mark.parametrize("committed_database", ["sqlite"], indirect=True)
def test_a_pause_notices_who_writes(committed_database: TestDatabase) -> None:
    assert connection.vendor == "sqlite"
    pace, other = Pace(500), connection.copy()
    try:
        pace.pause()
        pace.took(400, HOLD_ALONE_S)
        assert pace.rows == 400
        with other.cursor() as cursor:
            cursor.execute("DELETE FROM imports_knownheading")
            cursor.execute("INSERT INTO imports_knownheading (type, heading, field, used) VALUES ('a', 'b', 'c', 0)")
        pace.pause()
        pace.took(400, HOLD_ALONE_S)
        assert pace.rows == int(400 * HOLD_BESIDE_S / HOLD_ALONE_S)
    finally:
        other.close()


@SQLITE
@pytest.mark.usefixtures("database")
def test_many_routes_are_published_in_parts_that_do_not_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "PUBLISHED_KEYS_MAX", 2)
    shoes()
    publish(BOSS)
    applied("partners", "name,status\n" + "".join(f"P{at},active\n" for at in range(7)))
    assert ProgramVersion.objects.count() == 5 and difference_from_rows() == ""
    trees = [read_hashes(version.routes_root, read_contents) for version in ProgramVersion.objects.order_by("seq")]
    written = [part for old, new in pairwise(trees) for part in old.differing(new)]
    assert len(written) == len(set(written)) > 1
