"""The terms of a conversion depend on the published versions alone, not on the order in which they were heard of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.core.timeline import TermsFrom, Timeline

_TIMES = st.integers(0, 50)
_VERSIONS = st.dictionaries(_TIMES, st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=10)


@given(_VERSIONS, st.lists(_TIMES, min_size=1), st.data())
def test_the_choice_is_the_same_in_whatever_order_versions_were_heard_of(
    versions: dict[int, str], times: list[int], data: st.DataObject
) -> None:
    entries = [TermsFrom(*version) for version in versions.items()]
    heard = Timeline()
    left = data.draw(st.permutations(entries))
    while left:
        some = data.draw(st.integers(1, len(left)))
        again = data.draw(st.lists(st.sampled_from(entries), max_size=2)) if heard.entries else []
        heard, left = heard.plus([*left[:some], *[one for one in again if one in heard.entries]]), left[some:]
    for ts_us in times:
        before = [from_us for from_us in sorted(versions) if from_us <= ts_us]
        wanted = versions[before[-1] if before else min(versions)]
        assert heard.at(ts_us) == wanted


def test_terms_count_from_their_time_on() -> None:
    timeline = Timeline([TermsFrom(10, "first"), TermsFrom(20, "second"), TermsFrom(30, "first")])
    assert [timeline.at(ts) for ts in (0, 9, 10, 19, 20, 29, 30, 99)] == [
        "first", "first", "first", "first", "second", "second", "first", "first",
    ]  # fmt: skip


def test_without_terms_there_is_no_choice() -> None:
    with pytest.raises(LookupError, match="no terms"):
        Timeline().at(1)
