"""How a command gets its answer: from the engine that runs on the directory, else by opening what it asks about."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import httpx

from installation.address import InstallationAddress
from installation.directory import EngineAddress, read_address
from runtime.clock import Clock
from runtime.logs import configure_logs
from runtime.settings import Settings
from runtime.user_error import TIMED_OUT, UNREACHABLE, WRONG_USE, UserError

_REACH_TIMEOUT_S = 30.0
"""How long a command waits for an engine that is just starting or ending."""


def send_request(
    place: InstallationAddress,
    settings: Settings,
    clock: Clock,
    name: str,
    parameters: dict[str, Any],
    timeout_s: float = 120,
    program: Path | None = None,
) -> dict[str, Any]:
    """The answer to one question about an installation. Raises UserError.

    `program` is the program file to answer with; a running engine answers with its own.
    """
    if place.on_servers:
        answer = asyncio.run(_open_and_ask(place, settings, clock, name, parameters, program))
        if answer is None:
            raise AssertionError("only a directory can be busy")
        return answer
    return _ask_directory(place, settings, clock, name, parameters, timeout_s, program)


def _ask_directory(
    place: InstallationAddress,
    settings: Settings,
    clock: Clock,
    name: str,
    parameters: dict[str, Any],
    timeout_s: float,
    program: Path | None,
) -> dict[str, Any]:
    if not place.exists():
        raise UserError(f"{place} is not a data directory; create one with `clew serve --data DIR`", UNREACHABLE)
    deadline_s = clock.monotonic_s() + _REACH_TIMEOUT_S
    while True:
        address = read_address(place.engine_file)
        answer = None
        if address is not None:
            if program is not None and _is_running(address):
                raise UserError(
                    "a running server answers with its own program; leave --program out, or stop the server", WRONG_USE
                )
            answer = _ask_engine(address, name, parameters, timeout_s)
        if answer is None:
            answer = asyncio.run(_open_and_ask(place, settings, clock, name, parameters, program, deadline_s))
        if answer is not None:
            return answer


def _is_running(address: EngineAddress) -> bool:
    """Whether an engine answers at an address."""
    try:
        return httpx.get(f"{address.url}/healthz", timeout=2.0).status_code == 200
    except httpx.TransportError:
        return False


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
        raise UserError(f"the engine did not answer within {timeout_s:.0f} s", TIMED_OUT) from None
    except httpx.TransportError:
        return None
    if response.status_code == 401:  # another program has the port now
        return None
    answer: dict[str, Any] = response.json()
    if response.status_code != 200:
        raise UserError(answer["error"], answer.get("exit_code", UNREACHABLE))
    return answer


async def _open_and_ask(
    place: InstallationAddress,
    settings: Settings,
    clock: Clock,
    name: str,
    parameters: dict[str, Any],
    program: Path | None,
    deadline_s: float = 0.0,
) -> dict[str, Any] | None:
    """None when another process has just opened the directory, which is then to be asked."""
    # The engine is loaded only here: a command that is answered by a running one need not wait for it.
    from clew.requests.handlers import ask, workers_for
    from installation.engine import open_engine, trouble_as_user_error
    from installation.program_file import ProgramError, load_rules
    from warehouse.chdb import WarehouseBusy

    configure_logs(name, level=logging.WARNING)  # on stderr: the answer is what stands on stdout
    try:
        file = program if program is not None else place.program_copy()
        rules = load_rules(file) if file is not None else None
        with trouble_as_user_error(place):
            try:
                engine = await open_engine(place, settings, rules, clock, workers_for(place, name, parameters))
            except WarehouseBusy:
                if clock.monotonic_s() >= deadline_s:
                    raise
                await asyncio.sleep(0.2)
                return None
    except ProgramError as error:
        raise UserError(str(error), WRONG_USE if program is not None else UNREACHABLE) from None
    try:
        with trouble_as_user_error(place):
            await engine.recover()
        return await ask(engine, name, parameters)
    finally:
        await engine.close()
