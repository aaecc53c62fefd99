"""The index of plans chooses what the rule of the contract chooses."""

from hypothesis import given
from hypothesis import strategies as st

from attribution.core.plans import PlanBook, specificity
from program.entries import Plan
from tests.reference.plans import fitting

GOALS = ("1", "lead", "trial")
PLANS = st.lists(
    st.builds(
        Plan, st.integers(1, 3), st.none() | st.integers(1, 4), st.none() | st.sampled_from(GOALS),
        st.integers(1, 10**8),
    ),
    unique_by=lambda plan: plan.name,
)  # fmt: skip


@given(PLANS)
def test_the_choice_is_that_of_the_rule(plans: list[Plan]) -> None:
    book = PlanBook(plans)
    for offer in range(1, 5):
        for partner in range(6):
            for goal in (*GOALS, "other"):
                choice, wanted = book.choose(offer, goal, partner), fitting(plans, offer, goal, partner)
                assert ([choice.plan] if choice.plan else []) + list(choice.losers) == wanted
                assert sorted(wanted, key=specificity, reverse=True) == wanted


def test_without_a_plan_there_is_no_choice() -> None:
    assert PlanBook([]).choose(1, "1", 1) == (None, ())
    assert PlanBook([Plan(1, 2, "lead", 5)]).choose(1, "1", 2) == (None, ())
