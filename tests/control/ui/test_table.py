"""Parts of lists."""

import pytest

from control.ui.table import Page


@pytest.mark.parametrize(
    ("page", "numbers", "rows"),
    [
        (Page(1, 50, 0), [1], (0, 0)),
        (Page(1, 50, 50), [1], (1, 50)),
        (Page(1, 50, 51), [1, 2], (1, 50)),
        (Page(2, 50, 51), [1, 2], (51, 51)),
        (Page(3, 10, 100), [1, 2, 3, 4, None, 10], (21, 30)),
        (Page(4, 10, 100), [1, 2, 3, 4, 5, None, 10], (31, 40)),
        (Page(6, 10, 100), [1, None, 5, 6, 7, None, 10], (51, 60)),
        (Page(10, 10, 100), [1, None, 9, 10], (91, 100)),
    ],
)
def test_pages(page: Page, numbers: list[int | None], rows: tuple[int, int]) -> None:
    assert page.numbers == numbers
    assert (page.first_row, page.last_row) == rows
