"""Net value from adjustments: it is never below zero, and inconsistent refunds are listed as problems."""

from attribution.core.net_value import net_value
from schemas.reasons import Problem
from tests.schemas.samples import conversion, refund


def test_early_refunds_above_the_amount_are_a_problem() -> None:
    sale = conversion("t", amount_minor=750, currency="USD")
    twice = [refund(sale.conversion_id, name, 50_000) for name in ("r1", "r2")]
    now, problems = net_value(sale, twice)
    assert now.value_minor == 0
    assert "2.50 USD more" in problems[Problem.REFUNDS_EXCEED_AMOUNT.value]
    assert net_value(sale, twice[:1])[0].value_minor == 250
    assert net_value(sale, twice[:1])[1] == {}
