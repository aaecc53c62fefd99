"""An edge: one process that answers tracking requests and writes the log. A child of `clew serve`, or a station."""

import asyncio
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import uvloop

from clew.child import ChildArguments, end_with_parent
from clew.http_server import http_server
from clew.keys_file import load_or_make_keys
from clew.place import Place
from clew.programs import ProgramError, load_program
from eventlog.open import open_producer
from eventlog.port import StoredClaims
from runtime.chance import RandomBytes
from runtime.clock import SystemClock
from runtime.logs import configure_logs, logger
from runtime.settings import Settings, load_settings
from tracker.app import create_app
from tracker.edge import Edge, ProgramHolder

_log = logger("edge")


@dataclass(frozen=True, slots=True)
class EdgeProcess:
    """One edge in a process of its own."""

    place: Place
    settings: Settings
    program: Path
    """Read at the start and again on SIGHUP."""
    worker: int = 0

    async def run(self, listener: socket.socket) -> None:
        """Answer until SIGTERM. Raises ProgramError, KeysFileError, LogUnavailable, OSError."""
        settings, clock = self.settings, SystemClock()
        if self.place.data is None:
            raise ValueError("an edge needs a directory of its own")
        keys = load_or_make_keys(self.place.data.keys(settings.keys), os.urandom, clock.now_us() // 1000)
        holder = ProgramHolder(load_program(self.program))
        producer = await open_producer(
            self.place.log, settings, clock, worker=self.worker, folder=self.place.data.spill, stored=self._stored()
        )
        edge = Edge(
            producer=producer, program=holder, keys=keys, clock=clock, settings=settings.tracker,
            random_bytes=RandomBytes(),
        )  # fmt: skip
        server = http_server(create_app(edge), settings.serve.drain_timeout_s, settings.tracker.header_bytes_max)

        def reload() -> None:
            try:
                holder.current = load_program(self.program)
                _log.info("program_loaded", hash=holder.current.hash)
            except ProgramError as error:
                _log.error("program_kept", error=str(error))

        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)
        try:
            await server.serve(sockets=[listener])
        finally:
            await producer.close()

    def _stored(self) -> StoredClaims | None:
        """What the warehouse knows of a log whose readers rule; it is asked only when there is no index of keys yet."""
        if not self.place.on_servers:
            return None
        from ingest.claims import Claims
        from warehouse.open import open_warehouse

        return Claims(open_warehouse(self.place.warehouse, self.settings))


def run_alone(process: EdgeProcess, listener: socket.socket) -> None:
    """Make this whole process that edge."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(process.run(listener))


def main() -> None:
    arguments = ChildArguments.decode(sys.argv[1:])
    configure_logs(f"edge-{arguments.worker}")
    end_with_parent(arguments.life_fd)
    settings = load_settings()
    process = EdgeProcess(arguments.place(settings), settings, arguments.directory.program, arguments.worker)
    run_alone(process, socket.socket(fileno=arguments.socket_fd))


if __name__ == "__main__":
    main()
