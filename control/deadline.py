"""Connections to other systems that end at a deadline, whatever the other side does."""

import ssl
from typing import Any

import httpcore

from runtime.clock import Clock


class Deadline:
    """Time at which the present request ends, whatever it is doing."""

    def __init__(self, clock: Clock, timeout_s: float) -> None:
        self._clock, self.timeout_s = clock, timeout_s
        self._end_s = 0.0
        self.restart()

    def restart(self) -> None:
        self._end_s = self._clock.monotonic_s() + self.timeout_s

    def left_s(self) -> float:
        """Return the time that is left. Raises TimeoutException if there is none."""
        left_s = self._end_s - self._clock.monotonic_s()
        if left_s <= 0:
            raise httpcore.ReadTimeout("the time is up")
        return left_s


class BoundedStream(httpcore.NetworkStream):
    """Connection whose every step ends at the deadline: a server that sends a byte at a time gains no time."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.left_s())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left_s = self._deadline.left_s()
        return BoundedStream(self._inner.start_tls(ssl_context, server_hostname, left_s), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
