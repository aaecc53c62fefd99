"""Waits bounded in time and in the number of concurrent waiters.

Works like `asyncio.timeout`, but one timer serves all waiters: a timer per wait would take a tenth of the cost
of a redirect. A wait may therefore last a quarter longer than requested.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

_T = TypeVar("_T")


class TooManyWaiting(Exception):
    """The maximum number of waiters is reached."""


class BoundedWait:
    """All waiters for one resource in one process."""

    def __init__(self, waiting_max: int, look_every_s: float) -> None:
        self._waiting_max, self._look_every_s = waiting_max, look_every_s
        self._deadline_s: dict[asyncio.Task[Any], float] = {}
        self._expired: set[asyncio.Task[Any]] = set()
        self._watched_by: asyncio.AbstractEventLoop | None = None

    async def wait(self, work: Callable[[], Awaitable[_T]], timeout_s: float) -> _T:
        """Return the result of the work. Raises TimeoutError, TooManyWaiting. One wait per task at a time."""
        if len(self._deadline_s) >= self._waiting_max:
            raise TooManyWaiting(f"{len(self._deadline_s)} wait for it already")
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # a coroutine runs in a task
        self._deadline_s[task] = loop.time() + timeout_s
        if self._watched_by is not loop:
            self._watched_by = loop
            loop.call_later(self._look_every_s, self._look, loop)
        try:
            return await work()
        except asyncio.CancelledError:
            if task in self._expired and task.uncancel() == 0:
                raise TimeoutError from None
            raise
        finally:
            del self._deadline_s[task]
            self._expired.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel waiters whose deadline has passed; run again while there are waiters."""
        now_s = loop.time()
        for task, deadline_s in self._deadline_s.items():
            if now_s >= deadline_s and task not in self._expired:
                self._expired.add(task)
                task.cancel()
        if self._deadline_s:
            loop.call_later(self._look_every_s, self._look, loop)
        else:
            self._watched_by = None
