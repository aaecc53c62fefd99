"""Pipe on which a child tells its parent that its event loop runs, and that it has started. Both ends."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

BEAT_INTERVAL_S = 2.0
_BEAT, _READY = b".", b"!"


async def while_beating(work: Coroutine[Any, Any, None], beat_fd: int | None) -> None:
    """Do the work of a process; meanwhile report to its parent, if it has one, that the event loop runs."""
    if beat_fd is None:
        return await work
    beating = asyncio.create_task(_beat(beat_fd))
    try:
        await work
    finally:
        beating.cancel()


def report_ready(beat_fd: int | None) -> None:
    """Report to the parent, if there is one, that this process has started."""
    if beat_fd is not None:
        _write(beat_fd, _READY)


@contextlib.contextmanager
def hear(beat_fd: int, on_beat: Callable[[], None], on_ready: Callable[[], None]) -> Iterator[None]:
    """Listen to a child, and close the parent's end afterwards."""
    os.set_blocking(beat_fd, False)
    loop = asyncio.get_running_loop()

    def read() -> None:
        said = os.read(beat_fd, 4_096)
        if not said:  # the child has ended
            loop.remove_reader(beat_fd)
            return
        on_beat()
        if _READY in said:
            on_ready()

    loop.add_reader(beat_fd, read)
    try:
        yield
    finally:
        loop.remove_reader(beat_fd)
        os.close(beat_fd)


async def _beat(beat_fd: int) -> None:
    os.set_blocking(beat_fd, False)
    while True:
        _write(beat_fd, _BEAT)
        await asyncio.sleep(BEAT_INTERVAL_S)


def _write(beat_fd: int, word: bytes) -> None:
    with contextlib.suppress(BlockingIOError):
        os.write(beat_fd, word)
