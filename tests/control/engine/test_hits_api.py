"""Pages of hits: each hit is on one page, whatever times they share."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from control.api.money import Money
from control.engine.hits_api import HitQuery, _by_time, money_of
from control.errors import Invalid

START = datetime(2026, 11, 28, tzinfo=UTC)


def _ts(micros: int) -> str:
    return f"{START + timedelta(microseconds=micros):%Y-%m-%dT%H:%M:%S.%f}Z"


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7])
def test_pages_hold_each_hit_once(limit: int) -> None:
    hits = [{"ts": _ts(-micros), "n": n} for n, micros in enumerate((0, 1, 1, 1, 1, 1, 2, 3, 3))]

    def find(rows_max: int, before: str) -> list[Mapping[str, Any]]:
        return [hit for hit in hits if not before or hit["ts"] < before][:rows_max]

    found, cursor, pages = [], "", 0
    while cursor is not None:
        shown, cursor = _by_time(HitQuery(limit=limit, cursor=cursor), find)
        assert len(shown) == min(limit, len(hits) - len(found))
        found += [hit["n"] for hit in shown]
        pages += 1
    assert found == [hit["n"] for hit in hits] and pages == -(-len(hits) // limit)


@pytest.mark.parametrize(
    "cursor", ["x", "W10", "WyIyMDI2IiwgMF0", "WyJ4WiIsIDFd", "WyI5OTk5LTAxLTAxVDAwOjAwOjAwWiIsIDFd"]
)
def test_a_wrong_cursor_is_named(cursor: str) -> None:
    with pytest.raises(Invalid, match="is not a cursor of this list"):
        _by_time(HitQuery(cursor=cursor), lambda *_: [])


def test_amounts_have_the_decimals_of_their_currency() -> None:
    assert money_of("10", "USD") == Money(amount="10.00", currency="USD")
    assert money_of("2.5", "KWD") == Money(amount="2.500", currency="KWD")
    assert money_of("-7", "JPY") == Money(amount="-7", currency="JPY")
