"""The only module that reads clocks. Other code receives the time as an argument or as a Clock."""

import time
from typing import Protocol


class Clock(Protocol):
    def now_us(self) -> int:
        """Return microseconds since 1970, UTC. May jump when the machine's clock is set."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds for measuring spans; never goes backward."""
        ...


class SystemClock:
    def now_us(self) -> int:
        return time.time_ns() // 1_000

    def monotonic_s(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock for tests, which set and advance it."""

    def __init__(self, now_us: int) -> None:
        self.us = now_us

    def now_us(self) -> int:
        return self.us

    def monotonic_s(self) -> float:
        return self.us / 1e6

    def step_us(self, by_us: int) -> None:
        self.us += by_us
