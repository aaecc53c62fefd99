"""Conversions are priced by the published terms of their time, and keep them."""

from attribution.core.timeline import TermsFrom
from attribution.live.attributor import Attributor
from attribution.live.pass_report import PassReport
from attribution.store.programs import store_terms, stored_timeline
from program.entries import Plan
from program.program import Program
from program.terms import canonical
from runtime.clock import ManualClock
from tests.attribution.fake_ingest import FakeIngest
from tests.attribution.random_cases import BASE_US, adjustment_of, conversion_of, program_of, touch_of
from tests.attribution.test_live import SETTINGS, owed_now, run
from warehouse.port import Warehouse

SECOND_US = 1_000_000


def paying(percent: int) -> Program:
    return program_of((Plan(1, percent_e6=percent * 1_000_000),))


def publish(warehouse: Warehouse, from_us: int, program: Program) -> None:
    store_terms(warehouse, TermsFrom(from_us, program.hash), canonical(program.terms))


def attributor(warehouse: Warehouse, log: FakeIngest) -> Attributor:
    return Attributor(warehouse, log, lambda: stored_timeline(warehouse), ManualClock(BASE_US + 10**9), SETTINGS)


def test_the_stored_timeline_has_every_entry_once(warehouse: Warehouse) -> None:
    assert stored_timeline(warehouse).entries == ()
    for from_us, percent in [(30, 5), (10, 5), (20, 8), (10, 5)]:
        publish(warehouse, from_us, paying(percent))
    five, eight = paying(5).hash, paying(8).hash
    assert stored_timeline(warehouse).entries == ((10, five), (20, eight), (30, five))


def test_without_terms_conversions_wait(warehouse: Warehouse) -> None:
    log = FakeIngest(warehouse)
    log.append(conversion_of(1, visitor_id="ann"))
    log.store()
    attribution = attributor(warehouse, log)
    assert run(attribution) == [] and owed_now(warehouse) == {}
    publish(warehouse, BASE_US + 10**12, paying(10))  # later than the conversion: the first terms count for it too
    [report] = [one for one in run(attribution) if one.credited]
    assert isinstance(report, PassReport) and report.credited == 1


def test_each_conversion_takes_the_terms_of_its_time_and_keeps_them(warehouse: Warehouse) -> None:
    """Of amounts of 10.00: 5 % until second 10, 8 % until second 20, then 9 %; heard of in another order."""
    for second, percent in [(20, 9), (0, 5), (10, 8)]:
        publish(warehouse, BASE_US + second * SECOND_US, paying(percent))
    log = FakeIngest(warehouse)
    events = []
    for number, second in enumerate([-5, 0, 9.5, 10, 19, 20, 99]):
        events.append(conversion_of(number, second=second, click_ref=f"t{number}"))
        log.append(touch_of(number, second=second - 1))
        log.append(events[-1])
    log.store()
    run(attributor(warehouse, log))
    owed = owed_now(warehouse)
    paid = [owed[event.conversion_id][0][4] for event in events]
    assert paid == [50, 50, 50, 80, 80, 90, 90]
    publish(warehouse, BASE_US - 100 * SECOND_US, paying(40))  # heard of too late: what is pinned stays
    log.append(adjustment_of(1, events[3], amount_e4=50_000))
    log.store()
    run(attributor(warehouse, log))
    assert [line[4] for line in owed_now(warehouse)[events[3].conversion_id]] == [40]
    assert owed_now(warehouse)[events[0].conversion_id] == owed[events[0].conversion_id]
