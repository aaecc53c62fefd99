"""Children of a forked command that are forked from it, where the command would start Python anew.

A child of `clew serve` imports for 2 s of CPU what its parent has imported already. Everything that a parent can see of
a child stays: its pid, signals, exit code, streams, inherited descriptors, environment and session. /proc shows the
child's module as the name of the process, because the command line is that of the process that forked.

Children that start Python themselves are tested where `clew serve` is started without `fork`, such as by the demo.
"""

import asyncio
import atexit
import gc
import importlib
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from prometheus_client import values

from runtime import metrics

_DESCRIPTORS_MAX = 1 << 16


def fork_children() -> None:
    """Fork, from now on, children of this process that are modules of Clew."""
    subprocess.Popen = _Popen  # type: ignore[misc]


def name_of(module: str) -> str:
    """Name of the process of a module: `edge` of clew.processes.edge."""
    return module.rpartition(".")[2]


class _Popen(subprocess.Popen[Any]):
    def _execute_child(
        self, args: Any, executable: Any, preexec_fn: Any, close_fds: Any, pass_fds: Any, cwd: Any, env: Any,
        startupinfo: Any, creationflags: Any, shell: Any, p2cread: int, p2cwrite: int, c2pread: int, c2pwrite: int,
        errread: int, errwrite: int, *options: Any,
    ) -> None:  # fmt: skip
        pipes = p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite
        if tuple(args[:3]) != (sys.executable, "-P", "-m"):
            super()._execute_child(  # type: ignore[misc]
                args, executable, preexec_fn, close_fds, pass_fds, cwd, env, startupinfo, creationflags, shell, *pipes,
                *options,
            )  # fmt: skip
            return
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if not pid:
            is_session = bool(options[-2])  # start_new_session; the last option is the process group
            _become(args[3], args[4:], (p2cread, c2pwrite, errwrite), pass_fds, cwd, env, is_session)
        self.pid, self._child_created = pid, True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


def _become(
    module: str, words: Sequence[str], streams: Sequence[int], passed: Iterable[int], folder: Path | None,
    environment: Mapping[str, str] | None, is_session: bool,
) -> NoReturn:  # fmt: skip
    """Run a module as this process, and end. Nothing of the parent's event loop goes on in it."""
    code = 1
    try:
        _reset_signals()
        for target, descriptor in enumerate(streams):
            if descriptor >= 0:
                os.dup2(descriptor, target)
        _close_all_but(passed)
        if is_session:
            os.setsid()
        if environment is not None:
            os.environ.clear()
            os.environ.update(environment)
        if folder is not None:
            os.chdir(folder)
        Path("/proc/self/comm").write_text(name_of(module))
        asyncio._set_running_loop(None)
        _reset_metrics()
        gc.freeze()
        sys.argv = [module, *words]
        code = _exit_code_of(module)
    except BaseException:  # noqa: BLE001 - like Python itself
        traceback.print_exc()
    finally:
        _end(code)


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _close_all_but(kept: Iterable[int]) -> None:
    first = 3
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        os.set_inheritable(descriptor, True)
        first = descriptor + 1
    os.closerange(first, _DESCRIPTORS_MAX)


def _reset_metrics() -> None:
    """Count from 0 and in the folder that the environment names, as after an import."""
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    importlib.reload(metrics)


def _exit_code_of(module: str) -> int:
    try:
        importlib.import_module("clew.__main__" if module == "clew" else module).main()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return end.code or 0
    return 0


def _end(code: int) -> NoReturn:
    """End as Python does; what lies below on the stack belongs to the parent."""
    try:
        with suppress(Exception):
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
    finally:
        os._exit(code)
