"""Hostile clients. Each sends a bounded amount to a port of this machine, and stops by itself."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

HOST = b"Host: track.example\r\n"
SEND_TIMEOUT_S = 3.0
"""A client whose bytes nobody takes gives up after it."""


def _stream(port: int, head: bytes, piece: bytes, bytes_max: int, read: bool = False) -> int:
    """Send `head`, then `piece` again and again up to `bytes_max`; how many bytes were taken."""
    sent = 0
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), SEND_TIMEOUT_S) as client:
        client.sendall(head)
        block = piece * max(1, 65_536 // len(piece))
        while sent < bytes_max:
            client.sendall(block)
            sent += len(block)
            if read:
                client.recv(1)
    return sent


def endless_header_lines(port: int, bytes_max: int) -> int:
    return _stream(port, b"GET /healthz HTTP/1.1\r\n" + HOST, b"x:\r\n", bytes_max)


def endless_header_value(port: int, bytes_max: int) -> int:
    return _stream(port, b"GET /healthz HTTP/1.1\r\n" + HOST + b"x: ", b"y" * 1_024, bytes_max)


def endless_url(port: int, bytes_max: int) -> int:
    return _stream(port, b"GET /c/", b"a" * 1_024, bytes_max)


def endless_trailers(port: int, bytes_max: int) -> int:
    head = b"POST /postback HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
    return _stream(port, head, b"x:\r\n", bytes_max)


def endless_chunk_extension(port: int, bytes_max: int) -> int:
    head = b"POST /postback HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1;"
    return _stream(port, head, b"e" * 1_024, bytes_max)


def pipelining_without_reading(port: int, bytes_max: int) -> int:
    return _stream(port, b"", b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n", bytes_max)


def pipelined_clicks_without_reading(port: int, bytes_max: int) -> int:
    return _stream(port, b"", b"GET /c/bl-shoes HTTP/1.1\r\n" + HOST + b"\r\n", bytes_max)


def garbage(port: int, bytes_max: int) -> int:
    """Connections that do not speak HTTP, one after another."""
    sent = 0
    while sent < bytes_max // 1_000:
        sent += _stream(port, b"\x16\x03\x01" + b"\xff" * 60 + b"\n", b"z" * 1_024, 65_536)
    return sent


ATTACKS: dict[str, Callable[[int, int], int]] = {
    "endless header lines": endless_header_lines,
    "one endless header value": endless_header_value,
    "endless URL": endless_url,
    "endless trailers": endless_trailers,
    "endless chunk extension": endless_chunk_extension,
    "pipelining without reading": pipelining_without_reading,
    "pipelined clicks without reading": pipelined_clicks_without_reading,
    "bytes that are not HTTP": garbage,
}


@contextmanager
def idle_connections(port: int, count: int, opening: bytes = b"") -> Iterator[list[socket.socket]]:
    """Connections that send `opening` and then nothing."""
    clients = []
    for _ in range(count):
        with suppress(OSError):
            client = socket.create_connection(("127.0.0.1", port), SEND_TIMEOUT_S)
            client.sendall(opening)
            clients.append(client)
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


def still_open(clients: list[socket.socket]) -> int:
    """Count the connections that the server has not closed."""
    count = 0
    for client in clients:
        client.setblocking(False)
        try:
            count += client.recv(1) != b""
        except BlockingIOError:
            count += 1
        except OSError:
            pass
    return count


def visit(port: int, timeout_s: float = 30.0) -> float | None:
    """Seconds until a new visitor has an answer; None without one."""
    started_s = time.perf_counter()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout_s) as client:
            client.settimeout(timeout_s)
            client.sendall(b"GET /c/bl-shoes HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
            return time.perf_counter() - started_s if client.recv(16).startswith(b"HTTP/1.1 302") else None
    except OSError:
        return None
