"""Turns of writers on SQLite: long work in many transactions lets others write between them."""

import time

from django.db import connection

from runtime.clock import SystemClock

PAUSE_S = 0.12
"""Pause in which other writers get their turn: they look every 0.1 s if the lock is free."""
HOLD_MAX_S = 0.4
"""Time that transactions may follow each other without a pause."""


class Turns:
    """Turns of one piece of long work. Without them its next transaction takes the lock before anybody else does."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._since_s = self._clock.monotonic_s()

    def give_way(self) -> None:
        """Let others write, if the work has held the lock for its time. Call it between two transactions.

        On PostgreSQL nobody needs that: those who wait for a row get it in turn.
        """
        if connection.vendor == "sqlite" and self._clock.monotonic_s() - self._since_s >= HOLD_MAX_S:
            time.sleep(PAUSE_S)
            self._since_s = self._clock.monotonic_s()
