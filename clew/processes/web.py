"""Web process: answers console, portal and API of the control plane. A child of `clew serve`, or `clew web`."""

import asyncio
import gc
import socket
import sys
from dataclasses import dataclass

import uvloop

from clew.http.health import probes_of
from clew.http.server import http_server, limits_of, raise_descriptor_limit
from clew.http.sockets import url_of
from clew.processes.beats import report_ready, while_beating
from clew.processes.child import ChildArguments, end_with_parent, user_errors_end_process
from clew.processes.control_plane import ControlPlace, find_control_place
from runtime.clock import SystemClock
from runtime.files import keep_files_private
from runtime.logs import configure_logs, logger
from runtime.machine_key import find_machine_key
from runtime.settings import Settings, load_settings

_log = logger("web")
_SWITCH_INTERVAL_S = 0.000_5
"""Time for which a thread goes on while another one wants to. A page asks the database 10 to 20 times, and after each
answer waits so long for another page that is being made. With Python's 5 ms, people waited one and a half times as
long."""

_GC_THRESHOLD = (10_000, 10, 10)
"""Threshold of the garbage collector. A page makes thousands of short-lived objects: with Python's 700, the scans took
a twenty-fifth of the CPU time, and all threads stood still for 50 ms ten times as often."""


@dataclass(frozen=True, slots=True)
class WebProcess:
    """Pages and API, as a process."""

    place: ControlPlace
    settings: Settings

    async def run(self, listener: socket.socket, beat_fd: int | None = None) -> None:
        """Answer until SIGTERM; report the end of the start to the parent. Raises UserError."""
        raise_descriptor_limit()
        settings, clock, host = self.settings, SystemClock(), listener.getsockname()[0]
        await asyncio.to_thread(self.place.start, settings, signs=True, host=host)
        from control.distribution.endpoint import ProgramEndpoints
        from control.migrate import no_answer_reason
        from control.server import create_app

        async def unready_reason() -> str | None:
            return await asyncio.to_thread(no_answer_reason)

        key = find_machine_key(self.place.data, settings.follow)
        feed = ProgramEndpoints(key, settings.follow.waiting_max, clock) if key is not None else None
        app = create_app(
            probes_of(unready_reason, settings.http).routes(), settings.web, clock, feed.routes() if feed else ()
        )
        server = http_server(app, settings.serve.drain_timeout_s, limits_of(settings))
        if feed is not None:
            feed.stopping = lambda: server.should_exit
        _log.info("running", url=url_of(listener))
        report_ready(beat_fd)
        await server.serve(sockets=[listener])
        if feed is not None:
            await feed.close()
        _log.info("stopped")


def run_alone(process: WebProcess, listener: socket.socket, beat_fd: int | None = None) -> None:
    """Run the web process as this whole process."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    gc.set_threshold(*_GC_THRESHOLD)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(while_beating(process.run(listener, beat_fd), beat_fd))


def main() -> None:
    keep_files_private()
    arguments = ChildArguments.decode(sys.argv[1:])
    configure_logs("web")
    end_with_parent(arguments.life_fd)
    settings = load_settings()
    with user_errors_end_process():
        place = find_control_place(arguments.directory.root, None, settings)
        run_alone(WebProcess(place, settings), socket.socket(fileno=arguments.socket_fd), arguments.beat_fd)


if __name__ == "__main__":
    main()
