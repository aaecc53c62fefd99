"""When idle, the tables equal one run over all events, in whatever order the events arrived."""

import asyncio
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attribution.live.attributor import Attributor
from attribution.live.pass_report import PassReport
from program.entries import Plan
from program.program import Program
from runtime.clock import ManualClock, SystemClock
from runtime.settings import AttributionSettings
from schemas.events import CONVERSIONS, HITS
from schemas.values.click_id import to_text
from schemas.values.money import e4_of_minor
from tests.attribution.fake_ingest import FakeIngest, Stored
from tests.attribution.random_cases import (
    BASE_US,
    RandomCase,
    adjustment_of,
    conversion_of,
    program_of,
    random_cases,
    touch_of,
)
from tests.conftest import empty
from tests.reference.attribution import expected
from warehouse.port import Warehouse

SETTINGS = AttributionSettings(pass_conversions_max=100, ingest_wait_timeout_ms=0)
SALE = program_of((Plan(1, percent_e6=10_000_000),))


def attributor(
    warehouse: Warehouse, log: FakeIngest, program: Program, chosen: AttributionSettings = SETTINGS
) -> Attributor:
    return Attributor(warehouse, log, lambda: program, ManualClock(BASE_US + 10**9), chosen)


def run(attribution: Attributor, passes: int = 50) -> list[PassReport]:
    """Run passes until one finds nothing, up to a maximum."""

    async def go() -> list[PassReport]:
        reports = []
        for _ in range(passes):
            report = await attribution.run_pass()
            if not report.moved:
                break
            reports.append(report)
        return reports

    return asyncio.run(go())


def credits_now(warehouse: Warehouse) -> dict[str, list[tuple[object, ...]]]:
    """Return the current credits by conversion, from the views for analysts."""
    rows = warehouse.query(
        "SELECT conversion_id, model, touch_id, partner_id, toInt64(weight * 1000000000000) AS w, "
        "value AS v, reason FROM analyst.credits WHERE run_id = 'live'"
    ).to_pylist()
    found: dict[str, list[tuple[object, ...]]] = {}
    for row in rows:
        line = (row["model"], row["touch_id"], row["partner_id"], row["w"], int(row["v"] * 10**4), row["reason"])
        found.setdefault(row["conversion_id"], []).append(line)
    return {key: sorted(lines) for key, lines in found.items()}


def owed_now(warehouse: Warehouse) -> dict[bytes, list[tuple[object, ...]]]:
    """Sum the commissions of each conversion over all rows."""
    rows = warehouse.query(
        "SELECT conversion_id, partner_id, plan, rule, currency, sum(amount_minor) AS amount FROM clew.commissions "
        "GROUP BY ALL HAVING amount != 0"
    ).to_pylist()
    found: dict[bytes, list[tuple[object, ...]]] = {}
    for row in rows:
        line = (row["partner_id"], row["plan"], row["rule"], row["currency"], row["amount"])
        found.setdefault(row["conversion_id"], []).append(line)
    return {key: sorted(lines) for key, lines in found.items()}


def check_at_rest(warehouse: Warehouse, world: RandomCase) -> None:
    credits, owed = credits_now(warehouse), owed_now(warehouse)
    assert len(credits) == len(world.conversions)
    for event in world.conversions:
        wanted = expected(event, world.touches, world.adjustments, world.program.terms)
        assert credits[event.conversion_id.hex()] == sorted(
            (c.model, to_text(c.touch_id) if any(c.touch_id) else "", c.partner_id, c.weight_e12,
             e4_of_minor(c.value_minor, event.currency), c.reason)
            for c in wanted.credits
        )  # fmt: skip
        assert owed.get(event.conversion_id, []) == [tuple(line) for line in wanted.commissions]


@given(random_cases(), st.randoms(use_true_random=False))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_and_batching_of_events_give_the_same_tables(
    open_embedded_warehouse: Warehouse, world: RandomCase, random: Random
) -> None:
    engine = open_embedded_warehouse
    empty(engine)
    log = FakeIngest(engine, partitions=2)
    chosen = AttributionSettings(pass_conversions_max=random.choice((1, 2, 100)), ingest_wait_timeout_ms=0)
    attribution = attributor(engine, log, world.program, chosen)
    events: list[Stored] = [*world.touches, *world.conversions, *world.adjustments]
    random.shuffle(events)
    for event in events:
        log.append(event, random.randint(0, 1))
        if random.random() < 0.4:
            log.store(random.choice(((HITS, CONVERSIONS), (HITS,), (CONVERSIONS,))))
        if random.random() < 0.4:
            run(attribution, random.choice((1, 50)))
        if random.random() < 0.1:  # a restart
            attribution = attributor(engine, log, world.program, chosen)
    log.store()
    run(attribution, 1_000)
    check_at_rest(engine, world)


def test_waits_until_ingest_has_passed_the_ends_of_hits(warehouse: Warehouse) -> None:
    log = FakeIngest(warehouse)
    attribution = attributor(warehouse, log, SALE)
    log.append(touch_of(1))
    log.append(conversion_of(1, click_ref="t1"))
    log.store((CONVERSIONS,))
    assert asyncio.run(attribution.run_pass()).waiting
    log.store()
    (report,) = run(attribution)
    assert (report.credited, report.restated, report.behind) == (1, 0, 0)
    assert [line[2] for line in credits_now(warehouse).popitem()[1]] == [1, 1]
    assert run(attribution) == []


def test_late_touch_and_refund_restate_only_their_conversion(warehouse: Warehouse) -> None:
    log = FakeIngest(warehouse)
    attribution = attributor(warehouse, log, SALE)
    events = [conversion_of(n, visitor_id="ann" if n == 1 else "bob") for n in (1, 2)]
    for event in (touch_of(1, second=1, partner=1, visitor="ann"), touch_of(2, partner=2, visitor="bob"), *events):
        log.append(event)
    log.store()
    assert [report.credited for report in run(attribution)] == [2]
    log.append(touch_of(3, second=2, partner=3, visitor="ann"))
    log.append(touch_of(4, second=7, partner=3, visitor="ann"))  # after the conversion: not even looked at
    log.store()
    assert [(r.restated, r.unchanged) for r in run(attribution)] == [(1, 0)]
    log.append(adjustment_of(1, events[0], amount_e4=40_000))
    log.append(adjustment_of(2, events[1], "status", status="declined"))
    log.store()
    assert [(r.restated, r.unchanged) for r in run(attribution)] == [(2, 0)]
    assert [lines for _, lines in sorted(owed_now(warehouse).items())] == [[(3, "offer=1", "10%", "USD", 60)]]
    balance = warehouse.query("SELECT account, sum(amount_minor) AS s FROM clew.ledger GROUP BY ALL ORDER BY account")
    assert balance.to_pylist() == [{"account": "commission_expense", "s": 60}, {"account": "partner_payable", "s": -60}]
    statuses = warehouse.query("SELECT status, count() AS n FROM analyst.commissions GROUP BY status ORDER BY status")
    assert statuses.to_pylist() == [{"status": "payable", "n": 1}, {"status": "reversed", "n": 6}]


def test_a_conversion_keeps_its_program(warehouse: Warehouse) -> None:
    log = FakeIngest(warehouse)
    event = conversion_of(1, click_ref="t1")
    log.append(touch_of(1))
    log.append(event)
    log.store()
    run(attributor(warehouse, log, SALE))
    dearer = program_of((Plan(1, percent_e6=50_000_000),))
    log.append(adjustment_of(1, event, amount_e4=50_000))
    log.append(conversion_of(2, click_ref="t1"))
    log.store()
    run(attributor(warehouse, log, dearer))
    amounts = sorted(line[4] for lines in owed_now(warehouse).values() for line in lines)  # type: ignore[type-var]
    assert amounts == [50, 500]


@pytest.mark.parametrize("table", ["intents", "credits", "commissions", "ledger", "joins", "revisions", "passes"])
@pytest.mark.parametrize("left", ["nothing", "its rows", "its token without its rows"])
def test_a_crash_at_any_insert_is_finished_once(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, table: str, left: str
) -> None:
    log = FakeIngest(warehouse)
    for event in (touch_of(1), conversion_of(1, click_ref="t1")):
        log.append(event)
    log.store()
    insert, ghosts = warehouse.insert, set[str]()

    def dies(name: str, rows: object, token: str) -> None:
        if name != table or left == "its rows":
            insert(name, rows, token)
        if name == table:
            ghosts.add(token)
            raise KeyboardInterrupt

    def drops(name: str, rows: object, token: str) -> None:
        if token not in ghosts:
            insert(name, rows, token)

    monkeypatch.setattr(warehouse, "insert", dies)
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(attributor(warehouse, log, SALE).run_pass())
    monkeypatch.undo()
    if left == "its token without its rows":  # the engine takes them for stored
        monkeypatch.setattr(warehouse, "insert", drops)
    run(attributor(warehouse, log, SALE))
    counts = {"credits": 2, "commissions": 1, "ledger": 2, "joins": 1, "revisions": 1, "passes": 1}
    for name, count in counts.items():
        batch = "pass_id" if name == "passes" else "_batch"
        found = warehouse.query(f"SELECT count() AS n, max({batch}) AS b FROM clew.{name}").to_pylist()
        assert found == [{"n": count, "b": 1}], name


def test_catch_up_passes_the_current_ends(warehouse: Warehouse) -> None:
    log = FakeIngest(warehouse)
    attribution = Attributor(warehouse, log, lambda: SALE, SystemClock(), SETTINGS)
    log.append(touch_of(1))
    log.append(conversion_of(1, click_ref="t1"))
    assert not asyncio.run(attribution.catch_up(0.2))
    log.store()
    seen: list[PassReport] = []
    assert asyncio.run(attribution.catch_up(10, seen.append))
    assert sum(report.credited for report in seen) == 1
    assert asyncio.run(attribution.catch_up(0))
