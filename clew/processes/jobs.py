"""Process that does the jobs of the control plane. A child of `clew serve`, or `clew jobs`."""

import asyncio
import os
import secrets
import signal
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvloop

from clew.http.health import health_app
from clew.http.server import http_server, limits_of, raise_descriptor_limit, serve_with
from clew.http.sockets import url_of
from clew.processes.beats import while_beating
from clew.processes.child import ChildArguments, end_with_parent, user_errors_end_process
from clew.processes.control_plane import ControlPlace, find_control_place
from runtime.files import keep_files_private
from runtime.logs import configure_logs, logger
from runtime.settings import Settings, load_settings

if TYPE_CHECKING:
    from control.jobs.worker import Worker

_log = logger("jobs")


@dataclass(frozen=True, slots=True)
class _Work:
    """A worker, as work of a process that also answers probes."""

    worker: "Worker"
    drain_timeout_s: int

    async def run(self) -> None:
        """Work until `stop`, then finish the jobs that run."""
        _log.info("running", worker=self.worker.name)
        in_time = await asyncio.to_thread(self.worker.run, self.drain_timeout_s)
        _log.info("stopped", jobs_ended=in_time)

    def stop(self) -> None:
        self.worker.stop()


@dataclass(frozen=True, slots=True)
class JobsProcess:
    """A worker, as a process."""

    place: ControlPlace
    settings: Settings

    async def run(self, listener: socket.socket | None) -> None:
        """Work until SIGTERM, and answer probes if there is a port. Raises UserError."""
        raise_descriptor_limit()
        settings = self.settings
        # Django is imported in one thread only: two that import it at once see halves of its modules.
        # Webhooks are signed with secrets that the key unseals; a worker without it does the other jobs.
        web = settings.web
        has_key = self.place.data is not None or web.secret_key is not None or web.secret_key_file is not None
        await asyncio.to_thread(self.place.start, settings, signs=has_key)
        from control.jobs.worker import Worker
        from control.migrate import no_answer_reason

        name = f"{socket.gethostname()[:80]}:{os.getpid()}:{secrets.token_hex(4)}"
        work = _Work(Worker(name, settings.jobs), settings.serve.drain_timeout_s)
        if listener is None:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, work.stop)
            await work.run()
            return

        async def unready_reason() -> str | None:
            return await asyncio.to_thread(no_answer_reason)

        server = http_server(
            health_app(unready_reason, settings.http), settings.serve.drain_timeout_s, limits_of(settings)
        )
        _log.info("probes", url=url_of(listener))
        await serve_with(server, listener, work)


def run_alone(process: JobsProcess, listener: socket.socket | None, beat_fd: int | None = None) -> None:
    """Run the worker as this whole process."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(while_beating(process.run(listener), beat_fd))


def main() -> None:
    keep_files_private()
    arguments = ChildArguments.decode(sys.argv[1:])
    configure_logs("jobs")
    end_with_parent(arguments.life_fd)
    socket.socket(fileno=arguments.socket_fd).close()  # the web process answers on it
    settings = load_settings()
    with user_errors_end_process():
        place = find_control_place(arguments.directory.root, None, settings)
        run_alone(JobsProcess(place, settings), None, arguments.beat_fd)


if __name__ == "__main__":
    main()
