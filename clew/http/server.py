"""uvicorn as a part of a process: it serves on a given socket until SIGTERM, and leaves the process to its owner."""

import asyncio
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

import uvicorn
from starlette.types import ASGIApp


class HttpServer(uvicorn.Server):
    """A server that ends on SIGTERM or SIGINT without ending the process: what was answered is still to be finished."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGTERM, signal.SIGINT)
        for number in numbers:
            loop.add_signal_handler(number, self._end)
        yield

    def _end(self) -> None:
        self.should_exit = True


def http_server(app: ASGIApp, drain_timeout_s: int, header_bytes_max: int = 65_536) -> HttpServer:
    """A server for an application; requests in flight get `drain_timeout_s` at the end."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=drain_timeout_s,
        h11_max_incomplete_event_size=header_bytes_max,
    )
    return HttpServer(config)


class Work(Protocol):
    """What a process does beside answering HTTP."""

    async def run(self) -> None:
        """Until `stop`, or until it fails."""
        ...

    def stop(self) -> None: ...


async def serve_beside(server: HttpServer, listener: socket.socket, work: Work) -> None:
    """Work and answer until SIGTERM reaches the server, or the work ends; whatever made it fail comes out."""
    working = asyncio.create_task(work.run())
    working.add_done_callback(lambda _: setattr(server, "should_exit", True))
    try:
        await server.serve(sockets=[listener])
    finally:
        work.stop()
    await working
