"""Followers of the program: a thread that asks the control plane, and hands on every new version.

It waits and tries again as long as the control plane is unavailable, so an edge or engine goes on with what it has.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from installation.control_source import ControlSource
from program.feed import Answer, Asked
from runtime import metrics
from runtime.logs import Throttled, logger

_log = Throttled(logger("follower"))
RETRY_PAUSE_MIN_S = 0.1
STOP_TIMEOUT_S = 5.0


class Holding(Protocol):
    """A follower's copy of the program."""

    def asked(self) -> Asked:
        """Describe the copy."""
        ...

    def take(self, answer: Answer, find: Callable[[Sequence[bytes]], Mapping[bytes, bytes]]) -> None:
        """Apply an answer. Raises BadTree if it is wrong; then the copy stays."""
        ...


class Follower:
    """One thread that keeps a copy of the program up to date."""

    def __init__(self, source: ControlSource, holding: Holding, wait_s: int, retry_pause_max_s: float) -> None:
        self._source, self._holding, self._wait_s = source, holding, wait_s
        self._retry_pause_max_s = retry_pause_max_s
        self._stopping = threading.Event()
        self._taking = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let no further answer be applied, and wait for one that is; a request that waits ends with the process."""
        self._stopping.set()
        if self._taking.acquire(timeout=STOP_TIMEOUT_S):
            self._taking.release()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self.step(self._wait_s)
                failures = 0
            except Exception as error:  # noqa: BLE001 - after any error an edge goes on with what it has
                failures += 1
                metrics.count("clew_program_follow_errors_total")
                _log.error("program_not_followed", why=f"{type(error).__name__}: {str(error)[:300]}")
                self._stopping.wait(retry_pause_s(failures, self._retry_pause_max_s))
        self._source.close()

    def step(self, wait_s: int) -> None:
        """Ask once and apply the answer. Raises ControlAway, BadTree, OSError."""
        asked = self._holding.asked()
        answer = self._source.ask(asked, wait_s)
        if answer is None:
            return
        with self._taking:
            if not self._stopping.is_set():  # the warehouse may be closed already
                self._holding.take(answer, lambda hashes: self._contents(answer, hashes))

    def _contents(self, answer: Answer, hashes: Sequence[bytes]) -> Mapping[bytes, bytes]:
        missing = [digest for digest in hashes if digest not in answer.contents]
        return {**answer.contents, **self._source.contents(missing)} if missing else answer.contents


def retry_pause_s(failures: int, pause_max_s: float) -> float:
    """Return the pause after some failures in a row: it doubles up to the longest one."""
    return min(pause_max_s, RETRY_PAUSE_MIN_S * 2.0 ** min(failures - 1, 20))
