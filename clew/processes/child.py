"""Common part of every child of `clew serve`: its address and sockets, and its end with the parent."""

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from installation.address import InstallationAddress, find_address
from installation.directory import DataDir
from installation.keys import KeysFileError
from installation.program_file import ProgramError
from runtime.logs import logger
from runtime.settings import Settings
from runtime.user_error import UNREACHABLE, UserError


@dataclass(frozen=True, slots=True)
class ChildArguments:
    """Arguments of a child's command line. Addresses are in the environment, because they may have passwords."""

    directory: DataDir
    worker: int
    socket_fd: int
    life_fd: int
    beat_fd: int
    """Pipe on which the child reports that its event loop runs."""
    url: str

    def encode(self) -> list[str]:
        return [
            str(self.directory.root),
            str(self.worker),
            str(self.socket_fd),
            str(self.life_fd),
            str(self.beat_fd),
            self.url,
        ]

    @classmethod
    def decode(cls, words: list[str]) -> "ChildArguments":
        root, worker, socket_fd, life_fd, beat_fd, url = words
        return cls(DataDir(Path(root)), int(worker), int(socket_fd), int(life_fd), int(beat_fd), url)

    def place(self, settings: Settings) -> InstallationAddress:
        """Return the address of the installation. Raises UserError."""
        return find_address(self.directory.root, None, None, settings)


def end_with_parent(life_fd: int) -> None:
    """Exit at once when the parent has ended in any way: its end of the pipe closes.

    Nothing is lost: answered events are durable, and the next start finishes the rest.
    """

    def watch() -> None:
        while os.read(life_fd, 1):
            pass
        os._exit(1)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


@contextlib.contextmanager
def user_errors_end_process() -> Iterator[None]:
    """Log an error that keeps a child from starting as one line; the parent retries."""
    try:
        yield
    except UserError as error:
        logger("child").error("not_started", why=str(error))
        raise SystemExit(error.exit_code) from None
    except (KeysFileError, ProgramError) as error:
        logger("child").error("not_started", why=str(error))
        raise SystemExit(UNREACHABLE) from None
