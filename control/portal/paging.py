"""Parts of lists, by the number of the page in the address."""

from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from control.ui.table import Page

PAGE_ROWS = 25
_M = TypeVar("_M", bound=Model)


def page_of(request: HttpRequest, rows: QuerySet[_M], size: int = PAGE_ROWS) -> tuple[list[_M], Page]:
    """Return the rows of a page, and what its links need."""
    text, total = request.GET.get("page", ""), rows.count()
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 1
    page = Page(max(1, min(number, -(-total // size))), size, total)
    start = (page.number - 1) * size
    return list(rows[start : start + size]), page
