"""How a command gets its answer: from the engine that runs on the directory, else by opening the directory itself."""

import asyncio
from typing import Any

import httpx

from clew.ask_error import TIMED_OUT, UNREACHABLE, AskError
from clew.datadir import DataDir, EngineAddress, read_address
from runtime.clock import Clock
from runtime.settings import Settings

_REACH_TIMEOUT_S = 30.0
"""How long a command waits for an engine that is just starting or ending."""


def ask_directory(
    directory: DataDir, settings: Settings, clock: Clock, name: str, parameters: dict[str, Any], timeout_s: float = 120
) -> dict[str, Any]:
    """The answer to one question about a data directory. Raises AskError."""
    if not directory.log.is_dir() or not directory.program.is_file():
        raise AskError(f"{directory.root} is no data directory: `clew serve --data` makes one", UNREACHABLE)
    deadline_s = clock.monotonic_s() + _REACH_TIMEOUT_S
    while True:
        address = read_address(directory)
        if address is not None:
            answer = _ask_engine(address, name, parameters, timeout_s)
            if answer is not None:
                return answer
        answer = asyncio.run(_ask_directory(directory, settings, clock, name, parameters, deadline_s))
        if answer is not None:
            return answer


def _ask_engine(
    address: EngineAddress, name: str, parameters: dict[str, Any], timeout_s: float
) -> dict[str, Any] | None:
    """None when no engine answers there."""
    try:
        response = httpx.post(
            f"{address.url}/operator/{name}",
            json=parameters,
            headers={"Authorization": f"Bearer {address.key}"},
            timeout=httpx.Timeout(timeout_s, connect=2.0),
        )
    except httpx.ReadTimeout:
        raise AskError(f"the engine did not answer within {timeout_s:.0f} s", TIMED_OUT) from None
    except httpx.TransportError:
        return None
    if response.status_code == 401:  # another program has the port now
        return None
    answer: dict[str, Any] = response.json()
    if response.status_code != 200:
        raise AskError(answer["error"], answer.get("exit_code", UNREACHABLE))
    return answer


async def _ask_directory(
    directory: DataDir, settings: Settings, clock: Clock, name: str, parameters: dict[str, Any], deadline_s: float
) -> dict[str, Any] | None:
    """None when another process has just opened the directory, which is then to be asked."""
    # The engine is loaded only here: a command that is answered by a running one need not wait for it.
    from clew.asks import ask
    from clew.engine import open_engine
    from clew.programs import ProgramError, load_rules
    from warehouse.chdb import WarehouseBusy
    from warehouse.migrate import MigrationError

    try:
        program = load_rules(directory.program)
        engine = open_engine(directory, settings, program, clock)
    except WarehouseBusy as error:
        if clock.monotonic_s() >= deadline_s:
            raise AskError(f"{error}, and it does not answer; end it or wait", UNREACHABLE) from None
        await asyncio.sleep(0.2)
        return None
    except (ProgramError, MigrationError, OSError) as error:
        raise AskError(f"{directory.root} cannot be opened: {error}", UNREACHABLE) from error
    try:
        if name == "attribute":
            await engine.recover()
        return await ask(engine, name, parameters)
    finally:
        await engine.close()
