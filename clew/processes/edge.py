"""Edge: a process that answers tracking requests and writes the log. A child of `clew serve`, or `clew tracker`."""

import asyncio
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import uvloop

from clew.http.server import http_server, limits_of, raise_descriptor_limit
from clew.http.sockets import url_of
from clew.processes.beats import while_beating
from clew.processes.child import ChildArguments, end_with_parent, user_errors_end_process
from clew.processes.edge_program import FollowedProgram, ProgramFromFile
from eventlog.open import open_producer
from eventlog.port import StoredClaims
from installation.address import InstallationAddress
from installation.keys import load_or_make_keys
from runtime.clock import SystemClock
from runtime.files import keep_files_private
from runtime.logs import configure_logs, logger
from runtime.random_bytes import RandomBytes
from runtime.settings import Settings, load_settings
from runtime.user_error import UserError
from schemas.values.click_id import TokenKeys
from tracker.edge import EdgeDependencies
from tracker.http.app import EdgeApp

_log = logger("edge")


@dataclass(frozen=True, slots=True)
class EdgeProcess:
    """One edge, as a process."""

    place: InstallationAddress
    settings: Settings
    program: Path | None
    """Program file, read at the start and on SIGHUP; None follows the control plane."""
    worker: int = 0

    async def run(self, listener: socket.socket) -> None:
        """Answer until SIGTERM. Raises ProgramError, KeysFileError, LogUnavailable, OSError."""
        raise_descriptor_limit()
        settings, clock = self.settings, SystemClock()
        if self.place.data is None:
            raise ValueError("an edge needs a data directory")
        keys = load_or_make_keys(
            self.place.data.keys(settings.keys), os.urandom, clock.now_us() // 1000,
            may_make=self.place.on_servers and not self.place.data.has_history(),
        )  # fmt: skip
        source = self._source()
        holder = source.holder
        stored = await asyncio.to_thread(self._open_stored, keys, clock.now_us()) if self.place.on_servers else None
        producer = await open_producer(
            self.place.log, settings, clock, worker=self.worker, folder=self.place.data.spill, stored=stored
        )
        edge = EdgeDependencies(
            producer=producer, program=holder, keys=keys, clock=clock, settings=settings.tracker,
            random_bytes=RandomBytes(), http=settings.http,
        )  # fmt: skip
        app = EdgeApp(edge)
        server = http_server(app, settings.serve.drain_timeout_s, limits_of(settings), app.on_refused)
        source.start(asyncio.get_running_loop())
        _log.info("running", url=url_of(listener))
        try:
            await server.serve(sockets=[listener])
        finally:
            source.stop()
            await producer.close()
        _log.info("stopped")

    def _source(self) -> ProgramFromFile | FollowedProgram:
        """Load the program. Raises ProgramError, UserError."""
        if self.program is not None:
            return ProgramFromFile(self.program)
        assert self.place.data is not None
        return FollowedProgram(self.place.data, self.settings, self.worker)

    def _open_stored(self, keys: TokenKeys, now_us: int) -> StoredClaims:
        """Open the stored dedup keys; the warehouse may be unavailable. Raises UserError if the token keys differ."""
        from ingest.dedup_store import Claims
        from installation.key_check import are_of_installation
        from warehouse.open import open_warehouse
        from warehouse.port import WarehouseError

        warehouse = open_warehouse(self.place.warehouse, self.settings)
        try:
            same = are_of_installation(warehouse, keys, now_us)
        except WarehouseError as error:
            _log.warning("keys_not_compared", why=str(error)[:300])
            same = True
        if not same:
            raise UserError(
                "the token keys here are not those of the installation, so its other edges would reject ids signed "
                "here; set CLEW_KEYS to a copy of the first tracker's keys.toml"
            )
        return Claims(warehouse)


def run_alone(process: EdgeProcess, listener: socket.socket, beat_fd: int | None = None) -> None:
    """Run the edge as this whole process."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(while_beating(process.run(listener), beat_fd))


def main() -> None:
    keep_files_private()
    arguments = ChildArguments.decode(sys.argv[1:])
    configure_logs(f"edge-{arguments.worker}")
    end_with_parent(arguments.life_fd)
    settings = load_settings()
    with user_errors_end_process():
        program = None if settings.follow.url else arguments.directory.program
        process = EdgeProcess(arguments.place(settings), settings, program, arguments.worker)
        run_alone(process, socket.socket(fileno=arguments.socket_fd), arguments.beat_fd)


if __name__ == "__main__":
    main()
