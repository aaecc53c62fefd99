"""Pace of the work of an import: how many rows one transaction takes, so that others who write wait for little."""

import time

from django.db import connection

from control.turns import PAUSE_S

HOLD_ALONE_S = 0.8
"""Time that a transaction should take while nobody else writes."""
HOLD_BESIDE_S = 0.4
"""The same while others write."""
BESIDE_BATCHES = 5
"""Batches for which the writing of another one is remembered."""
ROWS_MIN = 25


class Pace:
    """Number of rows of the next batch, by the time that the last ones took and by whether others write."""

    def __init__(self, rows_max: int) -> None:
        self._rows_max = rows_max
        self.rows = rows_max
        self._beside_left = 0
        self._seen: int | None = None

    def took(self, rows: int, seconds: float) -> None:
        """Learn from a batch. A batch that took too long makes the next ones shorter at once, longer step by step."""
        hold_s = HOLD_BESIDE_S if self._beside_left else HOLD_ALONE_S
        fits = int(rows * hold_s / max(seconds, 0.001))
        self.rows = max(min(ROWS_MIN, self._rows_max), min(fits, self.rows * 2, self._rows_max))

    def pause(self) -> None:
        """Let others write. On PostgreSQL nobody needs that: those who wait for a row get it in turn."""
        if connection.vendor != "sqlite":
            return
        before = self._seen if self._seen is not None else self._version()
        time.sleep(PAUSE_S)
        self._seen = self._version()
        self.noticed(others_wrote=self._seen != before)

    def noticed(self, *, others_wrote: bool) -> None:
        """Note whether others have written since the last pause."""
        self._beside_left = BESIDE_BATCHES if others_wrote else max(0, self._beside_left - 1)

    def _version(self) -> int:
        """Return a number that changes when another connection has written."""
        with connection.cursor() as cursor:
            return int(cursor.execute("PRAGMA data_version").fetchone()[0])
