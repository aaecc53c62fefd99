"""Records to rows: pure, each record in one event table, nothing dropped."""

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.port import Record
from ingest.batch import Batch, build_batch
from ingest.enrich import Enricher
from ingest.geo import NoGeo
from schemas import identity
from schemas.columns import parts_to_arrow
from schemas.events import Kind, Touch
from schemas.tables import DeadLetter, Source, TouchKey
from schemas.wire import encode
from tests.ingest.bench import BAD, EVENT_TABLES, HITS_0, NEWER
from tests.schemas.samples import conversion, refund, rejected, touch, wire
from tests.schemas.strategies import events

ENRICHER = Enricher(NoGeo(), 1_000)
LOG_ID = "ab" * 16


def build(*values: bytes, lo: int = 10) -> Batch:
    return build_batch(HITS_0, LOG_ID, lo, [Record(lo + n, value) for n, value in enumerate(values)], ENRICHER)


def sources(batch: Batch, table: str) -> list[Source]:
    return [row[-1] for row in batch.rows.get(table, [])]  # type: ignore[misc]


records = st.one_of(events().map(lambda event: encode(*event)), st.binary(max_size=10).map(lambda b: b"\1" + b))


@given(st.lists(records, max_size=12), st.integers(0, 2**40))
def test_each_record_is_in_one_table(values: list[bytes], lo: int) -> None:
    batch = build(*values, lo=lo)
    places = [source for table in EVENT_TABLES for source in sources(batch, table)]
    assert sorted(source._offset for source in places) == list(range(lo, lo + len(values)))
    assert {(s._log, s._source, s._partition, s._batch) for s in places} <= {(LOG_ID, "hits", 0, lo)}
    assert (batch.lo, batch.hi, batch.newer_version) == (lo, lo + len(values) - 1, None)


@given(st.lists(records, max_size=8))
def test_the_same_records_give_the_same_rows(values: list[bytes]) -> None:
    """Also by another process, with another memory of user agents."""
    given_values = copy.deepcopy(values)
    first = build(*values)
    other = Enricher(NoGeo(), 1)
    second = build_batch(HITS_0, LOG_ID, 10, [Record(10 + n, v) for n, v in enumerate(values)], other)
    assert first == second and values == given_values


def test_rows_of_each_kind() -> None:
    click, shown = touch(1, user_agent="curl/8", visitor_id="v"), touch(2)
    sale = conversion("t")
    back = refund(sale.conversion_id, "r", 1)
    batch = build(wire(click), wire(shown, Kind.IMPRESSION), wire(sale), wire(back), wire(rejected()))
    assert {table: len(rows) for table, rows in batch.rows.items()} == {
        "clicks": 1, "impressions": 1, "conversions": 1, "adjustments": 1, "rejected": 1, "touches": 3,
    }  # fmt: skip
    event, enrichment, source = batch.rows["clicks"][0]
    assert event == click and enrichment.is_bot == 1 and source == Source(LOG_ID, "hits", 0, 10, 10)  # type: ignore[attr-defined]
    assert enrichment.visitor_hash == identity.visitor_hash("v")  # type: ignore[attr-defined]
    assert [row[0] for row in batch.rows["conversions"] + batch.rows["adjustments"]] == [sale, back]
    for table, rows in batch.rows.items():
        assert parts_to_arrow(table, list(zip(*rows, strict=True))).num_rows == len(rows)


@pytest.mark.parametrize("kind", [Kind.CLICK, Kind.IMPRESSION])
def test_a_touch_stands_under_each_of_its_identities(kind: Kind) -> None:
    hit = touch(1, ref="a1", visitor_id="v", user_id="u", user_agent="curl/8")
    rows: list[Any] = build(wire(hit, kind)).rows["touches"]
    assert [row[0].identity for row in rows] == list(identity.of_touch(kind, hit)) and len(rows) == 4
    expected = {"ts": hit.ts, "kind": int(kind), "touch_id": hit.touch_id, "offer_id": 101, "partner_id": 7,
                "is_bot": 1, "visitor": identity.of_visitor("v"), "user": identity.of_user("u")}  # fmt: skip
    for row in rows:
        assert isinstance(row[0], TouchKey)
        assert msgspec.structs.asdict(row[0]) == {"identity": row[0].identity, **expected}


def test_a_daily_hash_joins_nothing() -> None:
    rows: list[Any] = build(wire(touch(1, visitor_id="~x"))).rows["touches"]
    assert [(row[0].identity, row[0].visitor) for row in rows] == [(identity.of_token(touch(1).touch_id), 0)]


def test_what_cannot_be_decoded_keeps_its_bytes() -> None:
    batch = build(wire(touch(1)), BAD, b"", wire(touch(2)))
    letters: list[Any] = batch.rows["dead_letters"]
    assert [(row[0].value, row[1]._offset) for row in letters] == [(BAD, 11), (b"", 12)]
    assert all(isinstance(row[0], DeadLetter) and row[0].error for row in letters)
    assert [source._offset for source in sources(batch, "clicks")] == [10, 13] and batch.hi == 13


@pytest.mark.parametrize(("before", "hi"), [(0, 9), (1, 10), (3, 12)])
def test_a_newer_version_ends_the_batch_before_it(before: int, hi: int) -> None:
    batch = build(*(wire(touch(n)) for n in range(before)), NEWER, wire(touch(9)))
    assert (batch.newer_version, batch.hi) == (254, hi)
    assert [source._offset for source in sources(batch, "clicks")] == list(range(10, hi + 1))
    assert "dead_letters" not in batch.rows


def test_no_records() -> None:
    batch = build()
    assert (batch.rows, batch.lo, batch.hi, batch.newer_version) == ({}, 10, 9, None)
    assert isinstance(touch(1), Touch)
