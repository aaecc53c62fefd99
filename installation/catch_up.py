"""Catching up: wait until every record of the log is stored and attributed, and do that work where needed."""

import asyncio
from collections.abc import Awaitable

from eventlog.port import LogUnavailable
from installation.engine import Engine
from runtime.user_error import TIMED_OUT, UserError
from warehouse.port import WarehouseError


async def settle(engine: Engine, timeout_s: float) -> bool:
    """Wait until all records now in the log are stored and attributed by any worker; False at the timeout.

    Works while `run` is running; on one machine also without it, if `drain` was awaited before.
    """
    deadline_s = engine.clock.monotonic_s() + timeout_s
    ends = await engine.progress.ends()
    if not await engine.progress.wait_ingested(ends, deadline_s):
        return False
    if engine.workers.attributor is not None and not engine.place.on_servers:
        return await engine.workers.attributor.catch_up(max(0.1, deadline_s - engine.clock.monotonic_s()))
    return await engine.progress.wait_attributed(ends, deadline_s)


async def catch_up(engine: Engine, timeout_s: float = 600, *, running: bool = False, wait: bool = False) -> None:
    """Attribute every record now in the log. Raises UserError if the timeout passes first.

    `running`: this engine's own loops do the work. `wait`: only wait for the workers of the other processes.
    """
    if running:
        done = await settle(engine, timeout_s)
    elif engine.place.on_servers:
        done = await (settle(engine, timeout_s) if wait else _help_until_settled(engine, timeout_s))
    else:
        await engine.workers.drain()
        done = await settle(engine, timeout_s)
    if not done:
        raise UserError("not everything was attributed in time; see `clew problems`", TIMED_OUT)


async def _help_until_settled(engine: Engine, timeout_s: float) -> bool:
    """Work, alone or alongside running workers, until all records now in the log are attributed."""
    working = asyncio.create_task(engine.workers.run())
    settled = asyncio.create_task(settle(engine, timeout_s))
    try:
        await asyncio.wait((working, settled), return_when=asyncio.FIRST_COMPLETED)
        engine.workers.stop()
        await _one_error_of(working)  # raises the error of a failed worker
        return await settled
    finally:
        settled.cancel()


async def _one_error_of(working: Awaitable[None]) -> None:
    """Await a group of tasks; raise a failure of log or warehouse as itself if there was no other error."""
    try:
        await working
    except ExceptionGroup as group:
        known, others = group.split((LogUnavailable, WarehouseError))
        if known is None or others is not None:
            raise
        raise known.exceptions[0] from None
