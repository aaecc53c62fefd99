"""`report kpi` counts as defined in docs/contract.md, section 7, and shows its formulas."""

import secrets

import pytest

from program.entries import Plan
from program.program import Program
from reporting.kpi import kpi_report
from reporting.only import Only
from reporting.rejected import rejected_report
from reporting.report import Report, conversion_count
from reporting.run_diff import diff_report
from runtime.user_error import ReportError
from schemas.columns import to_arrow
from schemas.events import Kind, Rejected
from schemas.tables import Source
from schemas.values.time_range import BadRange, range_us
from tests.attribution.fake_ingest import FakeIngest, Stored
from tests.attribution.random_cases import BASE_US, adjustment_of, conversion_of, program_of, touch_of
from tests.attribution.test_live import attributor, run
from warehouse.port import Warehouse

PROGRAM = program_of((Plan(1, percent_e6=10_000_000), Plan(2, percent_e6=10_000_000, model="linear")))
DAY_US = 86_400_000_000


def report(warehouse: Warehouse, by: str = "partner,offer", program: Program = PROGRAM, **within: int) -> Report:
    return kpi_report(warehouse, program, by.split(","), within.get("from_us"), within.get("to_us"))


def filled(warehouse: Warehouse, *events: Stored, program: Program = PROGRAM) -> None:
    log = FakeIngest(warehouse)
    for event in events:
        log.append(event)
    log.store()
    run(attributor(warehouse, log, program))


def test_one_partner(warehouse: Warehouse) -> None:
    events = [conversion_of(n, click_ref="t1", status="pending" if n == 3 else "approved") for n in (1, 2, 3, 4)]
    filled(
        warehouse, touch_of(1, visitor="ann"), touch_of(2, visitor="ann"), touch_of(3, visitor="~bob"), touch_of(4),
        touch_of(5, visitor="eve", bot=True), touch_of(6, kind=Kind.IMPRESSION), *events,
        adjustment_of(1, events[0], amount_e4=25_000), adjustment_of(2, events[1], "status", status="declined"),
    )  # fmt: skip
    (row,) = report(warehouse).rows
    assert row == {
        "partner_id": 1, "partner": "Partner 1", "offer_id": 1, "offer": "Offer 1", "impressions": 1, "clicks": 5,
        "unique_clicks": 2, "bot_clicks": 1, "conversions": 4, "approved": 2, "pending": 1, "hold": 0, "declined": 1,
        "revenue": "27.50", "payout": "2.75", "profit": "24.75", "currency": "USD", "cr": 0.75, "epc": 0.6875,
        "approval_rate": 0.5,
    }  # fmt: skip


def test_fractions_unattributed_and_other_currencies(warehouse: Warehouse) -> None:
    filled(
        warehouse,
        *(touch_of(n, offer=2, partner=n, visitor="ann") for n in (1, 2, 3)),
        conversion_of(1, offer=2, visitor_id="ann", amount=1000, currency="JPY"),
        conversion_of(2, offer=2, visitor_id="nobody"),
    )
    rows = report(warehouse).rows
    names = ("partner_id", "partner", "currency", "conversions", "revenue", "payout")
    assert [tuple(row[name] for name in names) for row in rows] == [
        (0, "unattributed", "USD", 1, "10.00", "0.00"),
        (1, "Partner 1", "USD", 0.333333, "0.00", "0.00"),
        (1, "Partner 1", "JPY", None, "334", "34"),
        (2, "Partner 2", "USD", 0.333333, "0.00", "0.00"),
        (2, "Partner 2", "JPY", None, "333", "33"),
        (3, "Partner 3", "USD", 0.333333, "0.00", "0.00"),
        (3, "Partner 3", "JPY", None, "333", "33"),
    ]  # fmt: skip
    assert [rows[0][name] for name in ("cr", "epc", "approval_rate")] == [None, None, 1.0]
    assert [rows[2][name] for name in ("clicks", "cr", "approval_rate")] == [None, None, None]


@pytest.mark.parametrize("partners", [3, 7, 10])
def test_fractions_of_conversions_add_up_to_whole_ones(warehouse: Warehouse, partners: int) -> None:
    """Of n people, each touches all n partners once: a partner gets 1/n of n conversions."""
    people = range(1, partners + 1)
    filled(
        warehouse,
        *(
            touch_of(100 * person + partner, second=partner / 10, offer=2, partner=partner, visitor=f"p{person}")
            for person in people
            for partner in people
        ),
        *(conversion_of(person, offer=2, visitor_id=f"p{person}") for person in people),
    )
    rows = report(warehouse, "partner").rows
    assert [(row["partner_id"], repr(row["conversions"]), repr(row["approved"])) for row in rows] == [
        (partner, "1", "1") for partner in people
    ]
    change = diff_report(warehouse, PROGRAM.labels, "live:last_click", "live:linear", ["partner"]).rows
    names = ("conversions_1", "conversions_2", "conversions_change")
    assert [tuple(repr(row[name]) for name in names) for row in change] == [
        *(("0", "1", "1") for _ in people[:-1]), (repr(partners), "1", repr(1 - partners)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("e12", "text"),
    [
        (333_333_333_334 * 3, "1"), (333_333_333_333, "0.333333"), (100_000_000_000, "0.1"),
        (100_000_000_000 * 3, "0.3"), (666_666_666_667, "0.666667"), (-333_333_333_334, "-0.333333"),
        (-1_500_000, "-2e-06"), (499_999, "0"), (-1, "0"), (12 * 10**12, "12"),
    ],
)  # fmt: skip
def test_conversions_are_rounded_to_six_decimals(e12: int, text: str) -> None:
    assert repr(conversion_count(e12)) == text


def test_a_restatement_reverses_the_earlier_credits(warehouse: Warehouse) -> None:
    log = FakeIngest(warehouse)
    log.append(touch_of(1, second=1, partner=1, visitor="ann"))
    log.append(conversion_of(1, visitor_id="ann"))
    log.store()
    run(attributor(warehouse, log, PROGRAM))
    log.append(touch_of(2, second=2, partner=3, visitor="ann"))
    log.store()
    run(attributor(warehouse, log, PROGRAM))
    found = [(r["partner_id"], r["conversions"], r["revenue"], r["payout"]) for r in report(warehouse, "partner").rows]
    assert found == [(1, 0, "0.00", "0.00"), (3, 1, "10.00", "1.00")]
    assert report(warehouse, "partner").rows[0]["offer_id"] is None


def test_days_use_the_time_zone_of_the_program(warehouse: Warehouse) -> None:
    # BASE_US is 2023-11-14T22:13:20Z, an hour later in Berlin: 47 minutes before midnight there.
    filled(warehouse, touch_of(1, second=0), touch_of(2, second=3_600), conversion_of(1, second=3_601, click_ref="t2"))
    rows = report(warehouse, "day").rows
    assert [(r["day"], r["clicks"], r["conversions"]) for r in rows] == [("2023-11-14", 1, 0), ("2023-11-15", 1, 1)]
    from_us, to_us = range_us("2023-11-15", "2023-11-16", "Europe/Berlin")
    assert from_us is not None and to_us is not None
    assert report(warehouse, "day", from_us=from_us, to_us=to_us).rows == rows[1:]
    assert report(warehouse, "day", from_us=BASE_US, to_us=BASE_US + 1).rows[0]["clicks"] == 1
    assert report(warehouse, "day", from_us=BASE_US + 1, to_us=BASE_US + 2).rows == ()


def test_bad_dimensions_and_ranges_are_refused(warehouse: Warehouse) -> None:
    with pytest.raises(ReportError, match="cannot group by moon; --by takes any of partner, offer, day"):
        report(warehouse, "partner,moon")
    with pytest.raises(BadRange, match="is not a date"):
        range_us("tomorrow", None, "UTC")
    with pytest.raises(BadRange, match="empty"):
        range_us("2026-01-02", "2026-01-02", "UTC")
    assert range_us("1970-01-01T01:00:00+01:00", None, "UTC") == (0, None)


def test_rejected(warehouse: Warehouse) -> None:
    rows = [
        (Rejected(ts=BASE_US + n, kind="click", reason=reason, offer_id=n), Source("", "hits", 0, n, 0))
        for n, reason in enumerate(("unknown_link", "malformed", "malformed"))
    ]
    warehouse.insert("rejected", to_arrow("rejected", rows), secrets.token_hex(8))
    found = rejected_report(warehouse, PROGRAM, ["reason", "kind"])
    assert found.rows == (
        {"reason": "malformed", "kind": "click", "hits": 2},
        {"reason": "unknown_link", "kind": "click", "hits": 1},
    )
    assert found.to_json()["columns"][0]["name"] == "reason"


def test_a_report_of_some_partners_ordered_by_money(warehouse: Warehouse) -> None:
    clicks = [touch_of(n, partner=n, visitor=f"v{n}") for n in (1, 2, 3)]
    sales = [conversion_of(n, click_ref=f"t{n}", amount=amount) for n, amount in ((1, 900), (2, 10_000), (3, 50_000))]
    filled(warehouse, *clicks, *sales)
    some = kpi_report(warehouse, PROGRAM, ["partner"], only=Only.of([1, 2], [1])).ordered("-revenue")
    assert [row["revenue"] for row in some.rows] == ["100.00", "9.00"], "as amounts, not as texts"
    assert some.part(1, 2).rows == some.rows[1:]
    assert kpi_report(warehouse, PROGRAM, ["partner"], only=Only.of([], None)).rows == ()
    (total,) = report(warehouse, "total").rows
    assert (total["clicks"], total["conversions"], total["revenue"]) == (3, 3, "609.00")
    (hour,) = report(warehouse, "hour").rows
    assert hour["hour"] == "2023-11-14 23:00", "in the program's zone"
    with pytest.raises(ReportError, match="cannot order by 'name'"):
        some.ordered("name")
