"""Numbers of rows. Large ones are kept for some seconds, because counting a million rows takes as long as a page.

So a page may show a number of ten thousand or more that is `KEPT_S` old; smaller ones are always counted.
"""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar, cast

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from runtime.clock import Clock, SystemClock

KEPT_S = 10.0
"""Longest time for which a process goes on with a number that it has counted."""
KEPT_ROWS_MIN = 10_000
"""Smaller numbers are counted for each page."""
_KEPT_MAX = 256
V = TypeVar("V")


class KeptCounts:
    """Numbers that this process has counted, by what was counted. Threads share them."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, Lock()
        self._kept: dict[Hashable, tuple[float, Any]] = {}

    def count(self, rows: QuerySet[Any]) -> int:
        """Return the number of rows of a query. Queries with the same text and values are the same."""
        try:
            sql, values = rows.order_by().values("pk").query.sql_with_params()
        except EmptyResultSet:
            return 0

        def read() -> int:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT COUNT(*) FROM ({sql}) counted", values)
                (number,) = cursor.fetchone()
            return int(number)

        return self.kept((sql, repr(values)), read, int)

    def kept(self, key: Hashable, read: Callable[[], V], rows: Callable[[V], int]) -> V:
        """Return what was read for a key lately, else read it. `rows` tells how many rows were counted."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            until_s, value = self._kept.get(key, (0.0, None))
        if now_s < until_s:
            return cast(V, value)
        found = read()
        with self._lock:
            self._kept.pop(key, None)
            if rows(found) >= KEPT_ROWS_MIN:
                self._kept[key] = (now_s + KEPT_S, found)
            while len(self._kept) > _KEPT_MAX:
                del self._kept[next(iter(self._kept))]
        return found


counts = KeptCounts(SystemClock())
