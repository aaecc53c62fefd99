"""Numbers are never given twice, whoever asks at the same time."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction

from control.errors import Conflict
from control.numbers.models import Sequence
from control.numbers.sequence import NUMBER_MAX, skip_to, take, take_one


@pytest.mark.usefixtures("database")
def test_numbers_follow_each_other_by_kind() -> None:
    assert [take_one("partner"), take_one("partner"), take_one("offer")] == [1, 2, 1]
    assert take("partner", 10) == range(3, 13)
    assert take_one("partner") == 13


@pytest.mark.usefixtures("database")
def test_a_file_brings_numbers_and_the_next_one_is_above_them() -> None:
    skip_to("partner", 700)
    skip_to("partner", 7)
    assert take_one("partner") == 701


@pytest.mark.usefixtures("database")
def test_the_last_number_is_the_highest_of_32_bits() -> None:
    skip_to("partner", NUMBER_MAX - 1)
    assert take_one("partner") == NUMBER_MAX
    with pytest.raises(Conflict, match="no numbers left"), transaction.atomic():
        take_one("partner")
    assert Sequence.objects.get(kind="partner").last == NUMBER_MAX


@pytest.mark.usefixtures("committed_database")
def test_eight_writers_at_once_get_different_numbers() -> None:
    def write(_: int) -> list[int]:
        try:
            return [take_one("partner") for _ in range(25)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        given = sorted(number for numbers in pool.map(write, range(8)) for number in numbers)
    assert given == list(range(1, 201))


@pytest.mark.usefixtures("committed_database")
def test_a_failed_transaction_gives_its_number_back() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        take_one("partner")
        raise RuntimeError
    assert take_one("partner") == 1
