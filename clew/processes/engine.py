"""Engine process: run workers and answer on one port until SIGTERM, then finish started batches.

Runs as a child of `clew serve`, or as one of the workers on servers.
"""

import asyncio
import gc
import os
import secrets
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import uvloop

from clew.http.health import health_app
from clew.http.server import http_server, limits_of, raise_descriptor_limit, serve_with
from clew.processes.beats import while_beating
from clew.processes.child import ChildArguments, end_with_parent, user_errors_end_process
from clew.processes.following import follower_name, machine_key_or_error
from clew.requests.http_api import create_api
from installation.address import InstallationAddress
from installation.control_source import ControlSource
from installation.directory import EngineAddress, write_address
from installation.engine import Engine, open_engine, trouble_as_user_error
from installation.engine_program import EngineHolding
from installation.follower import Follower
from installation.program_file import ProgramError, load_program
from installation.workers import ALL_WORKERS, Worker
from runtime.clock import Clock, SystemClock
from runtime.engine_key import find_engine_key
from runtime.files import keep_files_private
from runtime.logs import configure_logs, logger
from runtime.settings import Settings, load_settings
from runtime.user_error import UNREACHABLE, UserError
from warehouse.chdb import WarehouseBusy

_log = logger("engine")
GC_THRESHOLD = (100_000, 50, 1_000)
"""Threshold of the garbage collector. Batches are many short-lived objects without cycles, which the default
threshold would scan again and again."""

_REACH_PAUSE_S = 2.0
_LOCK_WAIT_S = 60.0
"""Longest wait at the start for a command or a stopping engine to release the directory."""


@dataclass(frozen=True, slots=True)
class EngineProcess:
    """One engine, as a process."""

    place: InstallationAddress
    settings: Settings
    program: Path | None
    """Program file, read at the start and on SIGHUP; None follows the control plane."""
    url: str
    """URL of its port."""
    roles: frozenset[Worker] = ALL_WORKERS
    answers: bool = True
    """Answer the whole API, not only probes."""
    waits: bool = False
    """Wait for servers that do not answer at the start, instead of failing."""

    async def run(self, listener: socket.socket) -> None:
        """Open, recover, run until SIGTERM, finish answered requests, close.

        Raises ProgramError, UserError.
        """
        raise_descriptor_limit()
        engine = await self._open(SystemClock())
        try:
            with trouble_as_user_error(self.place):
                await engine.recover()
            key = secrets.token_urlsafe(32)
            app = (
                create_api(engine, key, self._control_key())
                if self.answers
                else health_app(engine.unhealthy_reason, self.settings.http)
            )
            server = http_server(app, self.settings.serve.drain_timeout_s, limits_of(self.settings))
            loop = asyncio.get_running_loop()
            follower = self._follower(engine)
            loop.add_signal_handler(signal.SIGHUP, lambda: asyncio.ensure_future(self._reload(engine)))
            if not self.place.on_servers:
                write_address(self.place.engine_file, EngineAddress(self.url, key, os.getpid()))
            if follower is not None:
                follower.start()
            _log.info("running", roles=sorted(role.value for role in self.roles), url=self.url)
            await serve_with(server, listener, engine.workers)
            if follower is not None:
                follower.stop()
            await engine.workers.drain()
            _log.info("stopped")
        finally:
            await engine.close()
            if not self.place.on_servers:
                self.place.engine_file.unlink(missing_ok=True)

    async def _open(self, clock: Clock) -> Engine:
        program = load_program(self.program) if self.program is not None else None
        deadline_s = clock.monotonic_s() + _LOCK_WAIT_S
        while True:
            try:
                with trouble_as_user_error(self.place):
                    return await open_engine(
                        self.place, self.settings, program, clock, self.roles, follows=program is None
                    )
            except UserError as error:
                busy = isinstance(error.__cause__, WarehouseBusy) and clock.monotonic_s() < deadline_s
                if not busy and not (self.waits and error.exit_code == UNREACHABLE):
                    raise
                if not busy:
                    _log.error("not_opened", error=str(error))
                await asyncio.sleep(0.05 if busy else _REACH_PAUSE_S)

    def _control_key(self) -> str | None:
        """Return the key with which the control plane asks. Raises UserError."""
        data = self.place.data
        return find_engine_key(data.root if data is not None else None, self.settings)

    def _follower(self, engine: Engine) -> Follower | None:
        """Make the follower of the control plane; None if a program file rules. Raises UserError."""
        if self.program is not None or engine.timeline is None:
            return None
        data, follow = self.place.data, self.settings.follow
        key = machine_key_or_error(data.root if data is not None else None, self.settings)
        role = "+".join(sorted(role.value for role in self.roles)) or "api"
        own = "engine" if self.roles == ALL_WORKERS else f"{role}:{os.getpid()}"
        name = follower_name(own, data.root if data is not None else None)
        holding = EngineHolding(name, engine, engine.timeline, key)
        return Follower(ControlSource(follow.url, key), holding, follow.wait_s, follow.retry_pause_max_ms / 1000)

    async def _reload(self, engine: Engine) -> None:
        if self.program is None:
            return
        try:
            await engine.use_program(load_program(self.program))
            _log.info("program_loaded", hash=engine.program.hash)
        except ProgramError as error:
            _log.error("program_kept", error=str(error))


def run_alone(process: EngineProcess, listener: socket.socket, beat_fd: int | None = None) -> None:
    """Run the engine as this whole process."""
    gc.set_threshold(*GC_THRESHOLD)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(while_beating(process.run(listener), beat_fd))


def main() -> None:
    keep_files_private()
    arguments = ChildArguments.decode(sys.argv[1:])
    configure_logs("engine")
    end_with_parent(arguments.life_fd)
    settings = load_settings()
    with user_errors_end_process():
        place = arguments.place(settings)
        program = None if settings.follow.url else arguments.directory.program
        process = EngineProcess(place, settings, program, arguments.url, waits=place.on_servers)
        run_alone(process, socket.socket(fileno=arguments.socket_fd), arguments.beat_fd)


if __name__ == "__main__":
    main()
