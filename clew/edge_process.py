"""An edge worker: one process that answers tracking requests and writes its logs. Run by `clew serve` only."""

import asyncio
import os
import signal
import socket
import sys

import uvloop

from clew.child import ChildArguments, end_with_parent
from clew.http_server import http_server
from clew.keys_file import load_or_make_keys
from clew.programs import ProgramError, load_program
from eventlog.open import open_producer
from runtime.chance import RandomBytes
from runtime.clock import SystemClock
from runtime.logs import configure_logs, logger
from runtime.settings import load_settings
from tracker.app import create_app
from tracker.edge import Edge, ProgramHolder

_log = logger("edge")


async def run(arguments: ChildArguments) -> None:
    """The life of an edge worker."""
    settings, clock, directory = load_settings(), SystemClock(), arguments.directory
    keys = load_or_make_keys(directory.keys(settings.keys), os.urandom, clock.now_us() // 1000)
    holder = ProgramHolder(load_program(directory.program))
    producer = open_producer(directory.log, arguments.worker, settings.eventlog, clock)
    edge = Edge(
        producer=producer, program=holder, keys=keys, clock=clock, settings=settings.tracker, random_bytes=RandomBytes()
    )
    server = http_server(create_app(edge), settings.serve.drain_timeout_s, settings.tracker.header_bytes_max)

    def reload() -> None:
        try:
            holder.current = load_program(directory.program)
            _log.info("program_loaded", hash=holder.current.hash)
        except ProgramError as error:
            _log.error("program_kept", error=str(error))

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)
    listener = socket.socket(fileno=arguments.socket_fd)
    try:
        await server.serve(sockets=[listener])
    finally:
        await producer.close()


def main() -> None:
    arguments = ChildArguments.decode(sys.argv[1:])
    configure_logs(f"edge-{arguments.worker}")
    end_with_parent(arguments.life_fd)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(arguments))


if __name__ == "__main__":
    main()
