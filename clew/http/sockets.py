"""Listening sockets."""

import socket

_BACKLOG = 4_096


class PortTaken(Exception):
    """A port cannot be bound."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket that children share: connections wait in it while a child starts again."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTaken(f"{host}:{port} cannot be bound: {error.strerror}; choose another port") from None
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """http URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
