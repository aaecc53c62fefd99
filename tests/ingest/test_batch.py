"""Records to rows: pure, each record in one event table, nothing dropped."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.port import Record
from ingest.batch import Batch, build_batch
from ingest.enrich import Enricher
from ingest.geo import NoGeo
from schemas import identity
from schemas.columns import arrays_of, to_arrow
from schemas.events import Kind, Touch
from schemas.tables import Enrichment, Source, TouchKey
from schemas.wire import encode
from tests.ingest.ingest_fixture import BAD, EVENT_TABLES, HITS_0, NEWER
from tests.schemas.samples import conversion, refund, rejected, touch, wire
from tests.schemas.strategies import events
from warehouse.port import rows_of

ENRICHER = Enricher(NoGeo(), 1_000)
LOG_ID = "ab" * 16


def build(*values: bytes, lo: int = 10) -> Batch:
    return build_batch(HITS_0, LOG_ID, lo, [Record(lo + n, value) for n, value in enumerate(values)], ENRICHER)


def rows(batch: Batch, table: str) -> list[dict[str, Any]]:
    return rows_of(batch.tables[table]) if table in batch.tables else []


records = st.one_of(events().map(lambda event: encode(*event)), st.binary(max_size=10).map(lambda b: b"\1" + b))


@given(st.lists(records, max_size=12), st.integers(0, 2**40))
def test_each_record_is_in_one_table(values: list[bytes], lo: int) -> None:
    batch = build(*values, lo=lo)
    places = [row for table in EVENT_TABLES for row in rows(batch, table)]
    assert sorted(row["_offset"] for row in places) == list(range(lo, lo + len(values)))
    assert {(r["_log"], r["_source"], r["_partition"], r["_batch"]) for r in places} <= {(LOG_ID, "hits", 0, lo)}
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
    assert {table: found.num_rows for table, found in batch.tables.items()} == {
        "clicks": 1, "impressions": 1, "conversions": 1, "adjustments": 1, "rejected": 1, "touches": 3,
    }  # fmt: skip
    source = Source(LOG_ID, "hits", 0, 10, 10)
    expected = to_arrow("clicks", [(click, ENRICHER.enrich(click, identity.visitor_hash("v")), source)])
    assert batch.tables["clicks"].equals(expected)
    assert rows(batch, "clicks")[0]["is_bot"] == 1
    assert batch.tables["conversions"].equals(to_arrow("conversions", [(sale, Source(LOG_ID, "hits", 0, 12, 10))]))
    assert batch.tables["adjustments"].equals(to_arrow("adjustments", [(back, Source(LOG_ID, "hits", 0, 13, 10))]))


AGENTS = st.sampled_from(["", "curl/8", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148"])


HITS = st.tuples(AGENTS, st.integers(0, 3), st.sampled_from(["302", "api"]), st.text(max_size=3))


@given(st.lists(HITS, min_size=1, max_size=9))
def test_touches_are_enriched_together_as_one_by_one(parts: list[tuple[str, int, str, str]]) -> None:
    hits = [
        touch(n, user_agent=agent, hints=hints, redirect_type=sent, visitor_id=visitor)
        for n, (agent, hints, sent, visitor) in enumerate(parts)
    ]
    visitors = [identity.visitor_hash(hit.visitor_id) for hit in hits]
    alone = arrays_of("clicks", Enrichment, list(map(ENRICHER.enrich, hits, visitors)))
    fields = dict(zip(Touch.__struct_fields__, arrays_of("clicks", Touch, hits), strict=True))
    assert ENRICHER.columns(fields, visitors) == alone


@pytest.mark.parametrize("kind", [Kind.CLICK, Kind.IMPRESSION])
def test_a_touch_stands_under_each_of_its_identities(kind: Kind) -> None:
    hit = touch(1, ref="a1", visitor_id="v", user_id="u", user_agent="curl/8")
    visitor, user = identity.of_visitor("v"), identity.of_user("u")
    keys = [
        TouchKey(key, hit.ts, int(kind), hit.touch_id, 101, 7, 1, visitor, user) for key in identity.of_touch(kind, hit)
    ]
    source = Source(LOG_ID, "hits", 0, 10, 10)
    assert len(keys) == 4
    assert build(wire(hit, kind)).tables["touches"].equals(to_arrow("touches", [(key, source) for key in keys]))


def test_a_daily_hash_joins_nothing() -> None:
    found = rows(build(wire(touch(1, visitor_id="~x"))), "touches")
    assert [(row["identity"], row["visitor"]) for row in found] == [(identity.of_token(touch(1).touch_id), 0)]


def test_what_cannot_be_decoded_keeps_its_bytes() -> None:
    batch = build(wire(touch(1)), BAD, b"", wire(touch(2)))
    letters = rows(batch, "dead_letters")
    assert [(row["value"], row["_offset"]) for row in letters] == [(BAD, 11), (b"", 12)]
    assert all(row["error"] for row in letters)
    assert [row["_offset"] for row in rows(batch, "clicks")] == [10, 13] and batch.hi == 13


@pytest.mark.parametrize(("before", "hi"), [(0, 9), (1, 10), (3, 12)])
def test_a_newer_version_ends_the_batch_before_it(before: int, hi: int) -> None:
    batch = build(*(wire(touch(n)) for n in range(before)), NEWER, wire(touch(9)))
    assert (batch.newer_version, batch.hi) == (254, hi)
    assert [row["_offset"] for row in rows(batch, "clicks")] == list(range(10, hi + 1))
    assert "dead_letters" not in batch.tables


def test_no_records() -> None:
    batch = build()
    assert (batch.tables, batch.lo, batch.hi, batch.newer_version) == ({}, 10, 9, None)
    assert isinstance(touch(1), Touch)
