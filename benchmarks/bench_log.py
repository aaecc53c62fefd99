"""Appends to the embedded log with group commit, compared with plain write + fdatasync of the same groups."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Result
from eventlog.sqlite.producer import SqliteProducer
from runtime.clock import SystemClock
from runtime.settings import LogSettings
from schemas.dedup.rules import decide

WAITERS = 100
RECORDS_EACH = 200
RECORD = b"x" * 400


def run(folder: Path) -> Iterator[Result]:
    """Measure records per second with 100 callers that wait for every record."""
    ours = asyncio.run(_appends(folder / "log"))
    yield Result(
        "log: appends, 100 waiting callers", ours, "records/s", "write+fdatasync per 100", _raw(folder / "raw"),
    )  # fmt: skip


async def _appends(folder: Path) -> float:
    producer = SqliteProducer(folder, 0, LogSettings(), SystemClock(), decide)

    async def caller() -> None:
        for _ in range(RECORDS_EACH):
            await producer.append("hits", b"", [RECORD])

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(WAITERS)))
    seconds = time.perf_counter() - started
    await producer.close()
    return WAITERS * RECORDS_EACH / seconds


def _raw(path: Path) -> float:
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    started = time.perf_counter()
    for _ in range(RECORDS_EACH):
        os.write(handle, RECORD * WAITERS)
        os.fdatasync(handle)
    seconds = time.perf_counter() - started
    os.close(handle)
    return WAITERS * RECORDS_EACH / seconds
