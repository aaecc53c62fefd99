"""Client of the control plane's feed of programs. It blocks, so a follower has a thread for it."""

import http.client
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from program.feed import CONTENTS_MAX, CONTENTS_PATH, PROGRAM_PATH, Answer, Asked, Contents, Wanted

_T = TypeVar("_T")
_REPLY_TIMEOUT_S = 15
"""Longest silence of the control plane beyond the wait that was asked for."""
_BODY_BYTES_MAX = 512 << 20


class ControlAway(Exception):
    """The control plane did not answer, or answered with an error; the message says which."""


class _Reply(NamedTuple):
    status: int
    body: bytes


class ControlSource:
    """The control plane at one address, asked with the key of the machines. Not thread-safe."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._is_tls = parts.hostname or "", parts.port, parts.scheme == "https"
        self._headers = {"Authorization": f"Bearer {key}", "Host": parts.netloc}
        self._tls = ssl.create_default_context() if self._is_tls else None
        self._kept: http.client.HTTPConnection | None = None

    def ask(self, asked: Asked, wait_s: int) -> Answer | None:
        """Return the newest version as far as the follower lacks it; None if nothing is new. Raises ControlAway."""
        query = urlencode({**msgspec.structs.asdict(asked), "wait": wait_s})
        reply = self._send("GET", f"{PROGRAM_PATH}?{query}", None, wait_s + _REPLY_TIMEOUT_S)
        return None if reply.status == 204 else _decoded(reply, Answer)

    def contents(self, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return all these contents. Raises ControlAway, also if the control plane lacks one of them."""
        found: dict[bytes, bytes] = {}
        missing = list(dict.fromkeys(hashes))
        while missing:
            body = msgspec.msgpack.encode(Wanted(missing[:CONTENTS_MAX]))
            some = _decoded(self._send("POST", CONTENTS_PATH, body, _REPLY_TIMEOUT_S), Contents).contents
            if not some.keys() & set(missing):
                raise ControlAway(f"the control plane lacks {len(missing)} contents of the program")
            found |= some
            missing = [digest for digest in missing if digest not in found]
        return found

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _send(self, method: str, target: str, body: bytes | None, timeout_s: float) -> _Reply:
        with self._errors_as_control_away():
            try:
                return self._try(method, target, body, timeout_s)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.close()  # a kept connection may have been closed while nothing was sent
                return self._try(method, target, body, timeout_s)

    def _try(self, method: str, target: str, body: bytes | None, timeout_s: float) -> _Reply:
        connection = self._kept or self._connect(timeout_s)
        self._kept = connection
        if connection.sock is not None:
            connection.sock.settimeout(timeout_s)
        connection.request(method, target, body, self._headers)
        response = connection.getresponse()
        content = response.read(_BODY_BYTES_MAX + 1)
        if len(content) > _BODY_BYTES_MAX:
            raise ControlAway(f"the answer is longer than {_BODY_BYTES_MAX} bytes")
        return _Reply(response.status, content)

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        if self._tls is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout_s, context=self._tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)

    @contextmanager
    def _errors_as_control_away(self) -> Iterator[None]:
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise ControlAway(f"{type(error).__name__}: {error}") from None


def _decoded(reply: _Reply, kind: type[_T]) -> _T:
    if reply.status != 200:
        raise ControlAway(f"the control plane answered {reply.status}: {reply.body[:200].decode(errors='replace')}")
    try:
        return msgspec.msgpack.decode(reply.body, type=kind)
    except msgspec.DecodeError as error:
        raise ControlAway(f"the answer cannot be read: {error}") from None
