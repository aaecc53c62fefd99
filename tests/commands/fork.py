"""Python modules as processes that are forked from one that has imported Clew: imports are most of a command's CPU.

Everything else is as with `python -m`: a process of its own with its environment and streams, which may be killed,
stopped and waited for. Its children are forked from it, see children.py. Tests of the start of Python itself use
subprocess.
"""

import atexit
import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.commands.messages import read_number

ROOT = Path(__file__).resolve().parents[2]
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""Settings of libraries that would start threads when they are imported."""


class Command:
    """A process, with the methods of subprocess.Popen that tests use."""

    def __init__(self, status: int, args: Sequence[str]) -> None:
        self._status, self._lock = status, threading.Lock()
        self.args = args
        self.returncode: int | None = None
        self.pid = read_number(status)

    def __del__(self) -> None:
        os.close(self._status)

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code; of a process that a signal ended, the negative number of it."""
        if self.returncode is None:
            poller = select.poll()
            poller.register(self._status, select.POLLIN)
            if not poller.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            with self._lock:
                if self.returncode is None:
                    self.returncode = read_number(self._status)
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


Process = Command | subprocess.Popen[bytes]


class _Server:
    """The process that forks, and our end of its socket."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.commands.server", str(theirs.fileno())],
                cwd=ROOT, env={**os.environ, **ONE_THREAD}, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
            )  # fmt: skip

    def fork(self, command: dict[str, Any], streams: list[int]) -> Command:
        ours, theirs = os.pipe()
        try:
            with self._lock:
                socket.send_fds(self._socket, [json.dumps(command).encode()], [*streams, theirs])
        finally:
            os.close(theirs)
        return Command(ours, command["words"])

    def close(self) -> None:
        self._socket.close()
        self._process.wait(20)


@functools.cache
def _server() -> _Server:
    made = _Server()
    atexit.register(made.close)
    return made


def spawn(
    words: Sequence[str], stdout: int, stderr: int, env: Mapping[str, str] | None = None, stdin: int | None = None
) -> Command:
    """Start a module with arguments; without `stdin`, its standard input is empty."""
    umask = os.umask(0o077)
    os.umask(umask)
    environment = dict(os.environ if env is None else env)
    command = {"words": list(words), "environment": environment, "folder": os.getcwd(), "umask": umask}
    with open(os.devnull, "rb") as nothing:
        return _server().fork(command, [nothing.fileno() if stdin is None else stdin, stdout, stderr])


def run(
    words: Sequence[str], timeout_s: float, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a module to its end, and return what it printed. Raises subprocess.TimeoutExpired; then it is killed."""
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        command = spawn(words, stdout.fileno(), stderr.fileno(), env)
        try:
            code = command.wait(timeout_s)
        finally:
            command.kill()
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(list(words), code, stdout.read(), stderr.read())


def clew(*words: str, timeout_s: float = 200, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command of Clew to its end."""
    return run(["clew", *words], timeout_s, env)
