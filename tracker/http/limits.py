"""Limits of a request's body: size and time. The server limits the head while it reads it."""

import asyncio

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope

from tracker.http.json_answers import error_answer


class TooLarge(Exception):
    """The body is longer than its limit."""

    def __init__(self, bytes_max: int) -> None:
        super().__init__(f"the body is longer than {bytes_max} bytes")
        self.bytes_max = bytes_max


class TooSlow(Exception):
    """The body did not arrive in time."""


async def read_body(scope: Scope, receive: Receive, bytes_max: int, timeout_ms: int) -> bytes:
    """Read the whole body. Raises TooLarge, TooSlow, ClientDisconnect."""
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
