"""Client of the command line: ask the server that runs on a data directory, or open the installation and answer."""

import asyncio
import logging
import ssl
from pathlib import Path
from typing import Any

import httpx

from clew.requests.types import BadRequest, Request, decode_request
from installation.address import InstallationAddress
from installation.directory import EngineAddress, read_address
from runtime.clock import Clock
from runtime.logs import configure_logs
from runtime.settings import Settings
from runtime.user_error import TIMED_OUT, UNREACHABLE, WRONG_USE, UserError

_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Context without certificates: the engine answers plain HTTP on this machine, and loading them costs 50 ms."""
_REACH_TIMEOUT_S = 30.0
"""Longest wait for a server that is just starting or stopping."""


def send_request(
    place: InstallationAddress,
    settings: Settings,
    clock: Clock,
    request: Request,
    timeout_s: float = 120,
    program: Path | None = None,
) -> dict[str, Any]:
    """Answer one request about an installation. Raises UserError.

    `program` is the program file to answer with; a running server answers with its own.
    """
    try:
        request = decode_request(type(request), request.to_json())
    except BadRequest as error:
        raise UserError(str(error)) from None
    if place.on_servers:
        answer = asyncio.run(_open_and_ask(place, settings, clock, request, program))
        if answer is None:
            raise AssertionError("only a directory can be busy")
        return answer
    return _ask_directory(place, settings, clock, request, timeout_s, program)


def _ask_directory(
    place: InstallationAddress,
    settings: Settings,
    clock: Clock,
    request: Request,
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
            answer = _ask_engine(address, request, timeout_s)
        if answer is None:
            answer = asyncio.run(_open_and_ask(place, settings, clock, request, program, deadline_s))
        if answer is not None:
            return answer


def _is_running(address: EngineAddress) -> bool:
    """Return whether a server answers at that address."""
    try:
        return httpx.get(f"{address.url}/healthz", timeout=2.0, verify=_NO_TLS, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _ask_engine(address: EngineAddress, request: Request, timeout_s: float) -> dict[str, Any] | None:
    """Ask the server at that address. None if no server answers there."""
    try:
        response = httpx.post(
            f"{address.url}/operator/{request.NAME}",
            json=request.to_json(),
            headers={"Authorization": f"Bearer {address.key}"},
            timeout=httpx.Timeout(timeout_s, connect=2.0),
            verify=_NO_TLS,
            trust_env=False,  # a proxy must not see the operator's key
        )
    except httpx.ReadTimeout:
        raise UserError(f"the server did not answer within {timeout_s:.0f} s", TIMED_OUT) from None
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
    request: Request,
    program: Path | None,
    deadline_s: float = 0.0,
) -> dict[str, Any] | None:
    """Open the installation and answer. None if another process has just opened the directory and can be asked."""
    # Imported here: a command that a running server answers starts without the engine.
    from clew.requests.handlers import ask, workers_for
    from installation.engine import open_engine, trouble_as_user_error
    from installation.program_file import ProgramError, load_rules
    from warehouse.chdb import WarehouseBusy

    configure_logs(request.NAME, level=logging.WARNING)  # on stderr: stdout has only the answer
    try:
        file = program if program is not None else place.program_copy()
        rules = load_rules(file) if file is not None else None
        with trouble_as_user_error(place):
            try:
                follows = rules is None and place.follows(settings)
                roles = workers_for(place, request)
                engine = await open_engine(place, settings, rules, clock, roles, follows=follows)
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
        return await ask(engine, request)
    finally:
        await engine.close()
