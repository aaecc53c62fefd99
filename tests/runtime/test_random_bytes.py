"""Random bytes that are fetched in advance: the right length, and never the same ones twice."""

from runtime.random_bytes import RandomBytes


def test_bytes_are_as_many_as_asked_for_and_never_repeat() -> None:
    random_bytes = RandomBytes()
    taken = [random_bytes(16) for _ in range(2_000)]
    assert {len(value) for value in taken} == {16}
    assert len(set(taken)) == len(taken)
    assert len(random_bytes(20_000)) == 20_000
