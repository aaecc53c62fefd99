"""The state with which an edge starts its index of keys: states, ranges and position as of an offset."""

import asyncio

import pytest

from eventlog.port import StoredClaims
from ingest import dedup_store as module
from ingest.dedup_store import Claims
from schemas.columns import to_arrow
from schemas.dedup.sequences import Repeats
from schemas.tables import Claim, Origin, Source
from tests.conftest import KINDS_OF_WAREHOUSE, empty, warehouse_of
from tests.ingest.dedup_on_read import appends, expected, log_with
from tests.ingest.ingest_fixture import HITS_0, SALES_0, Crash, Faulty, ingest_of
from tests.schemas.samples import NOW_US
from warehouse.port import Warehouse


@pytest.fixture(params=KINDS_OF_WAREHOUSE)
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    """Of each kind, with every table empty."""
    opened = warehouse_of(request)
    empty(opened)
    return opened


LOG, OLD, OLDER = "aa" * 16, "bb" * 16, "cc" * 16


def key(n: int) -> bytes:
    return n.to_bytes(2, "big") * 8


@pytest.mark.parametrize("chunk_rows", [1, 7, 50_000])
def test_states_and_ranges_as_of_any_batch(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, chunk_rows: int
) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", chunk_rows)
    monkeypatch.setattr(module, "_KEYS_MAX", max(2, chunk_rows))
    made = appends(31, 90)
    log = log_with(made)
    asyncio.run(ingest_of(log, warehouse, batch_rows_max=20).catch_up())
    told: StoredClaims = Claims(warehouse)
    for partition, records in made.items():
        place = (partition, log.log_ids[partition])
        assert told.position(*place) == 90
        for offset in (0, 1, 20, 47, 90):
            states: dict[bytes, bytes] = {}
            expected(records[:offset], states)
            found = list(told.states(*place, offset))
            assert dict(found) == states and len(found) == len(states)
            assert Claims(warehouse).states_of(*place, offset, [*states, b"unknown key 1234"]) == states
        for offset in (0, 20, 40, 90):  # where batches begin; a range stands at its first record
            seen = Repeats()
            for _, append_id in records[:offset]:
                seen.add(append_id.origin, append_id.sequence)
            assert sorted(told.origins(*place, offset)) == list(seen)


@pytest.mark.parametrize("after", ["conversions", "claims", "origins"])
def test_the_position_is_before_a_batch_that_is_there_in_part(warehouse: Warehouse, after: str) -> None:
    made = {SALES_0: appends(32, 60)[SALES_0]}
    log, faulty = log_with(made), Faulty(warehouse)
    batches = 0

    def end(at: int, table: str, rows: object) -> None:
        nonlocal batches
        batches += table == after
        if batches == 2:
            raise Crash

    faulty.after = end
    with pytest.raises(Crash):
        asyncio.run(ingest_of(log, faulty, batch_rows_max=20).catch_up())
    whole = after == "origins"
    assert Claims(warehouse).position(SALES_0, log.log_ids[SALES_0]) == (40 if whole else 20)
    assert Claims(warehouse).position(SALES_0, OLD) == 0
    assert Claims(warehouse).position(HITS_0, log.log_ids[SALES_0]) == 0


def test_of_several_logs_the_present_one_counts_then_the_last(warehouse: Warehouse) -> None:
    """In a log the order is the offsets', whatever its clocks said."""
    rows = to_arrow(
        "claims",
        [
            (Claim(key(1), b"first", NOW_US + 9), Source(OLD, "conversions", 0, 4, 0)),
            (Claim(key(1), b"second", NOW_US + 5), Source(OLD, "conversions", 0, 8, 0)),
            (Claim(key(1), b"\xff older", NOW_US + 1), Source(OLDER, "conversions", 0, 99, 0)),
            (Claim(key(2), b"older", NOW_US + 7), Source(OLDER, "conversions", 0, 1, 0)),
            (Claim(key(2), b"present", NOW_US), Source(LOG, "conversions", 0, 2, 0)),
            (Claim(key(2), b"later", NOW_US), Source(LOG, "conversions", 0, 3, 0)),
            (Claim(key(3), b"beside", NOW_US), Source(LOG, "conversions", 1, 0, 0)),
            (Claim(key(4), b"hits", NOW_US), Source(OLD, "hits", 3, 0, 0)),
            (Claim(key(5), b"elsewhere", NOW_US), Source(OLD, "conversions", 3, 0, 0)),
        ],
    )
    warehouse.insert("claims", rows, "claims")
    keys = [key(n) for n in range(6)]
    assert Claims(warehouse).states_of(SALES_0, LOG, 3, keys) == {key(1): b"second", key(2): b"present"}
    assert Claims(warehouse).states_of(SALES_0, LOG, 2, keys) == {key(1): b"second", key(2): b"older"}
    assert Claims(warehouse).states_of(SALES_0, LOG, 2, []) == {}
    # Partitions of hits may become more, and keys then move; those of conversions never do.
    assert Claims(warehouse).states_of(HITS_0, LOG, 2, keys) == {key(4): b"hits"}


def test_ranges_with_gaps_and_ones_that_stand_twice(warehouse: Warehouse) -> None:
    me, you = b"m" * 16, b"y" * 16
    ranges = [(me, 0, 9), (me, 10, 14), (me, 20, 29), (me, 20, 29), (you, 3, 3), (you, 4, 2**40)]
    rows = [(Origin(*one), Source(LOG, "hits", 0, n * 100, 0)) for n, one in enumerate(ranges)]
    warehouse.insert("origins", to_arrow("origins", rows), "origins")
    assert list(Repeats(Claims(warehouse).origins(HITS_0, LOG, 600))) == [
        (me, 0, 14), (me, 20, 29), (you, 3, 2**40),
    ]  # fmt: skip
    assert list(Claims(warehouse).origins(HITS_0, LOG, 101)) == [(me, 0, 14)]
    assert list(Claims(warehouse).origins(HITS_0, OLD, 600)) == []
