"""Ranges against a plain set, and repeats rebuilt from stored ranges."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.dedup.sequences import Ranges, Repeats

small = st.integers(0, 40)
runs = st.tuples(small, st.integers(0, 6)).map(lambda run: (run[0], run[0] + run[1]))


def ranges_of(numbers: set[int]) -> list[tuple[int, int]]:
    """Build the ranges the slow way, number by number."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


@given(st.lists(runs, max_size=60))
def test_runs_are_as_in_a_set(added: list[tuple[int, int]]) -> None:
    ranges, plain = Ranges(), set[int]()
    for first, last in added:
        new = set(range(first, last + 1))
        assert ranges.add_run(first, last) == plain.isdisjoint(new)
        if plain.isdisjoint(new):
            plain |= new
        assert list(ranges) == ranges_of(plain) and len(ranges) == len(ranges_of(plain))
        assert [number in ranges for number in range(50)] == [number in plain for number in range(50)]


@given(st.lists(small, max_size=60))
def test_the_second_time_is_a_repeat(numbers: list[int]) -> None:
    ranges, plain = Ranges(), set[int]()
    for number in numbers:
        assert ranges.add(number) == (number not in plain)
        plain.add(number)
    assert list(ranges) == ranges_of(plain)


@given(st.permutations(range(30)))
def test_numbers_in_any_order_become_one_range(numbers: list[int]) -> None:
    ranges = Ranges()
    for number in numbers:
        assert ranges.add(number)
    assert list(ranges) == [(0, 29)]


@given(st.lists(st.tuples(st.sampled_from([b"a" * 16, b"b" * 16, b"c" * 16]), small), max_size=80), st.randoms())
def test_repeats_come_back_from_their_ranges(append_ids: list[tuple[bytes, int]], random) -> None:  # type: ignore[no-untyped-def]
    seen, plain = Repeats(), set[tuple[bytes, int]]()
    for append_id in append_ids:
        assert seen.add(*append_id) == (append_id not in plain)
        plain.add(append_id)
    stored = list(seen)
    random.shuffle(stored)
    again = Repeats(stored)
    assert list(again) == list(seen)
    assert all(not again.add(*append_id) for append_id in append_ids)


@given(st.lists(st.tuples(st.sampled_from([b"a" * 16, b"b" * 16]), runs), max_size=20))
def test_ranges_stored_twice_count_once(stored: list[tuple[bytes, tuple[int, int]]]) -> None:
    seen = Repeats((origin, *run) for origin, run in stored)
    for origin in (b"a" * 16, b"b" * 16):
        numbers = {n for of, (first, last) in stored if of == origin for n in range(first, last + 1)}
        assert list(seen.of(origin)) == ranges_of(numbers)
