"""Parent process: bind the ports, start engine, edges, web and jobs, and restart them when they die.

Children end with the parent: a pipe tells them. Clew recovers at the next start from any crash.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from clew.http.server import descriptors_max, raise_descriptor_limit
from clew.http.sockets import PortTaken, bind, reach_url, url_of
from clew.processes.beats import BEAT_INTERVAL_S, hear
from clew.processes.child import ChildArguments
from installation.directory import DataDir
from installation.keys import load_or_make_keys
from installation.program_file import ProgramError, read_checked
from runtime import metrics, metrics_files
from runtime.clock import Clock
from runtime.file_lock import FileLocked, lock_file
from runtime.files import keep_files_private, write_private
from runtime.logs import Throttled, logger
from runtime.machine_key import find_machine_key
from runtime.settings import Settings, child_environment
from runtime.user_error import UNREACHABLE, UserError

_log = Throttled(logger("serve"))
_QUICK_DEATH_S = 1.0
_QUICK_DEATHS_MANY = 5
_RESTART_PAUSE_MAX_S = 10.0
DESCRIPTORS_MIN = 256
"""Number of open files that the embedded warehouse and a few hundred connections need."""
_BIND_FOR_S = 3.0
_JOBS_AFTER_MAX_S = 10.0
"""Longest time that the jobs worker waits for the start of the pages."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Options of `clew serve`.

    `log`, `warehouse` and `control` are addresses as they were given, with their passwords; "" means in the directory.
    """

    directory: DataDir
    program: Path | None
    """Program file; None follows the control plane."""
    host: str
    port: int
    api_port: int
    workers: int
    log: str = ""
    warehouse: str = ""
    on_servers: bool = False
    web_port: int | None = None
    """Port of console, portal and API; None runs neither them nor their jobs."""
    web_url: str = ""
    public_url: str = ""
    """Address of links, pixels and postbacks for the outside; "" is the tracking port itself."""
    control: str = ""
    child_log: Path | None = None
    """Log file of the children; None is stderr of this process."""


class AlreadyServed(Exception):
    """Another parent process runs on the data directory."""


@dataclass(slots=True)
class _Child:
    name: str
    module: str
    arguments: ChildArguments
    process: asyncio.subprocess.Process | None = None
    keeper: asyncio.Task[None] | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the child has reported that it has started; only the pages do."""


@dataclass(slots=True)
class Parent:
    """One run of `clew serve`."""

    options: ServeOptions
    settings: Settings
    clock: Clock
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    bound: "asyncio.Future[tuple[str, str, str]]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    """URLs of the tracking port, the API port and the web port ("" without one), set when they are bound."""
    _metrics: Path | None = None
    _tracking_url: str = ""
    """Address of links and postbacks, as the console shows it."""
    _engine_url: str = ""
    """Address of the engine's API for the control plane; "" if there is none here."""
    _follow_url: str = ""
    """Address of the control plane that the children follow; "" if a program file rules."""

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raises ProgramError, BadHost, PortTaken, UserError, OSError."""
        options, directory = self.options, self.options.directory
        keep_files_private()
        _check_descriptors()
        data = read_checked(options.program)[0] if options.program is not None else None
        bind(options.host, 0).close()  # a wrong host is found before a directory is made
        directory.make()
        with self._alone():
            tracking = await self._bind(options.port)
            api = await self._bind(options.api_port)
            web = await self._bind(options.web_port) if options.web_port is not None else None
            if web is not None:
                self._tracking_url = options.public_url or self.settings.web.tracking_url or reach_url(tracking)
                self._engine_url = self.settings.engine.url or reach_url(api)
                find_machine_key(directory.root, self.settings.follow)  # before processes that start at once look
            self._prepare_program(data, web)
            keys, now_ms = directory.keys(self.settings.keys), self.clock.now_us() // 1000
            load_or_make_keys(keys, os.urandom, now_ms, may_make=not directory.has_history())
            await self._prepare()
            with self._metrics_folder():
                await self._serve(tracking, api, web)

    async def _serve(self, tracking: socket.socket, api: socket.socket, web: socket.socket | None) -> None:
        """Start the children, restart them when they die, and stop them at the end."""
        options = self.options
        life_read, life_write = os.pipe()
        edges = [self._child("edge", "clew.processes.edge", n, tracking, life_read) for n in range(options.workers)]
        engine = self._child("engine", "clew.processes.engine", 0, api, life_read)
        pages = [self._child("web", "clew.processes.web", 0, web, life_read)] if web is not None else []
        jobs = [self._child("jobs", "clew.processes.jobs", 0, web, life_read)] if web is not None else []
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload, [engine, *edges])
        for child in (engine, *edges, *pages):
            child.keeper = asyncio.create_task(self._keep(child))
        for child in jobs:
            child.keeper = asyncio.create_task(self._keep_after(pages[0], child))
        self.bound.set_result((url_of(tracking), url_of(api), url_of(web) if web else ""))
        tracked, asked, shown = self.bound.result()
        _log.info("serving", tracking=tracked, api=asked, web=shown, data=str(options.directory.root))
        await self.stopping.wait()
        await self._stop([*edges, *pages, *jobs], self.settings.serve.drain_timeout_s + 5)
        await self._stop([engine], self.settings.serve.engine_stop_timeout_s)
        os.close(life_write)
        _log.info("stopped")

    async def _prepare(self) -> None:
        """On servers, create tables and topics. After a first start it goes on without them: edges can wait for them.

        Runs in a separate process, so that the parent stays small and never has a warehouse open.
        """
        if not self.options.on_servers:
            return
        words = (sys.executable, "-P", "-m", "clew", "migrate", "--data", str(self.options.directory.root))
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

    @contextlib.contextmanager
    def _metrics_folder(self) -> Iterator[None]:
        """Make the folder in which all processes share their metrics; None if it cannot be made."""
        metrics_files.remove_abandoned_folders()
        self._metrics = folder = metrics_files.make_folder()
        lock: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        try:
            if folder is not None:
                lock = lock_file(folder / "lock")
        except OSError as error:
            _log.error("metrics_not_shared", error=str(error))
            self._metrics = None
        try:
            with lock:
                yield
        finally:
            metrics_files.remove_folder(folder)

    def _environment(self) -> dict[str, str]:
        """Return the environment of a child. It has the addresses, because they may have passwords."""
        return {
            **child_environment(
                {"CLEW_LOG": self.options.log, "CLEW_WAREHOUSE": self.options.warehouse, **self._control_environment()}
            ),
            **self.settings.paths(),
        }

    def _control_environment(self) -> dict[str, str]:
        url = {"CLEW_WEB__URL": self.options.web_url} if self.options.web_url else {}
        addresses = {
            "CLEW_FOLLOW__URL": self._follow_url, "CLEW_ENGINE__URL": self._engine_url,
            "CLEW_WEB__TRACKING_URL": self._tracking_url,
        }  # fmt: skip
        return {"CLEW_CONTROL": self.options.control, **addresses, **url}

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Lock the directory: a second parent would start a second engine and replace the program."""
        path = self.options.directory.root / "serve.lock"
        try:
            lock = lock_file(path)
        except FileLocked:
            raise AlreadyServed(f"another `clew serve` runs on {self.options.directory.root}; stop it first") from None
        with lock:
            yield

    async def _bind(self, port: int) -> socket.socket:
        """Bind the port; retry, because children of a killed parent release its sockets within moments."""
        deadline_s = self.clock.monotonic_s() + _BIND_FOR_S
        while True:
            try:
                return bind(self.options.host, port)
            except PortTaken:
                if self.clock.monotonic_s() >= deadline_s:
                    raise
                await asyncio.sleep(0.1)

    def _child(self, name: str, module: str, worker: int, listener: socket.socket, life_fd: int) -> _Child:
        arguments = ChildArguments(self.options.directory, worker, listener.fileno(), life_fd, -1, url_of(listener))
        return _Child(f"{name}-{worker}" if name == "edge" else name, module, arguments)

    async def _keep_after(self, first: _Child, child: _Child) -> None:
        """Keep a child that starts after another one, so that its imports do not slow the start that people see."""
        waits = [asyncio.create_task(event.wait()) for event in (first.ready, self.stopping)]
        await asyncio.wait(waits, timeout=_JOBS_AFTER_MAX_S, return_when=asyncio.FIRST_COMPLETED)
        await self._keep(child)

    async def _keep(self, child: _Child) -> None:
        """Start the child, and restart it when it dies, until the parent stops. Retries after any error."""
        quick_deaths = 0
        while not self.stopping.is_set():
            started_s = self.clock.monotonic_s()
            try:
                code = await self._run_child(child)
            except Exception as error:  # noqa: BLE001 - the child must be restarted after any error
                _log.error("child_not_started", child=child.name, error=f"{type(error).__name__}: {error}")
                code = None
            if self.stopping.is_set():
                return
            if code is not None:
                _log.error("child_died", child=child.name, exit_code=code)
            metrics.count("clew_children_restarted_total", child=child.name)
            quick = self.clock.monotonic_s() - started_s < _QUICK_DEATH_S
            quick_deaths = quick_deaths + 1 if quick else 0
            await self._pause(_restart_pause_s(quick_deaths, self.settings.serve.restart_backoff_max_ms / 1000))

    async def _run_child(self, child: _Child) -> int:
        """Run a child until it ends; return its exit code. Raises OSError if it cannot be started."""
        environment = self._environment()
        if self._metrics is not None:
            environment[metrics_files.VARIABLE] = str(self._metrics)
        log = self.options.child_log.open("ab") if self.options.child_log is not None else None
        try:
            beat_read, beat_write = os.pipe()
        except OSError:
            if log is not None:
                log.close()
            raise
        arguments = replace(child.arguments, beat_fd=beat_write)
        try:
            child.process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", child.module, *arguments.encode(),
                env=environment, cwd=self.options.directory.root, start_new_session=True,
                pass_fds=(arguments.socket_fd, arguments.life_fd, beat_write), stdin=asyncio.subprocess.DEVNULL,
                stderr=log,
            )  # fmt: skip
        except BaseException:
            os.close(beat_read)
            raise
        finally:
            os.close(beat_write)
            if log is not None:
                log.close()
        watching = asyncio.create_task(self._watch(child, beat_read))
        code = await child.process.wait()
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        self._forget_metrics(child.process.pid)
        return code

    async def _watch(self, child: _Child, beat_fd: int) -> None:
        """Kill a child whose event loop has not run for too long, also during its start."""
        last_s = self.clock.monotonic_s()

        def beat() -> None:
            nonlocal last_s
            last_s = self.clock.monotonic_s()

        with hear(beat_fd, beat, child.ready.set):
            while True:
                await asyncio.sleep(BEAT_INTERVAL_S)
                silent_s = self.clock.monotonic_s() - last_s
                if silent_s > self.settings.serve.hang_timeout_s and not self.stopping.is_set():
                    _log.error("child_hangs", child=child.name, silent_s=round(silent_s))
                    _signal(child, signal.SIGKILL)
                    return

    def _forget_metrics(self, pid: int) -> None:
        if self._metrics is None:
            return
        try:
            metrics.forget_process(pid, self._metrics)
        except Exception as error:  # noqa: BLE001 - metrics must not keep a child from restarting
            _log.error("metrics_not_dropped", error=f"{type(error).__name__}: {error}")

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)

    async def _stop(self, children: list[_Child], timeout_s: float) -> None:
        """Send SIGTERM, wait, and send SIGKILL to children that do not end in time."""
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

    def _prepare_program(self, data: bytes | None, web: socket.socket | None) -> None:
        """Copy the program file, or get ready for processes that follow the control plane. Raises UserError."""
        directory = self.options.directory
        if data is not None:
            self._take_program(data)
            return
        find_machine_key(directory.root, self.settings.follow)  # before processes that start at once look for it
        directory.published.mkdir(mode=0o700, exist_ok=True)
        directory.program.unlink(missing_ok=True)  # a file that ruled before would rule commands on
        self._follow_url = self.settings.follow.url or (reach_url(web) if web is not None else "")

    def _take_program(self, data: bytes) -> None:
        """Copy the checked program, so that a child started later does not load a file that is being edited.

        Raises UserError, unless the same program is stored already.
        """
        copy = self.options.directory.program
        try:
            write_private(copy, data)
        except OSError as error:
            if not copy.is_file() or copy.read_bytes() != data:
                raise UserError(f"{copy} cannot be written: {error.strerror or error}", UNREACHABLE) from None
            _log.error("program_copy_kept", why=str(error))

    def _reload(self, children: list[_Child]) -> None:
        if self.options.program is None:
            _log.info("program_followed", url=self._follow_url)
            return
        try:
            data, program = read_checked(self.options.program)
            self._take_program(data)
        except (ProgramError, UserError, OSError) as error:
            _log.error("program_kept", why=str(error))
            return
        _log.info("program_taken", hash=program.hash)
        for child in children:
            _signal(child, signal.SIGHUP)


def _restart_pause_s(quick_deaths: int, pause_max_s: float) -> float:
    """Return the pause before a restart: 0 after a long life, half the setting after a short one, up to 10 s for a
    child that cannot start."""
    if quick_deaths <= _QUICK_DEATHS_MANY:
        return pause_max_s / 2 if quick_deaths else 0.0
    return min(_RESTART_PAUSE_MAX_S, pause_max_s * 2.0 ** min(10, quick_deaths - _QUICK_DEATHS_MANY))


def _check_descriptors() -> None:
    """Raise the limit of open files as far as the system allows. Raises UserError if that is too low."""
    raise_descriptor_limit()
    if descriptors_max() < DESCRIPTORS_MIN:
        raise UserError(
            f"this process may open {descriptors_max()} files, Clew needs {DESCRIPTORS_MIN}; raise the hard limit "
            "(ulimit -Hn, or LimitNOFILE= of a service)",
            UNREACHABLE,
        )


def _signal(child: _Child, number: signal.Signals) -> None:
    if child.process is not None and child.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.process.send_signal(number)
