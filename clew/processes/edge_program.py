"""Program of an edge: read from a file, or followed from the control plane."""

import asyncio
import signal
from pathlib import Path

from clew.processes.following import follower_name, machine_key_or_error
from installation.control_source import ControlSource
from installation.directory import DataDir
from installation.edge_program import EdgeCopy, EdgeHolding
from installation.follower import Follower
from installation.program_file import ProgramError, load_program
from runtime.logs import logger
from runtime.settings import Settings
from tracker.edge import CurrentProgram

_log = logger("edge")
NOT_HEARD = "no program is known: the control plane has not answered yet"


class ProgramFromFile:
    """A program file, read at the start and on SIGHUP."""

    def __init__(self, path: Path) -> None:
        """Raises ProgramError."""
        self._path = path
        self.holder = CurrentProgram(load_program(path))

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Reload on SIGHUP."""
        loop.add_signal_handler(signal.SIGHUP, self._reload)

    def stop(self) -> None:
        """Do nothing: a file is not followed."""

    def _reload(self) -> None:
        try:
            self.holder.current = load_program(self._path)
            _log.info("program_loaded", hash=self.holder.current.hash)
        except ProgramError as error:
            _log.error("program_kept", error=str(error))


class FollowedProgram:
    """The published program: the stored copy first, then what the control plane publishes."""

    def __init__(self, data: DataDir, settings: Settings, worker: int) -> None:
        """Raises UserError, OSError."""
        key = machine_key_or_error(data.root, settings)
        name = f"edge-{worker}"
        self._holding = EdgeHolding(follower_name(name, data.root), data.published / name, key, self._changed)
        copy = self._holding.copy
        self.holder = CurrentProgram(copy.program, copy.routes)
        if not self._holding.was_stored:
            self.holder.unready_reason = NOT_HEARD
        source, follow = ControlSource(settings.follow.url, key), settings.follow
        self._follower = Follower(source, self._holding, follow.wait_s, follow.retry_pause_max_ms / 1000)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Follow from now on. SIGHUP, which reloads files, does nothing."""
        self._loop = loop
        loop.add_signal_handler(signal.SIGHUP, lambda: None)
        self._follower.start()

    def stop(self) -> None:
        """Stop following."""
        self._follower.stop()

    def _changed(self, copy: EdgeCopy) -> None:
        """Hand a new copy to the event loop, whose requests read it."""
        assert self._loop is not None
        program, routes = copy.program, copy.routes
        self._loop.call_soon_threadsafe(self.holder.follow, program, routes)
        _log.info("program_followed", sequence=copy.published.sequence, terms=program.hash)
