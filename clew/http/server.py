"""Run uvicorn inside a process: serve on a given socket until SIGTERM, without ending the process."""

import asyncio
import os
import resource
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol, cast

import uvicorn
from starlette.types import ASGIApp

from clew.http.protocol import BoundedProtocol, HttpConfig, OnRefused
from clew.http.refusals import HttpLimits
from runtime import metrics
from runtime.logs import Throttled, logger
from runtime.settings import Settings

_log = Throttled(logger("http"))

SWEEP_TICKS = 10
"""Ticks of uvicorn, 0.1 s each, between two sweeps of connections."""
CROWDED_PART = 0.8
"""Part of the descriptors in use above which idle connections get less time."""
RESERVED_DESCRIPTORS = 16
"""Descriptors reserved for files; connections are closed before these are needed."""
SHED_PART = 20
"""Divisor: one in so many idle connections is closed when descriptors run out."""


class HttpServer(uvicorn.Server):
    """Server that stops on SIGTERM or SIGINT without ending the process, which still finishes answered work."""

    def __init__(self, config: HttpConfig) -> None:
        super().__init__(config)
        self._limits = config.limits
        self._other_descriptors = 0

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGTERM, signal.SIGINT)
        for number in numbers:
            loop.add_signal_handler(number, self._end)
        yield

    def _end(self) -> None:
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        if counter % SWEEP_TICKS == 0:
            if not counter:
                self._other_descriptors = open_descriptors() - len(self.server_state.connections)
            self.sweep()
        return await super().on_tick(counter)

    def sweep(self) -> None:
        """Close connections whose head is late or that were idle for too long."""
        connections = cast("set[BoundedProtocol]", self.server_state.connections)
        limits, now_s = self._limits, asyncio.get_running_loop().time()
        crowded = self._other_descriptors + len(connections) > CROWDED_PART * descriptors_max()
        idle_timeout_s = limits.crowded_idle_timeout_s if crowded else limits.idle_timeout_s
        for connection in tuple(connections):
            reason = connection.close_if_overdue(now_s, idle_timeout_s)
            if reason:
                metrics.count("clew_http_connections_closed_total", reason=reason)

    def make_room(self) -> None:
        """Close the longest idle connections when descriptors or connections run out, so that visitors are answered."""
        connections = cast("set[BoundedProtocol]", self.server_state.connections)
        free = descriptors_max() - RESERVED_DESCRIPTORS - self._other_descriptors - len(connections)
        if min(free, self._limits.connections_max - len(connections)) > 0:
            return
        idle = sorted((c for c in connections if c.is_idle), key=lambda c: c.active_s)
        shed = idle[: max(1, len(idle) // SHED_PART)]
        for connection in shed:
            connection.close_now()
        metrics.count("clew_http_connections_closed_total", len(shed), reason="descriptors")
        _log.error("descriptors_exhausted", connections=len(connections), descriptors_max=descriptors_max())


def open_descriptors() -> int:
    """Return the number of files and sockets that this process has open."""
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 64


def descriptors_max() -> int:
    """Return the current soft limit of open files."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def raise_descriptor_limit() -> None:
    """Raise the soft limit of open files to the hard limit; each connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def limits_of(settings: Settings) -> HttpLimits:
    """Return the limits of a process's connections."""
    return HttpLimits(
        url_bytes_max=settings.tracker.url_bytes_max,
        header_bytes_max=settings.tracker.header_bytes_max,
        connections_max=settings.http.connections_max,
        pipelined_requests_max=settings.http.pipelined_requests_max,
        head_timeout_s=settings.http.head_timeout_s,
        idle_timeout_s=settings.http.idle_timeout_s,
        crowded_idle_timeout_s=settings.http.crowded_idle_timeout_s,
        truncate_ip=settings.tracker.ip_privacy == "truncated",
    )


def http_server(
    app: ASGIApp, drain_timeout_s: int, limits: HttpLimits | None = None, on_refused: OnRefused | None = None
) -> HttpServer:
    """Make a server for an application. Requests in flight get `drain_timeout_s` when it stops."""
    config = HttpConfig(
        app,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=drain_timeout_s,
    )
    config.limits = limits or HttpLimits()
    config.on_refused = on_refused
    server = HttpServer(config)
    config.make_room = server.make_room
    return server


class Work(Protocol):
    """Work of a process that also answers HTTP."""

    async def run(self) -> None:
        """Run until `stop`, or until it fails."""
        ...

    def stop(self) -> None: ...


async def serve_with(server: HttpServer, listener: socket.socket, work: Work) -> None:
    """Work and answer until SIGTERM reaches the server or the work ends. Raises the error of the work."""
    working = asyncio.create_task(work.run())
    working.add_done_callback(lambda _: setattr(server, "should_exit", True))
    try:
        await server.serve(sockets=[listener])
    finally:
        work.stop()
    await working
