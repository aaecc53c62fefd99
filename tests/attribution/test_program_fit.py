"""A program with the fit of a run gives the same credits as the run, even if there are new conversions."""

import msgspec
import pytest

from attribution.runs.export_fit import export_fit
from attribution.runs.runner import Runs
from attribution.runs.shares import from_json
from attribution.runs.spec import BadRun
from attribution.store.programs import Programs
from operations.audit.attribution import attribution_checks
from program.entries import Fit, Plan
from program.program import Program
from reporting.explain import explain
from reporting.explain_text import lines_of
from runtime.user_error import ReportError
from tests.attribution.fake_ingest import FakeIngest
from tests.attribution.random_cases import BASE_US, SECOND_US, conversion_of, program_of, touch_of
from tests.attribution.test_run_shares import PROGRAM, spec, stored, world
from tests.attribution.test_runs import LATER_US, attribute, of_live, of_run
from tests.reference.rules import fitted
from warehouse.port import Warehouse, scalar_of


def paying(*fits: Fit) -> Program:
    """Return a program where offer 1 pays by the first fit; the others are computed for reports."""
    models = tuple(f"fitted({fit.id})" for fit in fits)
    return program_of((Plan(1, percent_e6=10_000_000, model=models[0]),), ("last_click", *models), fits=fits)


def fit_of(weights: dict[int, int]) -> Fit:
    return Fit(model="markov", run="a" * 32, as_of="2026-01-01T00:00:00Z", conversions=9, weights=weights)


def test_a_fit_gives_the_credits_of_its_run(warehouse: Warehouse) -> None:
    stored(warehouse, world())
    run = Runs(warehouse).run(spec(models=("markov", "shapley"))).run
    found = {model: export_fit(warehouse, f"{run.run_id[:7]}:{model}") for model in ("markov", "shapley")}
    fits = {model: one.fit for model, one in found.items()}
    assert {model: one.gap for model, one in found.items()} == {m: f.gap for m, f in from_json(run.shares).items()}
    assert {fit.conversions for fit in fits.values()} == {from_json(run.shares)["markov"].touched}
    assert len(set(fits["markov"].weights.values())) > 1 and set(fits["shapley"].weights.values()) == {1}
    assert (fits["markov"].from_ts, fits["markov"].to_ts) == ("", "2023-11-15T01:00:00Z")
    program = paying(*fits.values())
    Programs(warehouse).load(program, LATER_US)
    again = Runs(warehouse).run(spec(program, models=tuple(sorted(f"fitted({fit.id})" for fit in fits.values())))).run
    for model, fit in fits.items():
        mine = [row for row in of_run(warehouse, again.run_id) if row[1] == f"fitted({fit.id})"]
        theirs = [row for row in of_run(warehouse, run.run_id) if row[1] == model]
        assert [(*row[:1], *row[2:]) for row in mine] == [(*row[:1], *row[2:]) for row in theirs] != []


def test_live_credits_equal_a_run_without_reading_it(warehouse: Warehouse) -> None:
    """The run that the weights come from does not exist here: only the program matters."""
    program = paying(fit_of({1: 3, 2: 10**12}), fit_of({1: 1, 2: 1}))
    stored(warehouse, world(seed=5), program)
    run = Runs(warehouse).run(spec(program, models=tuple(sorted({*program.terms.models})))).run
    assert of_run(warehouse, run.run_id) == of_live(warehouse) != []
    assert all(check.ok for check in attribution_checks(warehouse, LATER_US))


def test_later_conversions_change_no_weight(warehouse: Warehouse) -> None:
    """Other conversions do not change a conversion; its own late touch restates it under the old program."""
    program = paying(fit_of({1: 1, 2: 3}))
    log = FakeIngest(warehouse)
    sale = conversion_of(1, second=9, visitor_id="ann", amount=1001)
    for event in (touch_of(1, visitor="ann"), touch_of(2, second=2, partner=2, visitor="ann"), sale):
        log.append(event)
    log.store()
    attribute(warehouse, log, program)
    model = f"fitted({next(iter(program.terms.fits))})"
    assert parts(warehouse, sale.conversion_id, model) == {1: 250, 2: 751}
    for n in range(3, 9):
        log.append(touch_of(n, second=n, partner=1 + n % 3, visitor=f"v{n}"))
        log.append(conversion_of(n, second=9, visitor_id=f"v{n}"))
    log.store()
    newer = program_of((Plan(1, percent_e6=10_000_000),))
    attribute(warehouse, log, newer, LATER_US + SECOND_US)
    assert parts(warehouse, sale.conversion_id, model) == {1: 250, 2: 751}
    late = touch_of(20, second=3, partner=3, visitor="ann")
    log.append(late._replace(touch=msgspec.structs.replace(late.touch, received_ts=LATER_US)))
    log.store()
    attribute(warehouse, log, newer, LATER_US + 2 * SECOND_US)
    assert fitted([1, 2, 3], {1: 1, 2: 3}) == [1, 3, 1]
    assert parts(warehouse, sale.conversion_id, model) == {1: 200, 2: 601, 3: 200}
    found = explain(warehouse, program.labels, sale.conversion_id.hex())
    assert found is not None
    text = "\n".join(lines_of(found.to_json()))
    assert f"Model {model} (pays): markov of run {'a' * 32}, 9 conversions as of 2026-01-01T00:00:00Z" in text
    assert all(check.ok for check in attribution_checks(warehouse, LATER_US + 2 * SECOND_US))


def parts(warehouse: Warehouse, key: bytes, model: str) -> dict[int, int]:
    rows = warehouse.query(
        "SELECT partner_id, toInt64(sum(sign * value_minor)) AS value FROM clew.credits WHERE run_id = 'live' "
        "AND conversion_id = unhex({id:String}) AND model = {model:String} GROUP BY partner_id",
        {"id": key.hex(), "model": model},
    ).to_pylist()
    return {row["partner_id"]: row["value"] for row in rows if row["value"]}


def test_consume_uses_the_credits_of_a_fit(warehouse: Warehouse) -> None:
    """A fit gives a partner's second touch no credit, so consume leaves it for the next conversion."""
    program = paying(fit_of({1: 1, 2: 3}))
    events = [touch_of(n, second=n, visitor="ann") for n in (1, 2)]
    sales = [conversion_of(n, second=4 + n, visitor_id="ann") for n in (1, 2)]
    stored(warehouse, [*events, *sales], program)
    (model,) = (f"fitted({fit_id})" for fit_id in program.terms.fits)
    run = Runs(warehouse).run(spec(program, models=(model,), reuse="consume")).run
    taken = {row[0]: row[2] for row in of_run(warehouse, run.run_id)}
    assert taken == {s.conversion_id: seen.touch.touch_id for s, seen in zip(sales, events, strict=True)}


def test_a_run_with_an_unknown_fit_is_refused(warehouse: Warehouse) -> None:
    stored(warehouse, world(people=3))
    before = scalar_of(warehouse.query("SELECT count() FROM clew.facts"))
    with pytest.raises(
        BadRun, match=r"no fit for fitted\(0a1b2c3d4e5f\); add the \[\[fits\]\] table that `clew fit RUN` prints"
    ):
        Runs(warehouse).run(spec(models=("fitted(0a1b2c3d4e5f)", "markov")))
    assert scalar_of(warehouse.query("SELECT count() FROM clew.facts")) == before


def test_runs_without_a_fit(warehouse: Warehouse) -> None:
    stored(warehouse, world(people=12))
    both = Runs(warehouse).run(spec()).run.run_id
    rule = Runs(warehouse).run(spec(models=("linear",))).run.run_id
    none = Runs(warehouse).run(spec(PROGRAM, models=("markov",), to_us=BASE_US - 10**6)).run.run_id
    for text, said in (
        ("live", "live is not a fitted run"),
        (rule, "has linear, which are not fitted"),
        (both, f"fitted several models; write {both}:markov or {both}:shapley"),
        (f"{both[:8]}:linear", f"did not fit linear; write {both[:8]}:markov"),
        (none, "no conversions with touches"),
        ("0" * 32, "there is no run"),
        (both[:3], "at least 6 of its first digits"),
    ):
        with pytest.raises(ReportError, match=said):
            export_fit(warehouse, text)
