"""The parent: binds the ports, starts the engine and the edge workers, starts them again when they die.

Children end with it (a pipe tells them), and a start after any crash needs no help.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from clew.http.sockets import PortTaken, bind, url_of
from clew.processes.child import ChildArguments
from installation.directory import DataDir
from installation.keys import load_or_make_keys
from installation.program_file import ProgramError, load_program
from runtime import metrics
from runtime.clock import Clock
from runtime.file_lock import Held, hold
from runtime.files import write_private
from runtime.logs import logger
from runtime.settings import Settings, child_environment
from runtime.user_error import UNREACHABLE, UserError

_log = logger("serve")
_QUICK_DEATH_S = 1.0
_BIND_FOR_S = 3.0


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """`log` and `warehouse` are addresses as they were given, with their passwords; "" means in the directory."""

    directory: DataDir
    program: Path
    host: str
    port: int
    api_port: int
    workers: int
    log: str = ""
    warehouse: str = ""
    on_servers: bool = False
    child_log: Path | None = None
    """Where children log; None is this process's stderr."""


class AlreadyServed(Exception):
    """Another parent runs on the data directory."""


@dataclass(slots=True)
class _Child:
    name: str
    module: str
    arguments: ChildArguments
    process: asyncio.subprocess.Process | None = None
    keeper: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Parent:
    """One run of `clew serve`."""

    options: ServeOptions
    settings: Settings
    clock: Clock
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    bound: "asyncio.Future[tuple[str, str]]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """URLs of the tracking and the API port, once they are bound."""

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raises ProgramError, PortTaken, UserError, OSError."""
        options, directory = self.options, self.options.directory
        load_program(options.program)
        directory.make()
        with self._alone():
            tracking = await self._bind(options.port)
            api = await self._bind(options.api_port)
            self._take_program()
            await self._prepare()
            load_or_make_keys(directory.keys(self.settings.keys), os.urandom, self.clock.now_us() // 1000)
            _empty(directory.metrics)
            await self._serve(tracking, api)

    async def _serve(self, tracking: socket.socket, api: socket.socket) -> None:
        """Start the children, keep them, and stop them when it is time."""
        options = self.options
        life_read, life_write = os.pipe()
        edges = [self._child("edge", "clew.processes.edge", n, tracking, life_read) for n in range(options.workers)]
        engine = self._child("engine", "clew.processes.engine", 0, api, life_read)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload, [engine, *edges])
        for child in (engine, *edges):
            child.keeper = asyncio.create_task(self._keep(child))
        self.bound.set_result((url_of(tracking), url_of(api)))
        _log.info("serving", tracking=url_of(tracking), api=url_of(api), data=str(options.directory.root))
        await self.stopping.wait()
        await self._stop(edges, self.settings.serve.drain_timeout_s + 5)
        await self._stop([engine], self.settings.serve.engine_stop_timeout_s)
        os.close(life_write)
        _log.info("stopped")

    async def _prepare(self) -> None:
        """On servers, make tables and topics. Once it has served, it starts without them too: edges can wait for them.

        In a process of its own: the parent stays small, and is never one that has a warehouse open.
        """
        if not self.options.on_servers:
            return
        words = (sys.executable, "-m", "clew", "migrate", "--data", str(self.options.directory.root))
        process = await asyncio.create_subprocess_exec(
            *words, env=self._environment(), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        _, said = await process.communicate()
        if not process.returncode:
            return
        sentence = said.decode(errors="replace").strip().rpartition("clew: ")[2]
        if not self.options.directory.spill.is_dir() or process.returncode != UNREACHABLE:
            raise UserError(sentence, process.returncode)
        _log.error("not_prepared", why=sentence)

    def _environment(self) -> dict[str, str]:
        """Addresses go to children where passwords go: into the environment, which others do not see."""
        return child_environment({"CLEW_LOG": self.options.log, "CLEW_WAREHOUSE": self.options.warehouse})

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the directory: a second parent would start a second engine and take the program away."""
        path = self.options.directory.root / "serve.lock"
        try:
            held = hold(path)
        except Held:
            raise AlreadyServed(f"another `clew serve` runs on {self.options.directory.root}; stop it first") from None
        with held:
            yield

    async def _bind(self, port: int) -> socket.socket:
        """Bind; children of a parent that was killed let go of its sockets within moments."""
        deadline_s = self.clock.monotonic_s() + _BIND_FOR_S
        while True:
            try:
                return bind(self.options.host, port)
            except PortTaken:
                if self.clock.monotonic_s() >= deadline_s:
                    raise
                await asyncio.sleep(0.1)

    def _child(self, name: str, module: str, worker: int, listener: socket.socket, life_fd: int) -> _Child:
        arguments = ChildArguments(self.options.directory, worker, listener.fileno(), life_fd, url_of(listener))
        return _Child(name if name == "engine" else f"{name}-{worker}", module, arguments)

    async def _keep(self, child: _Child) -> None:
        """Start the child, and again whenever it dies before we stop."""
        log = self.options.child_log.open("ab") if self.options.child_log is not None else None
        environment = self._environment() | {"PROMETHEUS_MULTIPROC_DIR": str(self.options.directory.metrics)}
        while not self.stopping.is_set():
            started_s = self.clock.monotonic_s()
            child.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", child.module, *child.arguments.encode(),
                env=environment, pass_fds=(child.arguments.socket_fd, child.arguments.life_fd),
                start_new_session=True, stdin=asyncio.subprocess.DEVNULL, stderr=log,
            )  # fmt: skip
            code = await child.process.wait()
            metrics.forget_process(child.process.pid, self.options.directory.metrics)
            if self.stopping.is_set():
                return
            _log.error("child_died", child=child.name, exit_code=code)
            metrics.count("clew_children_restarted_total", child=child.name)
            if self.clock.monotonic_s() - started_s < _QUICK_DEATH_S:
                await asyncio.sleep(self.settings.serve.restart_backoff_max_ms / 1000 / 2)

    async def _stop(self, children: list[_Child], timeout_s: float) -> None:
        """SIGTERM, wait, and SIGKILL for those that do not end in time."""
        for child in children:
            _signal(child, signal.SIGTERM)
        keepers = [child.keeper for child in children if child.keeper is not None]
        _, late = await asyncio.wait(keepers, timeout=timeout_s)
        for child in children:
            if child.keeper in late:
                _log.error("child_killed", child=child.name, waited_s=timeout_s)
                _signal(child, signal.SIGKILL)
        if late:
            await asyncio.wait(late)

    def _take_program(self) -> None:
        """Copy the file, so that children which start later load what was checked, not what is being edited."""
        write_private(self.options.directory.program, self.options.program.read_bytes())

    def _reload(self, children: list[_Child]) -> None:
        try:
            program = load_program(self.options.program)
            self._take_program()
        except (ProgramError, OSError) as error:
            _log.error("program_kept", why=str(error))
            return
        _log.info("program_taken", hash=program.hash)
        for child in children:
            _signal(child, signal.SIGHUP)


def _signal(child: _Child, number: signal.Signals) -> None:
    if child.process is not None and child.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.process.send_signal(number)


def _empty(folder: Path) -> None:
    """Counters of processes that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.db"):
        path.unlink()
