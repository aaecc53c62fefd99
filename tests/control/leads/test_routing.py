"""Order in which partners are asked."""

from hypothesis import given
from hypothesis import strategies as st

from control.leads.routing import Candidate, Group, Record, choices

records = st.builds(
    Record, st.integers(0, 50), st.integers(0, 12), st.integers(0, 20), st.integers(0, 20)
)  # fmt: skip
candidates = st.lists(
    st.builds(Candidate, st.integers(1, 6), st.integers(1, 5), records), max_size=5, unique_by=lambda one: one.partner
)
groups = st.lists(st.builds(Group, st.sampled_from(["", "a", "b"]), st.just("G"), candidates, st.integers(1, 4)))


@given(groups, st.lists(st.integers(1, 6), max_size=6, unique=True), st.integers(1, 12))
def test_nobody_is_asked_twice_or_above_the_limit(drawn: list[Group], asked: list[int], open_max: int) -> None:
    found = choices(drawn, asked, open_max)
    numbers = [one.partner for one in found]
    assert len(set(numbers)) == len(numbers) and not {*numbers} & {*asked}
    open_of = {(group.id, one.partner): one.record.open for group in drawn for one in group.candidates}
    assert all(any(key == (one.territory, one.partner) for key in open_of) for one in found)
    for group in drawn:
        mine = {one.partner for one in group.candidates if one.record.open < open_max}
        reached = {*numbers, *asked} & {one.partner for one in group.candidates}
        assert mine <= reached or len(reached) >= group.winners


def _first(*group: Candidate) -> int:
    return choices([Group("t", "T", group, 9)], [], 10)[0].partner


def test_score_comes_before_turns_and_weights_share_the_turns() -> None:
    fresh = Record()
    assert fresh.score == 50
    good, bad = Record(offered=9, won=8, missed=1), Record(offered=9, won=1, missed=8)
    assert (good.score, bad.score) == (82, 18)
    assert _first(Candidate(1, 1, bad), Candidate(2, 1, good), Candidate(3, 1, fresh)) == 2
    # With equal scores: 4 offers at weight 3 are fewer than 2 at weight 1.
    assert _first(Candidate(1, 1, Record(offered=2)), Candidate(2, 3, Record(offered=4))) == 2
    given: list[int] = []
    for _ in range(8):
        one, two = (Candidate(number, weight, Record(given.count(number))) for number, weight in ((1, 3), (2, 1)))
        given.append(_first(one, two))
    assert (given.count(1), given.count(2)) == (6, 2)


def test_territories_have_their_turn_one_after_the_other() -> None:
    near = Group("near", "Near", [Candidate(7, 1, Record()), Candidate(8, 1, Record())], 1)
    far = Group("far", "Far", [Candidate(9, 1, Record())], 1)
    found = choices([near, far], [], 10)
    assert [one.partner for one in found] == [7, 9]  # one winner of the first, then the next territory
    assert [one.partner for one in choices([near, far], [7], 10)] == [9]
    assert "Territory Near; score 50 (0 won, 0 missed)" in found[0].why
