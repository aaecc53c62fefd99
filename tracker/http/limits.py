"""Bounds of a request: length of its target, size of its head, size and time of its body."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tracker.http.responses import error_answer

OnRefused = Callable[[Scope, str], Awaitable[None]]


class TooLarge(Exception):
    """The body is over its limit."""

    def __init__(self, bytes_max: int) -> None:
        super().__init__(f"the body is longer than {bytes_max} bytes")
        self.bytes_max = bytes_max


class TooSlow(Exception):
    """The body did not come in time."""


class Limits:
    """ASGI middleware: a request with too long a target or head gets 414 or 431, and `on_refused` hears of it."""

    def __init__(self, app: ASGIApp, url_bytes_max: int, header_bytes_max: int, on_refused: OnRefused) -> None:
        self._app, self._on_refused = app, on_refused
        self._url_bytes_max, self._header_bytes_max = url_bytes_max, header_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refused(scope) if scope["type"] == "http" else None
        if refused is None:
            await self._app(scope, receive, send)
            return
        field, answer = refused
        await self._on_refused(scope, field)
        await answer(scope, receive, send)

    def _refused(self, scope: Scope) -> tuple[str, Response] | None:
        if len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"]) > self._url_bytes_max:
            fix = f"send a URL of at most {self._url_bytes_max} bytes; postbacks may put fields into the body"
            return "url", error_answer(414, "url_too_long", "url", fix)
        head_bytes = 0
        for name, value in scope["headers"]:
            head_bytes += len(name) + len(value) + 4
        if head_bytes > self._header_bytes_max:
            fix = f"send at most {self._header_bytes_max} bytes of headers"
            return "headers", error_answer(431, "headers_too_large", "headers", fix)
        return None


async def read_body(scope: Scope, receive: Receive, bytes_max: int, timeout_ms: int) -> bytes:
    """The whole body. Raises TooLarge, TooSlow, ClientDisconnect."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > bytes_max:
            raise TooLarge(bytes_max)
    try:
        async with asyncio.timeout(timeout_ms / 1_000):
            return await _read(receive, bytes_max)
    except TimeoutError:
        raise TooSlow from None


async def _read(receive: Receive, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        size += len(part)
        if size > bytes_max:
            raise TooLarge(bytes_max)
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def too_large_answer(error: TooLarge) -> Response:
    return error_answer(413, "body_too_large", "body", f"send at most {error.bytes_max} bytes at once")


def too_slow_answer() -> Response:
    return error_answer(408, "body_too_slow", "body", "send the whole body at once")
