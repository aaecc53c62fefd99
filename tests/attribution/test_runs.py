"""A run gives the credits of live attribution as of its time, writes the same rows each time, and pays nothing."""

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from attribution.core.credits import Pricing
from attribution.live.attributor import Attributor
from attribution.runs.identity_map import EMPTY_MAP
from attribution.runs.run_reader import identity_map
from attribution.runs.runner import Runs
from attribution.runs.spec import BadRun, RunSpec, spec_of
from operations.audit.attribution import attribution_checks
from program.entries import Partner, Plan
from program.program import Program
from reporting.run_diff import diff_report
from runtime.clock import ManualClock
from runtime.user_error import ReportError
from schemas.events import Kind
from tests.attribution.fake_ingest import FakeIngest
from tests.attribution.random_cases import (
    BASE_US,
    SECOND_US,
    RandomCase,
    adjustment_of,
    conversion_of,
    program_of,
    random_cases,
    touch_of,
)
from tests.attribution.test_live import SETTINGS, run
from tests.conftest import empty
from tests.reference.attribution import Seen
from warehouse.port import Warehouse, scalar_of

LATER_US = BASE_US + 10**9
ALL = ("custom(5,3,2)", "first", "last_click", "last_touch", "linear", "position", "set_linear", "time_decay(1s)")
SALE = program_of((Plan(1, percent_e6=10_000_000), Plan(2, percent_e6=10_000_000)), ALL)
TABLES_THAT_PAY = ("commissions", "ledger", "revisions", "joins", "passes", "intents")


def spec(program: Program, as_of_us: int = LATER_US, models: tuple[str, ...] = ALL, **more: Any) -> RunSpec:
    return RunSpec(models, 0, BASE_US + 10**10, as_of_us, program.hash, "test", **more)


def attribute(warehouse: Warehouse, log: FakeIngest, program: Program, now_us: int = LATER_US) -> None:
    run(Attributor(warehouse, log, lambda: program, ManualClock(now_us), SETTINGS))


def stored(warehouse: Warehouse, world: RandomCase) -> FakeIngest:
    log = FakeIngest(warehouse)
    for event in (*world.touches, *world.conversions, *world.adjustments):
        log.append(event)
    log.store()
    attribute(warehouse, log, world.program)
    return log


CREDITS = "conversion_id, model, touch_id, partner_id, weight_e12, value_minor, currency, reason, status"


def of_live(warehouse: Warehouse, passes: int = 10**6) -> list[tuple[Any, ...]]:
    """Return the credits that were current after a number of passes."""
    current = f"SELECT conversion_id, max(revision) FROM clew.revisions WHERE _batch <= {passes} GROUP BY conversion_id"
    rows = warehouse.query(
        f"SELECT {CREDITS} FROM clew.credits WHERE run_id = 'live' AND sign = 1 "
        f"AND (conversion_id, revision) IN ({current})"
    )
    return sorted(tuple(row.values()) for row in rows.to_pylist())


def of_run(warehouse: Warehouse, run_id: str) -> list[tuple[Any, ...]]:
    """Return the credits of the run without touches that got nothing; live attribution does not write those."""
    rows = warehouse.query(
        f"SELECT {CREDITS} FROM clew.credits WHERE run_id = {{id:String}} AND weight_e12 != 0", {"id": run_id}
    )
    return sorted(tuple(row.values()) for row in rows.to_pylist())


def every_byte(warehouse: Warehouse, run_id: str) -> list[tuple[Any, ...]]:
    rows = warehouse.query("SELECT * FROM clew.credits WHERE run_id = {id:String}", {"id": run_id}).to_pylist()
    noted = warehouse.query("SELECT * FROM clew.runs WHERE run_id = {id:String}", {"id": run_id}).to_pylist()
    return sorted(tuple(map(str, row.values())) for row in [*rows, *noted])


@given(random_cases())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_run_gives_the_credits_of_live_attribution(warehouse: Warehouse, world: RandomCase) -> None:
    empty(warehouse)
    stored(warehouse, world)
    before = {t: scalar_of(warehouse.query(f"SELECT count() FROM clew.{t}")) for t in TABLES_THAT_PAY}
    wanted = of_live(warehouse)
    models = Pricing.from_terms(world.program.hash, world.program.terms).models
    report = Runs(warehouse).run(spec(world.program, models=models)).run
    assert of_run(warehouse, report.run_id) == wanted
    assert before == {t: scalar_of(warehouse.query(f"SELECT count() FROM clew.{t}")) for t in TABLES_THAT_PAY}
    assert (report.conversions, report.failed) == (len(world.conversions), 0)


def late(seen: Seen, received_us: int) -> Seen:
    return seen._replace(touch=msgspec.structs.replace(seen.touch, received_ts=received_us))


def test_a_run_as_of_an_earlier_time_gives_the_credits_of_that_time(warehouse: Warehouse) -> None:
    first_us, second_us = LATER_US, LATER_US + 50 * SECOND_US
    log = FakeIngest(warehouse)
    sale = conversion_of(1, second=9, visitor_id="ann", amount=999)
    lead = conversion_of(2, second=9, visitor_id="bob", amount=0)
    for event in (touch_of(1, visitor="ann"), touch_of(2, second=2, partner=2, visitor="ann", bot=True), sale, lead):
        log.append(event)
    log.store()
    attribute(warehouse, log, SALE, first_us)
    after_first = scalar_of(warehouse.query("SELECT max(pass_id) FROM clew.passes"))
    received_us = first_us + SECOND_US
    refund = msgspec.structs.replace(adjustment_of(1, sale, amount_e4=33_300), ts=received_us)
    new = [late(touch_of(3, second=3, partner=3, visitor="ann"), received_us), refund]
    tardy = msgspec.structs.replace(conversion_of(3, second=4, visitor_id="ann"), ts=received_us)
    other = program_of((Plan(1, percent_e6=50_000_000),), ("linear",), {3: Partner(3, "Off", "inactive")})
    for event in (*new, tardy):
        log.append(event)
    log.store()
    attribute(warehouse, log, other, second_us)
    runs = Runs(warehouse)
    old = runs.run(spec(SALE, first_us)).run
    assert of_run(warehouse, old.run_id) == of_live(warehouse, after_first)
    now = runs.run(spec(SALE, second_us)).run
    # Live credits the third conversion under the newer program alone, which has no models but its own.
    mine = [line for line in of_live(warehouse) if line[0] != tardy.conversion_id]
    assert [line for line in of_run(warehouse, now.run_id) if line[0] != tardy.conversion_id] == mine
    third = [line for line in of_run(warehouse, now.run_id) if line[0] == tardy.conversion_id and line[1] == "linear"]
    assert third == [line for line in of_live(warehouse) if line[0] == tardy.conversion_id and line[1] == "linear"]
    assert (old.conversions, now.conversions) == (2, 3)
    assert old.values == {"USD": 999} and now.values == {"USD": 999 - 333 + 1000}


def filled(warehouse: Warehouse, seed: int = 5) -> Program:
    """Store forty conversions and a hundred touches that share two visitors and a user."""
    random = Random(seed)
    log = FakeIngest(warehouse)
    for n in range(100):
        who = random.choice(("ann", "bob", "cid", "")), random.choice(("", "u1"))
        log.append(touch_of(n, second=n / 10, partner=1 + n % 3, visitor=who[0], user=who[1], bot=n % 9 == 0))
    for n in range(40):
        match = {"visitor_id": random.choice(("ann", "bob", "cid"))} if n % 3 else {"click_ref": f"t{n}"}
        log.append(conversion_of(n, second=5 + n / 8, amount=random.choice((0, 7, 1000, 99_999)), **match))
    log.store()
    attribute(warehouse, log, SALE)
    return SALE


def test_the_same_run_writes_the_same_bytes(warehouse: Warehouse) -> None:
    program = filled(warehouse)
    runs, wanted = Runs(warehouse, slice_conversions=7), spec(program)
    first = runs.run(wanted)
    bytes_then = every_byte(warehouse, wanted.run_id)
    again = runs.run(wanted)
    assert (first.was_there, again.was_there, again.run) == (False, True, first.run)
    assert every_byte(warehouse, wanted.run_id) == bytes_then
    # Lost with some of its credits, as a crash would leave it: what is missing is added, nothing doubled.
    warehouse.execute("DELETE FROM clew.runs WHERE 1")
    warehouse.execute(f"DELETE FROM clew.credits WHERE run_id = '{wanted.run_id}' AND (_offset + _partition) % 3 = 0")
    assert runs.run(wanted).was_there is False
    assert every_byte(warehouse, wanted.run_id) == bytes_then


@pytest.mark.parametrize("reuse", ["reuse", "consume", "reset"])
def test_workers_and_slices_do_not_change_a_run(warehouse: Warehouse, reuse: Any) -> None:
    program = filled(warehouse)
    wanted = spec(program, reuse=reuse)
    found = []
    for slice_conversions, workers in ((7, 1), (7, 3), (1_000, 1), (5, 4)):
        Runs(warehouse, slice_conversions).run(wanted, workers=workers)
        credits = warehouse.query(f"SELECT {CREDITS} FROM clew.credits WHERE run_id != 'live'").to_pylist()
        found.append((every_byte(warehouse, wanted.run_id), sorted(tuple(row.values()) for row in credits)))
        empty(warehouse, "credits", "runs")
    assert found[0][0] == found[1][0]
    assert all(credits == found[0][1] for _, credits in found)


def test_every_touch_has_its_reason(warehouse: Warehouse) -> None:
    program = program_of((Plan(1),), ALL, {3: Partner(3, "Off", "inactive")})
    log = FakeIngest(warehouse)
    for event in (
        touch_of(1, second=3, visitor="ann", kind=Kind.IMPRESSION), touch_of(2, second=11, visitor="ann", bot=True),
        touch_of(3, second=11, partner=3, visitor="ann"), touch_of(4, second=11, partner=2, visitor="ann"),
        touch_of(5, second=12, partner=1, visitor="ann"), touch_of(6, second=13, visitor="eve"),
        conversion_of(1, second=12, visitor_id="ann"), conversion_of(3, second=12, click_ref="t6"),
        touch_of(7, second=1, visitor="ann"), conversion_of(2, second=12, visitor_id="nobody"),
    ):  # fmt: skip
        log.append(event)
    log.store()
    attribute(warehouse, log, program)
    done = Runs(warehouse).run(spec(program, models=("first", "last_click"))).run
    rows = warehouse.query(
        "SELECT model, reason, weight_e12 > 0 AS has FROM clew.credits WHERE run_id = {id:String} "
        "ORDER BY model, conversion_id, _offset", {"id": done.run_id},
    ).to_pylist()  # fmt: skip
    words = {model: sorted(f"{r['reason']}{'+' * r['has']}" for r in rows if r["model"] == model) for model in ALL}
    common = ["after_conversion", "after_conversion+", "bot", "no_touch+", "outside_window", "partner_inactive"]
    assert words["last_click"] == sorted(["+", "not_last", *common])
    assert words["first"] == sorted(["+", "not_first", *common])


def test_a_refund_leaves_nothing(warehouse: Warehouse) -> None:
    log = FakeIngest(warehouse)
    sale = conversion_of(1, second=9, visitor_id="ann")
    for event in (touch_of(1, visitor="ann"), touch_of(2, partner=2, visitor="ann"), sale):
        log.append(event)
    log.append(adjustment_of(1, sale, amount_e4=-1))
    log.store()
    attribute(warehouse, log, SALE)
    done = Runs(warehouse).run(spec(SALE)).run
    found = of_run(warehouse, done.run_id)
    assert found and {line[5] for line in found} == {0} and done.values == {"USD": 0}


def test_touches_can_be_used_up(warehouse: Warehouse) -> None:
    log = FakeIngest(warehouse)
    for n in (1, 2):
        log.append(touch_of(n, second=n, partner=n, visitor="ann"))
    for n in (1, 2, 3):
        log.append(conversion_of(n, second=4 + n, visitor_id="ann"))
    log.store()
    attribute(warehouse, log, SALE)

    def partners(reuse: Any) -> list[int]:
        done = Runs(warehouse).run(spec(SALE, models=("last_click",), reuse=reuse)).run
        rows = warehouse.query(
            "SELECT partner_id FROM clew.credits WHERE run_id = {id:String} AND weight_e12 != 0 ORDER BY event_ts",
            {"id": done.run_id},
        )
        return list(rows.column(0).to_pylist())

    assert partners("reuse") == [2, 2, 2]
    assert partners("consume") == [2, 1, 0]
    assert partners("reset") == [2, 0, 0]


def test_people_can_be_stitched(warehouse: Warehouse) -> None:
    log = FakeIngest(warehouse)
    bridge_us = LATER_US + 5 * SECOND_US
    for event in (
        touch_of(1, second=1, partner=1, visitor="phone"),
        late(touch_of(2, second=2, visitor="phone", user="u1"), bridge_us),
        touch_of(3, second=3, partner=3, visitor="desk", user="u1"), conversion_of(1, visitor_id="desk"),
    ):  # fmt: skip
        log.append(event)
    log.store()
    attribute(warehouse, log, SALE)

    def touches(as_of_us: int) -> tuple[int, str]:
        people = identity_map(warehouse, as_of_us)
        wanted = spec(SALE, as_of_us, ("linear",), map_version=people.version)
        Runs(warehouse).run(wanted, people)
        return len(of_run(warehouse, wanted.run_id)), people.version

    before, after = touches(LATER_US), touches(bridge_us)
    assert (before[0], after[0]) == (1, 3) and before[1] != after[1]
    with pytest.raises(BadRun, match="identity map"):
        Runs(warehouse).run(spec(SALE, map_version=after[1]), EMPTY_MAP)


def test_difference_of_two_runs(warehouse: Warehouse) -> None:
    program = filled(warehouse)
    runs = Runs(warehouse)
    one, two = (runs.run(spec(program, models=(model,))).run for model in ("last_click", "linear"))
    report = diff_report(warehouse, program.labels, one.run_id[:8], two.run_id, ["partner"])
    assert {row["model"] for row in report.rows} == {"last_click > linear"}
    for key in ("conversions_1", "conversions_2"):
        assert sum(row[key] for row in report.rows) == pytest.approx(40)
    assert sum(round(100 * float(str(row["value_change"]))) for row in report.rows) == 0
    same = diff_report(warehouse, program.labels, "live:linear", two.run_id, ["partner", "offer"])
    assert {row["value_change"] for row in same.rows} == {"0.00"} and same.rows
    both = runs.run(spec(program, models=("first", "linear"))).run
    assert {r["model"] for r in diff_report(warehouse, program.labels, "live", both.run_id, ["partner"]).rows} == {
        "first", "linear",
    }  # fmt: skip
    for left, right, said in (
        ("nothing", two.run_id, "there is no run"), ("abc", "live", "is not a run id"),
        (one.run_id, "live:magic", "no credits of"),
        (one.run_id, f"{both.run_id}", "no model in common"),
    ):  # fmt: skip
        with pytest.raises(ReportError, match=said):
            diff_report(warehouse, program.labels, left, right, ["partner"])
    with pytest.raises(ReportError, match="--by takes any of partner, offer"):
        diff_report(warehouse, program.labels, one.run_id, two.run_id, ["color"])


@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM clew.credits WHERE run_id != 'live' AND _offset = 3",
        "INSERT INTO clew.credits SELECT * FROM clew.credits WHERE run_id != 'live' AND _offset = 3 "
        "SETTINGS insert_deduplicate = 0",
        "ALTER TABLE clew.credits UPDATE value_minor = value_minor + 1 WHERE run_id != 'live' AND _offset = 3 "
        "SETTINGS mutations_sync = 2",
        "DELETE FROM clew.credits WHERE run_id != 'live'",
    ],
)
def test_audit_finds_damage_to_a_run(warehouse: Warehouse, harm: str) -> None:
    program = filled(warehouse)
    Runs(warehouse).run(spec(program))

    def failing() -> list[str]:
        return [check.name for check in attribution_checks(warehouse, LATER_US) if not check.ok]

    assert failing() == []
    warehouse.execute(harm)
    assert failing() == ["runs whose credits are missing, doubled or wrong"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: spec(SALE, models=()), "at least one model"),
        (lambda: RunSpec(("first",), 5, 5, 9, "", ""), "range is empty"),
        (lambda: spec(SALE, reuse="twice"), "reuse must be one of"),
    ],
)
def test_bad_run_parameters_are_refused(make: Callable[[], RunSpec], said: str) -> None:
    with pytest.raises(BadRun, match=said):
        make()


def test_a_run_without_its_program_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(BadRun, match=r"program \w+ is missing from clew\.programs"):
        Runs(warehouse).run(spec(SALE))


def test_the_run_id_is_a_hash_of_the_parameters() -> None:
    one = spec(SALE)
    assert spec_of(one.parameters) == one and len(one.run_id) == 32
    others = [spec(SALE, LATER_US + 1), spec(SALE, models=("first",)), spec(SALE, reuse="reset"),
              spec(program_of(())), spec(SALE, map_version="x")]  # fmt: skip
    assert len({one.run_id, *(other.run_id for other in others)}) == 6
