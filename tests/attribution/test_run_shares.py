"""Runs of data-driven models: stored shares, credits that follow them, journeys without conversion."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any

import msgspec
import pytest

import attribution.runs.runner
from attribution.runs.fit import Fitting, PathCounter, fit_run
from attribution.runs.identity_map import EMPTY_MAP, IdentityMap
from attribution.runs.run_reader import identity_map
from attribution.runs.runner import SHARES, Runs, TooFewConversions
from attribution.runs.shares import Fitted, PathCounts, from_json, to_json
from attribution.runs.spec import BadRun, RunSpec
from operations.audit.attribution import attribution_checks
from program.entries import Partner, Plan
from program.program import Program
from schemas.columns import to_arrow
from schemas.events import Conversion, Kind
from schemas.tables import Fact, Run
from tests.attribution.fake_ingest import FakeIngest, Stored
from tests.attribution.random_cases import BASE_US, SECOND_US, adjustment_of, conversion_of, program_of, touch_of
from tests.attribution.test_runs import LATER_US, attribute, every_byte, late
from tests.conftest import empty
from tests.reference.attribution import Seen
from warehouse.port import Warehouse, scalar_of

PROGRAM = program_of((Plan(1),))
MODELS = ("markov", "set_linear", "shapley")


def spec(
    program: Program = PROGRAM, as_of_us: int = LATER_US, models: tuple[str, ...] = MODELS, **more: Any
) -> RunSpec:
    return RunSpec(models, 0, more.pop("to_us", BASE_US + 10**10), as_of_us, program.hash, "test", **more)


def stored(warehouse: Warehouse, events: Sequence[Stored], program: Program = PROGRAM) -> None:
    log = FakeIngest(warehouse)
    for event in events:
        log.append(event)
    log.store()
    attribute(warehouse, log, program)


def world(seed: int = 3, people: int = 40) -> list[Stored]:
    """Draw people with up to six touches of four partners on two offers; a third of them buys, some twice."""
    random = Random(seed)
    events: list[Stored] = []
    for n in range(people):
        who = f"v{n}"
        for k in range(random.randint(0, 6)):
            events.append(
                touch_of(
                    100 * n + k, second=random.choice((0, 1, 2.5, 5, 7, 30)), partner=random.randint(1, 3),
                    offer=random.choice((1, 1, 2)), visitor=random.choice((who, who, "")), bot=random.random() < 0.1,
                    kind=random.choice((Kind.CLICK, Kind.CLICK, Kind.IMPRESSION)), user=random.choice(("", f"u{n}")),
                )
            )  # fmt: skip
        for k in range(random.choice((0, 0, 1, 2))):
            matches: Sequence[dict[str, Any]] = (
                {"visitor_id": who},
                {"user_id": f"u{n}"},
                {"click_ref": f"t{100 * n}"},
            )
            match = random.choice(matches)
            seconds = random.choice((3, 8, 9, 10, 33))
            events.append(conversion_of(2 * n + k, second=seconds, amount=random.choice((0, 7, 1001)), **match))
    return events


def credits_of(warehouse: Warehouse, run: Run, model: str) -> list[dict[str, Any]]:
    sql = (
        "SELECT conversion_id, touch_id, partner_id, weight_e12, value_minor, reason, status FROM clew.credits "
        "WHERE run_id = {id:String} AND model = {model:String} ORDER BY conversion_id, _offset"
    )
    return list(warehouse.query(sql, {"id": run.run_id, "model": model}).to_pylist())


def totals(rows: Sequence[dict[str, Any]], key: str, of: str) -> dict[Any, int]:
    found: dict[Any, int] = defaultdict(int)
    for row in rows:
        found[row[key]] += row[of]
    return dict(found)


def markov_of(run: Run) -> Fitted:
    return from_json(run.shares)["markov"]


def test_markov_example_computed_by_hand(warehouse: Warehouse) -> None:
    events: list[Stored] = [touch_of(n, second=n, partner=n, visitor="buys") for n in (1, 2, 3)]
    events += [touch_of(4, second=1, partner=1, visitor="looks"), conversion_of(1, second=4, visitor_id="buys")]
    events += [touch_of(n, second=n, partner=n - 3, visitor="stays") for n in (5, 6)]
    stored(warehouse, events)
    run = Runs(warehouse).run(spec()).run
    found = markov_of(run)
    assert [(one.partner_id, one.share_e12, one.removal_effect) for one in found.partners] == [
        (1, 200_000_000_000, 0.5), (2, 400_000_000_000, 1.0), (3, 400_000_000_000, 1.0),
    ]  # fmt: skip
    assert (found.conversions, found.touched, found.nulls, found.gap) == (1, 1, 2, 0.0)
    assert totals(credits_of(warehouse, run, "markov"), "partner_id", "value_minor") == {1: 200, 2: 400, 3: 400}
    assert all(one.ci_low is not None and one.ci_high is not None for one in found.partners)
    assert all(one.ci_low <= one.share_e12 / 1e12 <= one.ci_high for one in found.partners)  # type: ignore[operator]


def test_credits_follow_the_shares_exact_to_the_cent(warehouse: Warehouse) -> None:
    stored(warehouse, world())
    run = Runs(warehouse).run(spec()).run
    found, rows = markov_of(run), credits_of(warehouse, run, "markov")
    net_values = totals(credits_of(warehouse, run, "set_linear"), "conversion_id", "value_minor")
    assert totals(rows, "conversion_id", "value_minor") == net_values and sum(net_values.values()) == run.values["USD"]
    assert set(totals(rows, "conversion_id", "weight_e12").values()) == {10**12}
    weights = totals(rows, "partner_id", "weight_e12")
    asked = {one.partner_id: one.share_e12 * found.conversions for one in found.partners}
    assert sum(one.share_e12 for one in found.partners) == 10**12 and weights.keys() == asked.keys()
    off = sum(abs(weights[partner] - asked[partner]) for partner in asked) / 2 / 10**12 / found.touched
    assert off == pytest.approx(found.gap, abs=1e-9)
    assert found.touched < found.conversions and weights[0] == 10**12 * (found.conversions - found.touched)
    assert [check.name for check in attribution_checks(warehouse, LATER_US) if not check.ok] == []


def test_shapley_equals_set_linear_per_conversion(warehouse: Warehouse) -> None:
    stored(warehouse, world())
    run = Runs(warehouse).run(spec()).run
    rows = credits_of(warehouse, run, "shapley")
    assert rows == credits_of(warehouse, run, "set_linear") and rows
    found = from_json(run.shares)["shapley"]
    for partner, weight in totals(rows, "partner_id", "weight_e12").items():
        (mine,) = [one for one in found.partners if one.partner_id == partner]
        assert mine.share_e12 == pytest.approx(weight / found.conversions, abs=2)
    assert found.nulls is None


def test_order_slices_and_workers_do_not_change_the_fit(warehouse: Warehouse) -> None:
    found = []
    for turn in range(4):
        events = world()
        Random(turn).shuffle(events)
        stored(warehouse, events)
        workers, slices = 1 + turn, (1_000, 7, 5, 3)[turn]
        run = Runs(warehouse, slices).run(spec(), workers=workers).run
        fitted = fit_run(warehouse, spec(), EMPTY_MAP, Fitting(slices, 1 + 10**turn, workers))
        assert to_json(fitted) == run.shares
        found.append((run.shares, [credits_of(warehouse, run, model) for model in MODELS]))
        empty(warehouse)
    assert all(one == found[0] for one in found)


def no_fit(*_: object) -> dict[str, Fitted]:
    raise AssertionError("a replay fits nothing")


def test_a_repeated_run_uses_the_stored_shares(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(warehouse, world())
    runs, wanted = Runs(warehouse, 7), spec()
    runs.run(wanted)
    bytes_then = every_byte(warehouse, wanted.run_id)
    monkeypatch.setattr(attribution.runs.runner, "fit_run", no_fit)
    assert runs.run(wanted).was_there is True
    # As a crash leaves it: the row of the run is missing, and some of its credits are.
    warehouse.execute("DELETE FROM clew.runs WHERE 1")
    warehouse.execute(f"DELETE FROM clew.credits WHERE run_id = '{wanted.run_id}' AND (_offset + _partition) % 3 = 0")
    assert runs.run(wanted).was_there is False
    assert every_byte(warehouse, wanted.run_id) == bytes_then


def test_stored_shares_take_precedence_over_a_new_fit(warehouse: Warehouse) -> None:
    events: list[Stored] = [touch_of(n, second=n, partner=n, visitor="ann") for n in (1, 2)]
    stored(warehouse, [*events, conversion_of(1, visitor_id="ann")])
    fitted = fit_run(warehouse, spec(), EMPTY_MAP, Fitting(1_000))["markov"]
    assert [one.weight_e12 for one in fitted.partners] == [10**12, 10**12]
    bent = tuple(
        msgspec.structs.replace(one, weight_e12=weight) for one, weight in zip(fitted.partners, (9, 1), strict=True)
    )
    kept = to_json({"markov": msgspec.structs.replace(fitted, partners=bent)})
    wanted = spec(models=("linear", "markov"))
    fact = Fact(f"{SHARES}:{wanted.run_id}", kept, LATER_US)
    warehouse.insert("facts", to_arrow("facts", [(fact,)]), "kept")
    run = Runs(warehouse).run(wanted).run
    assert run.shares == kept
    assert [row["value_minor"] for row in credits_of(warehouse, run, "markov")] == [900, 100]


def test_refunds_keep_weights_and_reduce_values(warehouse: Warehouse) -> None:
    sale = conversion_of(1, second=9, visitor_id="ann")
    events: list[Stored] = [touch_of(1, visitor="ann"), touch_of(2, partner=2, visitor="ann"), sale]
    stored(warehouse, [*events, adjustment_of(1, sale, amount_e4=-1)])
    run = Runs(warehouse).run(spec()).run
    rows = credits_of(warehouse, run, "markov")
    assert {row["value_minor"] for row in rows} == {0} and sum(row["weight_e12"] for row in rows) == 10**12
    assert markov_of(run).conversions == 1


@pytest.mark.parametrize(
    ("events", "shares", "counted"),
    [
        ([conversion_of(1, visitor_id="ann")], {0: 10**12}, (1, 0, 0)),
        ([touch_of(1, visitor="ann"), conversion_of(1, visitor_id="ann")], {1: 10**12}, (1, 1, 0)),
        ([touch_of(1, visitor="ann"), conversion_of(1, visitor_id="ann"), conversion_of(2, visitor_id="eve")],
         {0: 5 * 10**11, 1: 5 * 10**11}, (2, 1, 0)),
        ([touch_of(1, visitor="ann")], {1: 0}, (0, 0, 1)),
        ([touch_of(1), touch_of(2, second=1, partner=2), conversion_of(1, click_ref="t1")],
         {1: 10**12, 2: 0}, (1, 1, 1)),
        ([touch_of(1, bot=True, visitor="ann")], {}, (0, 0, 0)),
    ],
    ids=["unattributed", "one partner", "half", "no conversion", "no person", "a bot"],
)  # fmt: skip
def test_small_worlds(
    warehouse: Warehouse, events: list[Stored], shares: dict[int, int], counted: tuple[int, int, int]
) -> None:
    stored(warehouse, events)
    run = Runs(warehouse).run(spec()).run
    found = markov_of(run)
    assert {one.partner_id: one.share_e12 for one in found.partners} == shares
    assert (found.conversions, found.touched, found.nulls) == counted
    rows = credits_of(warehouse, run, "markov")
    assert sum(row["weight_e12"] for row in rows) == 10**12 * run.conversions and run.failed == 0


# ------------------------------------------------------------------------------------ journeys without an end


def plain_nulls(events: Sequence[Stored], end_us: int, inactive: int) -> Counter[tuple[int, ...]]:
    """Apply the definition of docs/guide/runs.md person by person, for touches with at most a visitor."""
    touches = [e for e in events if isinstance(e, Seen) and not e.is_bot and e.touch.ts <= end_us]
    by_person = defaultdict(list)
    for seen in touches:
        if seen.touch.partner_id != inactive:
            by_person[seen.touch.visitor_id or seen.touch.touch_id, seen.touch.offer_id].append(seen)
    clicks = [seen.touch for seen in touches if seen.kind is Kind.CLICK]
    of_ref = {click.ref: click.visitor_id or click.touch_id for click in clicks}
    sales = defaultdict(list)
    for sale in events:
        if isinstance(sale, Conversion):
            person = sale.visitor_id or of_ref.get(sale.click_ref, b"")
            sales[person, sale.offer_id].append(sale.event_ts)
    found: Counter[tuple[int, ...]] = Counter()
    for key, mine in by_person.items():
        left = [s for s in mine if not any(0 <= at - s.touch.ts <= 10 * SECOND_US for at in sales[key])]
        left.sort(key=lambda s: (s.touch.ts, 2 if s.kind is Kind.CLICK else 1, s.touch.touch_id))
        for at, seen in enumerate(left):
            if at + 1 < len(left) and left[at + 1].touch.ts - seen.touch.ts <= 10 * SECOND_US:
                continue
            path: list[int] = []
            for one in left[: at + 1]:
                window_us = (10 if one.kind is Kind.CLICK else 4) * SECOND_US
                if seen.touch.ts - one.touch.ts <= window_us and path[-1:] != [one.touch.partner_id]:
                    path.append(one.touch.partner_id)
            found[tuple(path)] += 1
    return found


@pytest.mark.parametrize("seed", range(6))
def test_null_journeys_match_their_definition(warehouse: Warehouse, seed: int) -> None:
    program = program_of((Plan(1),), ("linear",), {3: Partner(3, "Off", "inactive")})
    events: list[Stored] = []
    for event in world(seed):
        if isinstance(event, Seen):
            event = event._replace(touch=msgspec.structs.replace(event.touch, user_id=""))
        elif isinstance(event, Conversion) and event.match_kind == "user_id":
            continue
        events.append(event)
    stored(warehouse, events, program)
    wanted = spec(program)
    table, partners = PathCounter(warehouse, wanted, EMPTY_MAP, Fitting(5, 9)).counts().table()
    paths = [tuple(partners[table.codes[lo:hi]].tolist()) for lo, hi in pairwise(table.offsets.tolist())]
    found = Counter({path: int(n) for path, n in zip(paths, table.nulls.tolist(), strict=True) if n})
    assert found == plain_nulls(events, LATER_US, 3) and found
    assert table.conversions.sum() == sum(isinstance(event, Conversion) for event in events)


def nulls_of(warehouse: Warehouse, wanted: RunSpec, people: IdentityMap = EMPTY_MAP) -> tuple[int, int | None]:
    found = markov_of(Runs(warehouse).run(wanted, people).run)
    return found.conversions, found.nulls


def test_null_journeys_as_of_a_time(warehouse: Warehouse) -> None:
    """Later data is unknown; a conversion after the range that was received by then counts as converted."""
    sale = conversion_of(1, second=9, visitor_id="ann")
    bob = late(touch_of(3, second=2, visitor="bob"), LATER_US + 5)
    tardy = msgspec.structs.replace(conversion_of(2, second=9, visitor_id="bob"), ts=LATER_US + 9)
    stored(warehouse, [touch_of(1, visitor="ann"), sale, bob, tardy])
    assert nulls_of(warehouse, spec()) == (1, 0)
    assert nulls_of(warehouse, spec(as_of_us=LATER_US + 6)) == (1, 1)
    assert nulls_of(warehouse, spec(as_of_us=LATER_US + 9)) == (2, 0)
    assert nulls_of(warehouse, spec(to_us=sale.event_ts)) == (0, 0)
    assert nulls_of(warehouse, spec(to_us=sale.event_ts, as_of_us=sale.event_ts - 1)) == (0, 1)


def test_stitched_identities_form_one_journey(warehouse: Warehouse) -> None:
    stored(warehouse, [
        touch_of(1, visitor="phone", user="u1"), touch_of(2, second=2, partner=2, visitor="desk", user="u1"),
        touch_of(3, second=3, visitor="tv"), touch_of(4, second=3, partner=3, visitor="buyer", user="u2"),
        touch_of(5, second=4, partner=3, visitor="other", user="u2"), conversion_of(1, visitor_id="buyer"),
    ])  # fmt: skip
    people = identity_map(warehouse, LATER_US)
    assert nulls_of(warehouse, spec()) == (1, 4)
    assert nulls_of(warehouse, spec(map_version=people.version), people) == (1, 2)


# ------------------------------------------------------------------------------------ what cannot be


def test_too_few_conversions(warehouse: Warehouse) -> None:
    stored(
        warehouse, [touch_of(1, visitor="ann"), conversion_of(1, visitor_id="ann"), conversion_of(2, visitor_id="x")]
    )
    runs = Runs(warehouse)
    with pytest.raises(TooFewConversions, match="fitted to 1 conversions with touches, fewer than the required 2"):
        runs.run(spec(), conversions_min=2)
    assert runs.find(spec().run_id) is None
    assert scalar_of(warehouse.query("SELECT count() FROM clew.facts")) == 0
    assert runs.run(spec(), conversions_min=1).was_there is False
    with pytest.raises(TooFewConversions):
        runs.run(spec(), conversions_min=2)
    assert runs.run(spec(models=("linear",)), conversions_min=9).run.shares == ""


def test_consume_with_a_data_driven_model_is_refused() -> None:
    with pytest.raises(BadRun, match="reuse `consume` needs credits, and markov"):
        spec(models=("linear", "markov"), reuse="consume")
    assert spec(models=("linear",), reuse="consume").data_driven == ()


def test_reset_applies_to_the_fit(warehouse: Warehouse) -> None:
    events = [touch_of(n, second=n, partner=n, visitor="ann") for n in (1, 2)]
    stored(warehouse, [*events, *(conversion_of(n, second=4 + n, visitor_id="ann") for n in (1, 2))])
    runs = Runs(warehouse)
    assert [markov_of(runs.run(spec(reuse=how)).run).touched for how in ("reuse", "reset")] == [2, 1]


def test_too_many_paths_are_refused() -> None:
    for counts in (PathCounts(paths_max=2), PathCounts(bytes_max=8)):
        counts.add({b"\0\0\0\1": 3}, True)
        counts.add({b"\0\0\0\1": 3, b"\0\0\0\2": 1}, False)
        with pytest.raises(BadRun, match="use a shorter range"):
            counts.add({b"\0\0\0\2" * n: 1 for n in (1, 2, 3)}, False)
