"""The engine's process: owns the warehouse, ingests, attributes, answers on the API port. Run by `clew serve` only."""

import asyncio
import gc
import os
import secrets
import signal
import socket
import sys

import uvloop

from clew.api import create_api
from clew.child import ChildArguments, end_with_parent
from clew.datadir import EngineAddress, write_address
from clew.engine import Engine, open_engine
from clew.http_server import HttpServer, http_server
from clew.programs import ProgramError, load_program
from runtime.clock import Clock, SystemClock
from runtime.logs import configure_logs, logger
from runtime.settings import Settings, load_settings
from warehouse.chdb import WarehouseBusy

_log = logger("engine")
GC_THRESHOLD = (100_000, 50, 1_000)
"""Batches are many short-lived objects without cycles; the default looks through them again and again."""

_LOCK_WAIT_S = 60.0
"""How long a start waits for a command, or for an engine that is just ending, to let the directory go."""


async def run(arguments: ChildArguments) -> None:
    """The life of the engine: open, recover, run until SIGTERM, finish what was answered, close."""
    settings, clock = load_settings(), SystemClock()
    engine = await _open(arguments, settings, clock)
    try:
        await engine.recover()
        key = secrets.token_urlsafe(32)
        server = http_server(create_api(engine, key), settings.serve.drain_timeout_s)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, lambda: asyncio.ensure_future(_reload(engine)))
        write_address(arguments.directory, EngineAddress(arguments.url, key, os.getpid()))
        await _serve(engine, server, arguments.socket_fd)
        await engine.drain()
    finally:
        await engine.close()
        arguments.directory.engine_file.unlink(missing_ok=True)


async def _serve(engine: Engine, server: HttpServer, socket_fd: int) -> None:
    """Run the loops and the API together until SIGTERM reaches the server, or one of them fails."""
    running = asyncio.create_task(engine.run())
    running.add_done_callback(lambda _: setattr(server, "should_exit", True))
    try:
        await server.serve(sockets=[socket.socket(fileno=socket_fd)])
    finally:
        engine.stop()
    await running


async def _open(arguments: ChildArguments, settings: Settings, clock: Clock) -> Engine:
    program = load_program(arguments.directory.program)
    deadline_s = clock.monotonic_s() + _LOCK_WAIT_S
    while True:
        try:
            return open_engine(arguments.directory, settings, program, clock)
        except WarehouseBusy:
            if clock.monotonic_s() >= deadline_s:
                raise
            await asyncio.sleep(0.05)


async def _reload(engine: Engine) -> None:
    try:
        await engine.use_program(load_program(engine.directory.program))
        _log.info("program_loaded", hash=engine.program.hash)
    except ProgramError as error:
        _log.error("program_kept", error=str(error))


def main() -> None:
    arguments = ChildArguments.decode(sys.argv[1:])
    configure_logs("engine")
    end_with_parent(arguments.life_fd)
    gc.set_threshold(*GC_THRESHOLD)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(arguments))


if __name__ == "__main__":
    main()
