"""Requests to receivers: connected to the address that was checked, bounded in time and bytes, without redirects."""

import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpcore
import httpx

from control.deadline import BoundedStream, Deadline
from control.webhooks.models import ANSWER_BYTES_MAX
from control.webhooks.target import LOOK_UP_TIMEOUT_S, Network, Target, TargetRefused, parse_target, resolve
from runtime.clock import Clock

FAILURES = (httpcore.NetworkError, httpcore.ProtocolError, OSError, UnicodeError)
_MARKS = {"User-Agent": "Clew-Webhooks", "Content-Type": "application/json", "Accept": "*/*"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of one request."""

    status: int | None = None
    """Status of the answer; None without an answer."""
    answer: str = ""
    """First bytes of the answer."""
    error: str = ""
    retry_after_s: int = 0
    """Pause that the receiver asks for."""

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class CheckedNetwork(httpcore.NetworkBackend):
    """Connects to the address that was checked; the name is resolved once, so that it cannot change in between."""

    def __init__(self, target: Target, networks: Sequence[Network], deadline: Deadline) -> None:
        self._target, self._networks, self._deadline = target, networks, deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        address = resolve(self._target, self._networks, min(LOOK_UP_TIMEOUT_S, self._deadline.left_s()))
        left_s = self._deadline.left_s()
        inner = self._inner.connect_tcp(str(address), self._target.port, left_s, local_address, socket_options)
        return BoundedStream(inner, self._deadline)


@cache
def tls_context() -> ssl.SSLContext:
    return httpx.create_ssl_context()


class Line:
    """Connection to one receiver, used for several requests."""

    def __init__(self, url: str, pool: httpcore.ConnectionPool, deadline: Deadline) -> None:
        self._url, self._pool, self._deadline = url, pool, deadline

    def post(self, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send one request."""
        self._deadline.restart()
        given = [(name.encode(), value.encode()) for name, value in {**_MARKS, **headers}.items()]
        try:
            with self._pool.stream("POST", self._url, headers=given, content=body) as response:
                content = b""
                for chunk in response.iter_stream():
                    content += chunk
                    if len(content) >= ANSWER_BYTES_MAX:
                        break
                return Outcome(response.status, _text(content), _error(response.status), _pause_s(response.headers))
        except TargetRefused as error:
            return Outcome(error=str(error))
        except httpcore.TimeoutException:
            return Outcome(error=f"the receiver gave no answer within {self._deadline.timeout_s:g} s")
        except FAILURES as error:
            return Outcome(error=str(error) or type(error).__name__)


@contextmanager
def open_line(url: str, networks: Sequence[Network], clock: Clock, timeout_s: float) -> Iterator[Line]:
    """Open a connection to a receiver when the first request is sent. Raises TargetRefused for a wrong URL."""
    deadline = Deadline(clock, timeout_s)
    network = CheckedNetwork(parse_target(url), networks, deadline)
    with httpcore.ConnectionPool(ssl_context=tls_context(), max_connections=1, network_backend=network) as pool:
        yield Line(url, pool, deadline)


def _text(content: bytes) -> str:
    """Return an answer as text that every database can hold."""
    return content[:ANSWER_BYTES_MAX].decode("utf-8", "replace").replace("\x00", "\ufffd")


def _error(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"the receiver answered {status}; redirects are not followed, so give the final address"
    return f"the receiver answered {status}"


def _pause_s(headers: Sequence[tuple[bytes, bytes]]) -> int:
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit() and len(value) < 9:
            return int(value)
    return 0
