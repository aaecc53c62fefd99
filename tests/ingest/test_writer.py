"""Blocks, tokens and refusals: the same batch always makes the same inserts, and only bad rows are buried."""

import threading
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.port import Record
from ingest.batch import Batch, build_batch
from ingest.enrich import Enricher
from ingest.geo import NoGeo
from ingest.writer import PARTITIONS_PER_BLOCK_MAX, BatchWriter, OwnershipExpired, Stopped, blocks_of
from runtime.clock import SystemClock
from schemas.columns import to_arrow
from schemas.ddl import DATABASE
from schemas.tables import Source
from tests.ingest.ingest_fixture import SALES_0, Faulty, offsets
from tests.schemas.samples import NOW_US, conversion, refund, wire
from warehouse.port import Warehouse, WarehouseError, rows_of

DAY_US = 86_400_000_000


@pytest.fixture
def faulty(warehouse: Warehouse) -> Faulty:
    return Faulty(warehouse)


def store_of(warehouse: Faulty, stop: threading.Event | None = None) -> BatchWriter:
    return BatchWriter(warehouse, "ingest", 1, stop or threading.Event(), SystemClock())


def sales(count: int, log_id: str = "ab" * 16, **fields: Any) -> Batch:
    """A batch of conversions at offsets from 5 on."""
    values = [wire(conversion(f"t{n}", **fields)) for n in range(count)]
    return batch_of(values, log_id)


def batch_of(values: list[bytes], log_id: str = "ab" * 16) -> Batch:
    records = [Record(5 + n, value) for n, value in enumerate(values)]
    return build_batch(SALES_0, log_id, 5, records, Enricher(NoGeo(), 10))


def letters(warehouse: Faulty) -> list[dict[str, Any]]:
    return rows_of(warehouse.query(f"SELECT _offset, error FROM {DATABASE}.dead_letters ORDER BY _offset"))


# -- blocks


@given(st.lists(st.integers(0, 60), max_size=40))
def test_blocks_hold_at_most_twelve_months(months: list[int]) -> None:
    rows = to_arrow(
        "conversions",
        [
            (conversion(f"t{n}", event_ts=NOW_US + month * 31 * DAY_US), Source("", "", 0, n, 0))
            for n, month in enumerate(months)
        ],
    )
    blocks = blocks_of("conversions", rows)
    seen = [{str(when)[:7] for when in block["event_ts"].to_pylist()} for block in blocks]
    assert all(0 < len(named) <= PARTITIONS_PER_BLOCK_MAX for named in seen)
    assert sorted(n for block in blocks for n in block["_offset"].to_pylist()) == list(range(len(months)))
    assert sum(map(len, seen)) == len(set().union(*seen))  # no month is in two blocks
    assert blocks_of("conversions", rows) == blocks


def test_tables_without_months_are_one_block() -> None:
    rows = [(refund(bytes(16), "r", 1, ts=n * 40 * DAY_US), Source("", "", 0, n, 0)) for n in range(30)]
    assert [block.num_rows for block in blocks_of("adjustments", to_arrow("adjustments", rows))] == [30]
    assert blocks_of("adjustments", to_arrow("adjustments", [])) == [] == blocks_of("clicks", to_arrow("clicks", []))


def test_many_months_are_stored_once(faulty: Faulty) -> None:
    values = [wire(conversion(f"t{n}", event_ts=NOW_US + n * 31 * DAY_US)) for n in range(30)]
    for _ in range(2):
        store_of(faulty).write(batch_of(values))
    assert offsets(faulty, "conversions", SALES_0) == list(range(5, 35))
    assert [rows for _, _, rows in faulty.tokens] == [12, 12, 6] * 2
    assert faulty.tokens[:3] == faulty.tokens[3:] and len({token for _, token, _ in faulty.tokens}) == 3


# -- tokens


def test_a_token_names_all_that_makes_a_batch_what_it_is(faulty: Faulty) -> None:
    store = store_of(faulty)
    store.write(sales(2))
    assert faulty.tokens == [("conversions", f"{'ab' * 16}:ingest:conversions:0:5-6:conversions:1:0", 2)]
    store.write(sales(2, "cd" * 16))  # a remade log: the same offsets are other rows
    store.write(sales(3))
    assert len({token for _, token, _ in faulty.tokens}) == 3
    assert offsets(faulty, "conversions", SALES_0) == [5, 5, 5, 6, 6, 6, 7]


def test_writing_again_changes_nothing(faulty: Faulty) -> None:
    for _ in range(3):
        store_of(faulty).write(sales(4))
    assert offsets(faulty, "conversions", SALES_0) == [5, 6, 7, 8]


@pytest.mark.parametrize("present", [[], [0], [1, 3], [0, 1, 2, 3, 4]])
def test_finish_adds_what_is_missing(faulty: Faulty, present: list[int]) -> None:
    batch, store = sales(5), store_of(faulty)
    some = Batch(
        batch.partition,
        batch.log_id,
        5,
        9,
        {"conversions": batch.tables["conversions"].take(present or pa.array([], pa.int64()))},
    )
    store.write(some)
    for _ in range(2):
        store_of(faulty).finish(batch)
        assert offsets(faulty, "conversions", SALES_0) == [5, 6, 7, 8, 9]
    # A part of the rows says that their insert has begun, and it may still be at the others.
    assert {table for table, _ in faulty.awaited} == ({"conversions"} if 0 < len(present) < 5 else set())


def test_a_young_batch_is_finished_under_the_tokens_that_its_first_writer_uses(faulty: Faulty) -> None:
    """That one may still try: only the same bytes under the same token are stored once."""
    batch = sales(5)
    store_of(faulty).write(batch)
    [told] = {token for table, token, _ in faulty.tokens if table == "conversions"}
    faulty.execute("ALTER TABLE clew.conversions DELETE WHERE _offset > 6 SETTINGS mutations_sync = 2")
    faulty.tokens.clear()
    store_of(faulty).finish(batch, tokens_remembered=True)
    assert faulty.tokens[0] == ("conversions", told, 5)
    assert offsets(faulty, "conversions", SALES_0) == [5, 6, 7, 8, 9]


def test_tries_end_when_the_partition_may_be_anothers(faulty: Faulty) -> None:
    def away(number: int, table: str, rows: pa.Table) -> None:
        raise WarehouseError("away", 210, retryable=True)

    faulty.before = away
    store = BatchWriter(faulty, "ingest", 1, threading.Event(), SystemClock(), owned_for_s=0.0)
    with pytest.raises(OwnershipExpired):
        store.write(sales(3))
    faulty.before = lambda number, table, rows: None
    store.finish(sales(3))
    assert offsets(faulty, "conversions", SALES_0) == [5, 6, 7]


# -- refusals


def refuse(bad: set[int], error: Exception) -> Any:
    """Raise for every block that holds a bad offset."""

    def before(number: int, table: str, rows: pa.Table) -> None:
        if table == "conversions" and bad & set(rows["_offset"].to_pylist()):
            raise error

    return before


@pytest.mark.parametrize("bad", [{5}, {9}, {20}, {6, 7}, {5, 13, 20}, set(range(5, 21))])
@pytest.mark.parametrize("error", [WarehouseError("bad value", 53), ValueError("does not fit")])
def test_bad_rows_are_halved_down_to_and_buried(faulty: Faulty, bad: set[int], error: Exception) -> None:
    faulty.before = refuse(bad, error)
    for _ in range(2):  # the second time with the very same tokens
        store_of(faulty).write(sales(16))
        assert offsets(faulty, "conversions", SALES_0) == sorted(set(range(5, 21)) - bad)
        assert [letter["_offset"] for letter in letters(faulty)] == sorted(bad)
    assert all(str(error) in letter["error"] for letter in letters(faulty))
    half = len(faulty.tokens) // 2
    assert faulty.tokens[:half] == faulty.tokens[half:]


def test_a_value_that_no_column_holds(faulty: Faulty) -> None:
    """It decodes, but does not fit Int64."""
    values = [wire(conversion(f"t{n}", amount_minor=2**63 if n == 2 else 1)) for n in range(5)]
    store_of(faulty).write(batch_of(values))
    assert offsets(faulty, "conversions", SALES_0) == [5, 6, 8, 9]
    assert [letter["_offset"] for letter in letters(faulty)] == [7]
    assert "conversions.amount_minor" in letters(faulty)[0]["error"]


def test_a_buried_row_stays_one_when_a_crashed_batch_is_finished(faulty: Faulty) -> None:
    values = [wire(conversion(f"t{n}", amount_minor=2**63 if n == 2 else 1)) for n in range(5)]
    store_of(faulty).write(batch_of(values))
    for _ in range(2):
        store_of(faulty).finish(batch_of(values))
        assert [letter["_offset"] for letter in letters(faulty)] == [7]
        assert offsets(faulty, "conversions", SALES_0) == [5, 6, 8, 9]


@pytest.mark.parametrize("code", [0, 16, 60, 159, 241, 243, 999, 1000])
def test_trouble_of_the_environment_buries_nothing(faulty: Faulty, code: int) -> None:
    def before(number: int, table: str, rows: pa.Table) -> None:
        if number < 3:
            raise WarehouseError("not now", code, retryable=code in (159, 241, 999))

    faulty.before = before
    store_of(faulty).write(sales(5))
    assert offsets(faulty, "conversions", SALES_0) == [5, 6, 7, 8, 9]
    assert letters(faulty) == [] and faulty.tried == 4 and len(faulty.tokens) == 1


def test_an_insert_that_went_through_unseen_is_not_doubled(faulty: Faulty) -> None:
    """The answer was lost: the retry has the same token."""

    def after(number: int, table: str, rows: pa.Table) -> None:
        if number == 0:
            raise WarehouseError("connection lost", 210, retryable=True)

    faulty.after = after
    store_of(faulty).write(sales(5))
    assert faulty.tried == 2 and offsets(faulty, "conversions", SALES_0) == [5, 6, 7, 8, 9]


def test_a_stop_ends_endless_tries(faulty: Faulty) -> None:
    stop = threading.Event()

    def before(number: int, table: str, rows: pa.Table) -> None:
        if number == 2:
            stop.set()
        raise WarehouseError("not now", 241, retryable=True)

    faulty.before = before
    with pytest.raises(Stopped):
        store_of(faulty, stop).write(sales(5))
    assert faulty.tried == 3 and offsets(faulty, "conversions", SALES_0) == []


def test_a_dead_letter_that_cannot_be_stored_is_no_loss(faulty: Faulty) -> None:
    """Nothing is dropped: the process ends and says so; the intent stays."""

    def before(number: int, table: str, rows: pa.Table) -> None:
        raise WarehouseError("bad value", 53)

    faulty.before = before
    with pytest.raises(RuntimeError, match="dead letter"):
        store_of(faulty).write(sales(1))
