"""Time zone of the program that rules, as the engine knows it: with a program file, the control plane does not."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from control.engine.client import engine_client
from control.engine.scope import Scope
from control.errors import Refused
from control.program.load import program_settings
from runtime.clock import Clock, SystemClock

_KNOWN_S = 60.0
_UNKNOWN_S = 5.0
"""The engine is asked again after this time if it did not answer."""


@dataclass(frozen=True, slots=True)
class _Found:
    zone: str | None
    until_s: float


class ZoneOfProgram:
    """The zone, asked for once in a while. Threads share it."""

    def __init__(self, ask: Callable[[], str], clock: Clock) -> None:
        self._ask, self._clock, self._lock = ask, clock, Lock()
        self._found: _Found | None = None

    def read(self) -> str:
        """Return the zone; that of the control plane's program while the engine does not answer."""
        with self._lock:
            found = self._found
        if found is None or self._clock.monotonic_s() >= found.until_s:
            found = self._asked()
            with self._lock:
                self._found = found
        return found.zone if found.zone is not None else program_settings().timezone

    def _asked(self) -> _Found:
        now_s = self._clock.monotonic_s()
        try:
            return _Found(self._ask(), now_s + _KNOWN_S)
        except Refused:
            return _Found(None, now_s + _UNKNOWN_S)

    def forget(self) -> None:
        """Ask again at the next call."""
        with self._lock:
            self._found = None


def _of_engine() -> str:
    zone: str = engine_client().ask("program", {}, Scope())["timezone"]
    return zone


zone = ZoneOfProgram(_of_engine, SystemClock())


def program_zone() -> str:
    """Return the time zone of the program that rules."""
    return zone.read()
