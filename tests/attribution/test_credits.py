"""Outcomes of a batch of conversions equal those of the plain twin (docs/contract.md, sections 5 and 6)."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from numba import config

from attribution.core.credits import ConversionCase, Outcome, Pricing, attribute, to_columns
from attribution.core.journeys import TouchRows, linked, pending_touches
from program.entries import Plan
from program.program import Program
from schemas import identity
from schemas.events import Adjustment, Conversion, Kind
from tests.attribution.random_cases import (
    RandomCase,
    adjustment_of,
    conversion_of,
    identities_of,
    program_of,
    random_cases,
    touch_of,
)
from tests.reference.attribution import Seen, expected


def rows_of(touches: list[Seen]) -> TouchRows:
    """Return the rows that ingest stores: one per touch and identity."""
    return TouchRows.from_rows(
        [
            (
                key, s.touch.ts, int(s.kind), s.touch.touch_id, s.touch.offer_id, s.touch.partner_id, int(s.is_bot),
                identity.of_visitor(s.touch.visitor_id), identity.of_user(s.touch.user_id), 0,
            )
            for s in touches
            for key in identities_of(s)
        ]
    )  # fmt: skip


def outcomes(
    program: Program, touches: list[Seen], conversions: list[Conversion], adjustments: list[Adjustment] | None = None
) -> list[Outcome]:
    """Compute one batch with the two reads of a pass."""
    pricing = Pricing.from_terms(program.hash, program.terms)
    cases = [
        ConversionCase(c, tuple(a for a in adjustments or [] if a.conversion_id == c.conversion_id), pricing)
        for c in conversions
    ]
    columns, stored = to_columns(cases), rows_of(touches)
    own = stored.take(np.isin(stored.identity, columns.identity))
    more = stored.take(np.isin(stored.identity, linked(columns, own)))
    return attribute(cases, own.concat(pending_touches(columns, own)).concat(more))


def check(world: RandomCase, order: list[Conversion]) -> None:
    found = outcomes(world.program, world.touches, order, world.adjustments)
    for event, outcome in zip(order, found, strict=True):
        wanted = expected(event, world.touches, world.adjustments, world.program.terms)
        assert [tuple(line) for line in outcome.credits] == [tuple(line) for line in wanted.credits]
        owed = [(c.partner_id, c.plan, c.rule, c.currency, c.amount_minor) for c in outcome.commissions]
        assert sorted(owed) == [tuple(line) for line in wanted.commissions]
        assert (outcome.paying_model, *outcome.net_value) == (wanted.paying_model, wanted.status, wanted.value_minor)


@given(random_cases())
@settings(max_examples=200, deadline=None)
def test_outcomes_match_the_reference(world: RandomCase) -> None:
    check(world, world.conversions)


@given(random_cases())
@settings(max_examples=100, deadline=None)
def test_outcomes_do_not_depend_on_order_or_other_conversions(world: RandomCase) -> None:
    backward = RandomCase(world.program, world.touches[::-1], world.conversions[::-1], world.adjustments[::-1])
    check(backward, backward.conversions)
    for event in world.conversions:
        check(world, [event])


SALE = Plan(1, percent_e6=10_000_000)


def only(program: Program, touches: list[Seen], event: Conversion, adjustments: Any = None) -> Outcome:
    (outcome,) = outcomes(program, touches, [event], adjustments)
    return outcome


def lines(outcome: Outcome, model: str) -> list[tuple[int, int, str]]:
    return [(c.partner_id, c.value_minor, c.reason) for c in outcome.credits if c.model == model]


def test_the_named_touch_wins_over_later_clicks() -> None:
    touches = [
        touch_of(1, second=1, partner=1, visitor="ann"),
        touch_of(2, second=2, partner=2, visitor="ann"),
        touch_of(3, second=3, partner=3, visitor="bob"),
    ]
    outcome = only(program_of((SALE,)), touches, conversion_of(1, click_ref="t1"))
    assert lines(outcome, "last_click") == [(1, 1000, "")]
    assert sorted(lines(outcome, "linear")) == [(1, 500, ""), (2, 500, "")]


def test_clicks_win_over_later_impressions() -> None:
    touches = [
        touch_of(1, second=1, partner=1, visitor="ann"),
        touch_of(2, second=4, partner=2, visitor="ann", kind=Kind.IMPRESSION),
    ]
    program = program_of((SALE,))
    assert lines(only(program, touches, conversion_of(1, visitor_id="ann")), "last_click") == [(1, 1000, "")]
    # The click is past its window of 10 s, the impression within its 4 s.
    touches[1] = touch_of(2, second=11, partner=2, visitor="ann", kind=Kind.IMPRESSION)
    late = only(program, touches, conversion_of(1, second=12, visitor_id="ann"))
    assert lines(late, "last_click") == [(2, 1000, "")]


def test_a_token_without_its_row_is_credited_as_click_pending() -> None:
    click = touch_of(1, partner=3)
    outcome = only(program_of((SALE,)), [], conversion_of(1, click_id=click.touch.touch_id))
    assert lines(outcome, "last_click") == [(3, 1000, "click_pending")]
    assert [(c.partner_id, c.amount_minor) for c in outcome.commissions] == [(3, 100)]
    late = only(program_of((SALE,)), [], conversion_of(2, second=10.001, click_id=click.touch.touch_id))
    assert lines(late, "last_click") == [(0, 1000, "outside_window")]


def test_fixed_amount_is_paid_until_net_value_is_zero_and_for_leads() -> None:
    program = program_of((Plan(1, percent_e6=8_500_000, fixed_minor=120, fixed_currency="USD"),))
    touches = [touch_of(1)]

    def owed(event: Conversion, *amounts_e4: int) -> list[tuple[str, int]]:
        refunds = [adjustment_of(n, event, amount_e4=amount) for n, amount in enumerate(amounts_e4)]
        return [(c.rule, c.amount_minor) for c in only(program, touches, event, refunds).commissions]

    sale, lead = conversion_of(1, click_ref="t1"), conversion_of(2, click_ref="t1", amount=0)
    assert owed(sale) == [("8.5% + 1.20 USD", 85 + 120)]
    assert owed(sale, 40_000) == [("8.5% + 1.20 USD", 51 + 120)]
    assert owed(sale, 40_000, 60_000) == []
    assert owed(lead) == [("8.5% + 1.20 USD", 120)]


def test_each_partner_is_paid_its_part_under_its_own_plan() -> None:
    plans = (Plan(1, 1, percent_e6=10_000_000, model="linear"), Plan(1, 2, fixed_minor=100, fixed_currency="EUR"))
    touches = [touch_of(1, second=1, partner=1, visitor="ann"), touch_of(2, second=2, partner=2, visitor="ann")]
    outcome = only(program_of(plans), touches, conversion_of(1, visitor_id="ann", amount=333))
    assert [(c.partner_id, c.amount_minor, c.currency) for c in outcome.commissions] == [
        (1, 17, "USD"),
        (2, 100, "EUR"),
    ]
    assert outcome.paying_model == "last_click"
    assert outcome.problems == {}


def test_a_missing_plan_is_a_problem_and_pays_nothing() -> None:
    outcome = only(program_of(()), [touch_of(1)], conversion_of(1, click_ref="t1"))
    assert list(outcome.problems) == ["no_plan"] and outcome.commissions == ()
    nobody = only(program_of(()), [], conversion_of(1, click_ref="t1"))
    assert nobody.problems == {} and lines(nobody, "last_click") == [(0, 1000, "no_touch")]


def test_a_failed_conversion_is_a_problem_and_delays_no_other() -> None:
    program = program_of((Plan(1, percent_e6=10**18), Plan(1, goal="lead", percent_e6=10**6)))
    events = [conversion_of(1, click_ref="t1", amount=10**15), conversion_of(2, click_ref="t1", goal="lead")]
    huge, fine = outcomes(program, [touch_of(1)], events)
    assert list(huge.problems) == ["too_large"] and huge.commissions == () and len(huge.credits) == 2
    assert fine.problems == {} and fine.commissions[0].amount_minor == 10
    broken, fine = outcomes(program, [touch_of(1)], [conversion_of(3, click_ref="t1", status="odd"), events[1]])
    assert list(broken.problems) == ["failed"] and broken.credits == ()
    assert fine.commissions[0].amount_minor == 10


def compile_then_credit() -> None:
    """Compile ahead, credit a conversion, and print the number of compiled types of each kernel."""
    from attribution.kernels import allocate, rules, select
    from attribution.kernels.compile import compile_kernels

    compile_kernels()
    touches = [touch_of(1, second=1, partner=1, visitor="ann"), touch_of(2, second=2, partner=2, visitor="ann")]
    plans = (Plan(1, 1, percent_e6=10_000_000, model="linear"), SALE)
    only(program_of(plans), touches, conversion_of(1, visitor_id="ann"))
    kernels: list[Any] = [allocate._allocate_range, rules._winner_range, select._select_touches_range]
    print([len(kernel.signatures) for kernel in kernels])


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="without JIT nothing is compiled")
def test_the_first_conversion_compiles_nothing_that_was_not_compiled_ahead() -> None:
    words = [sys.executable, "-c", f"from {__name__} import compile_then_credit; compile_then_credit()"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "[1, 1, 1]\n"
