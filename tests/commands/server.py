"""The process that commands are forked from: `python -m tests.commands.server FD`; started by tests.commands.fork.

It imports Clew once and uses nothing of it, so that it has no thread, connection or engine that a fork would break.
Each message on the socket is one command, with its three standard streams and a pipe for its pid and exit code.
"""

import contextlib
import gc
import json
import os
import runpy
import select
import socket
import sys
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

from tests.commands.children import fork_children
from tests.commands.messages import write_number

PACKAGES = (
    "runtime", "schemas", "program", "eventlog", "warehouse", "tracker", "ingest", "attribution", "reporting",
    "installation", "operations", "integrations", "clew",
)  # fmt: skip
MESSAGE_BYTES_MAX = 1 << 17
DESCRIPTORS = 4


def import_clew() -> None:
    """Import every module of Clew; the control plane's only with Django, which each process sets up for itself."""
    for name in PACKAGES:
        for module in walk_packages(import_module(name).__path__, f"{name}."):
            if not module.name.endswith("__main__"):
                import_module(module.name)
    threads = os.listdir("/proc/self/task")
    assert len(threads) == 1, f"a process with {len(threads)} threads must not fork"
    gc.collect()
    gc.freeze()


def serve(listener: socket.socket) -> list[str] | None:
    """Fork commands until the other end is closed. Returns in a command's process with the words of the command."""
    running: dict[int, tuple[int, int]] = {}
    poller = select.poll()
    poller.register(listener, select.POLLIN)
    while True:
        for ready, _ in poller.poll():
            if ready in running:
                pid, status = running.pop(ready)
                poller.unregister(ready)
                os.close(ready)
                _tell(status, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                os.close(status)
                continue
            message, descriptors, _, _ = socket.recv_fds(listener, MESSAGE_BYTES_MAX, DESCRIPTORS)
            if not message:
                return None
            pid = os.fork()
            if not pid:
                return _become(json.loads(message), descriptors[:3])
            for descriptor in descriptors[:3]:
                os.close(descriptor)
            _tell(descriptors[3], pid)
            watched = os.pidfd_open(pid)
            running[watched] = pid, descriptors[3]
            poller.register(watched, select.POLLIN)


def _tell(status: int, number: int) -> None:
    """Nobody may be there to read."""
    with contextlib.suppress(BrokenPipeError):
        write_number(status, number)


def _become(command: dict[str, Any], streams: list[int]) -> list[str]:
    for target, descriptor in enumerate(streams):
        os.dup2(descriptor, target)
    os.closerange(3, 1 << 16)
    os.environ.clear()
    os.environ.update(command["environment"])
    os.chdir(command["folder"])
    os.umask(command["umask"])
    words: list[str] = command["words"]
    return words


def main() -> None:
    import_clew()
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        words = serve(listener)
        if words is None:
            return
        listener.detach()
    fork_children()
    sys.argv[1:] = words[1:]
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
