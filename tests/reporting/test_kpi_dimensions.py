"""Each dimension of `report kpi` divides the same totals, on every warehouse; filters keep what they name."""

from decimal import Decimal

import msgspec
import pytest

from control.engine import dimensions as offered
from program.entries import Plan
from reporting import kpi_query
from reporting.dimensions import DIMENSIONS, FILTERS, filters_of
from reporting.kpi import kpi_report
from reporting.only import EVERYTHING, Only
from reporting.rejected import REJECTED_DIMENSIONS
from reporting.report import Report, Row
from runtime.user_error import ReportError
from schemas.events import Kind
from tests.attribution.fake_ingest import FakeIngest
from tests.attribution.random_cases import adjustment_of, conversion_of, program_of, touch_of
from tests.attribution.test_live import attributor, run
from tests.conftest import KINDS_OF_WAREHOUSE, empty, warehouse_of
from tests.reference.attribution import Seen
from warehouse.port import Warehouse

PROGRAM = program_of(
    (
        Plan(1, percent_e6=8_330_000, fixed_minor=7, fixed_currency="EUR", model="linear"),
        # Partner 2 is paid by another model than the one that pays the conversion.
        Plan(1, 2, percent_e6=11_110_000, model="first"),
        Plan(2, percent_e6=9_990_000, model="linear"),
    ),
    models=("last_click", "linear", "first"),
)
SUMS = ("impressions", "clicks", "bot_clicks", "conversions", "approved", "pending", "declined")
MONEY = ("revenue", "payout", "profit")


@pytest.fixture(scope="module", params=KINDS_OF_WAREHOUSE)
def filled(request: pytest.FixtureRequest) -> Warehouse:
    """A warehouse with conversions of several touches, statuses, goals and currencies, one of them restated."""
    warehouse = warehouse_of(request)
    empty(warehouse)
    log = FakeIngest(warehouse)
    for person in range(4):
        for number, partner in enumerate((1, 2, 3, 2)):
            log.append(_touch(10 * person + number, partner, f"p{person}", person))
    log.append(_touch(90, 1, "", 0, bot=True))
    sales = [
        conversion_of(1, visitor_id="p0", amount=1001),
        conversion_of(2, visitor_id="p1", amount=997, status="pending", goal="lead"),
        conversion_of(3, visitor_id="p2", amount=1003, currency="JPY"),
        conversion_of(4, visitor_id="p3", amount=3331, offer=2),
        conversion_of(5, visitor_id="nobody", amount=500),
        conversion_of(6, visitor_id="p0", amount=700, goal="lead"),
    ]
    for sale in sales:
        log.append(sale)
    log.store()
    run(attributor(warehouse, log, PROGRAM))
    log.append(adjustment_of(1, sales[0], amount_e4=33_300))
    log.append(adjustment_of(2, sales[5], "status", status="declined"))
    log.store()
    run(attributor(warehouse, log, PROGRAM))
    return warehouse


def _touch(number: int, partner: int, visitor: str, person: int, *, bot: bool = False) -> Seen:
    kind = Kind.IMPRESSION if number % 10 == 3 else Kind.CLICK
    seen = touch_of(
        number, kind=kind, second=3 + number % 10 / 10, offer=2 if person == 3 else 1, partner=partner,
        visitor=visitor, bot=bot,
    )  # fmt: skip
    touch = msgspec.structs.replace(
        seen.touch, link=f"link-{number % 3}", subs={"sub1": f"s{number % 4}", "sub30": "last"} if number % 5 else {},
        params={"utm_source": "news"} if number % 2 else {},
    )  # fmt: skip
    return Seen(seen.kind, touch, seen.is_bot)


def _totals(report: Report) -> dict[tuple[str, str], Decimal]:
    """Add up the rows: counts over all, money by currency."""
    found: dict[tuple[str, str], Decimal] = {}
    for row in report.rows:
        for name in (*SUMS, *MONEY):
            if row[name] is not None:
                key = (name, str(row["currency"]) if name in MONEY else "")
                found[key] = found.get(key, Decimal(0)) + Decimal(str(row[name]))
    return {
        key: value.quantize(Decimal("0.0001")) if key[0] not in MONEY else value
        for key, value in found.items()
        if value
    }


def _report(warehouse: Warehouse, *by: str, only: Only = EVERYTHING, **filters: list[str]) -> Report:
    return kpi_report(warehouse, PROGRAM, by, only=only, filters=filters)


def test_every_dimension_divides_the_same_totals(filled: Warehouse) -> None:
    whole = _totals(_report(filled, "total"))
    assert whole[("payout", "EUR")] and whole[("payout", "JPY")] and whole[("payout", "USD")]
    assert (whole[("conversions", "")], whole[("declined", "")], whole[("clicks", "")]) == (6, 1, 13)
    for name in DIMENSIONS[:-1]:
        assert _totals(_report(filled, name)) == whole, name
    for by in (("partner", "goal", "link"), ("sub1", "status", "day"), ("offer", "utm_source", "country")):
        assert _totals(_report(filled, *by)) == whole, by


def test_money_and_conversions_go_to_the_touches_that_earn_them(filled: Warehouse) -> None:
    """By link and partner; conversion 5 has no touch, and clicks have neither goal nor status."""

    def figures(report: Report, *names: str) -> set[tuple[object, ...]]:
        return {tuple(row[name] for name in names) for row in report.rows if row["currency"] == "USD"}

    # Of 33.31 net, linear over 4 touches; partner 2 has two of them: click 31 and impression 33.
    rows = _report(filled, "partner", "link", offer=["2"])
    assert figures(rows, "partner_id", "link", "clicks", "impressions", "conversions", "revenue", "payout") == {
        (1, "link-0", 1, 0, 0.25, "8.33", "0.84"), (2, "link-1", 1, 0, 0.25, "8.33", "0.83"),
        (3, "link-2", 1, 0, 0.25, "8.33", "0.83"), (2, "link-0", 0, 1, 0.25, "8.32", "0.83"),
    }  # fmt: skip
    goals = figures(_report(filled, "goal"), "goal", "clicks", "impressions", "conversions", "cr")
    assert goals == {("", 13, 4, 0, 0), ("1", 0, 0, 4, None), ("lead", 0, 0, 2, None)}
    assert figures(_report(filled, "status"), "status", "conversions") == {
        ("", 0), ("approved", 4), ("pending", 1), ("declined", 1)
    }  # fmt: skip


def test_filters_keep_what_they_name(filled: Warehouse) -> None:
    by_sub = _report(filled, "sub1").rows
    for value in ("s1", ""):
        kept = _report(filled, "sub1", sub1=[value]).rows
        assert kept == tuple(row for row in by_sub if row["sub1"] == value) and kept
    for row in _report(filled, "status", "link", "goal").rows:
        same = {name: [str(row[name])] for name in ("status", "link", "goal")}
        assert row in _report(filled, "status", "link", "goal", **same).rows
    both = _report(filled, "partner", status=["approved", "pending"], link=["link-1", "link-2"])
    assert both.rows and not any(row["declined"] or row["clicks"] for row in both.rows), "clicks have no status"
    assert _report(filled, "total", country=["DE"]).rows == ()
    mine = _report(filled, "link", "goal", only=Only.of([2], None))
    assert _totals(mine) == _totals(_report(filled, "total", partner=["2"])) and mine.rows
    assert _report(filled, "link", only=Only.of([2], None), partner=["1"]).rows == ()
    for name in FILTERS:
        assert _report(filled, "total", **{name: ["x' OR 1=1 --", "\\"]}).rows == (), name


def test_what_is_refused(filled: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReportError, match="cannot filter by 'day'; use the start and end"):
        _report(filled, "link", day=["2023-11-14"])
    with pytest.raises(ReportError, match="cannot filter by 'moon'; filters are partner, offer, goal"):
        _report(filled, "link", moon=["full"])
    with pytest.raises(ReportError, match="1 to 100 values"):
        _report(filled, "link", country=["DE"] * 101)
    with pytest.raises(ReportError, match="is not a filter; write DIMENSION=VALUE"):
        filters_of(["country"])
    assert filters_of(["country=DE, FR", "sub1="]) == {"country": ["DE", "FR"], "sub1": [""]}
    monkeypatch.setattr(kpi_query, "GROUPS_MAX", 3)
    with pytest.raises(ReportError, match=r"more than .* rows; take a shorter period"):
        _report(filled, "sub1", "link")


def test_the_control_plane_offers_the_same_dimensions() -> None:
    assert {*offered.DIMENSIONS["kpi"]} == {*DIMENSIONS}
    assert {*offered.DIMENSIONS["rejected"]} == {*REJECTED_DIMENSIONS}
    assert {*offered.FILTERS, "partner", "offer"} == {*FILTERS}


def test_weeks_begin_on_monday_in_the_zone_of_the_program(filled: Warehouse) -> None:
    row: Row = _report(filled, "week").rows[0]
    assert row["week"] == "2023-11-13"
