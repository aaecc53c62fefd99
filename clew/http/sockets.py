"""Listening sockets."""

import errno
import socket

_BACKLOG = 4_096


class BadHost(ValueError):
    """The host is not an address of this machine."""


class PortTaken(Exception):
    """The port cannot be bound."""


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket that child processes share. Raises BadHost, PortTaken.

    Connections wait in it while a child restarts.
    """
    if not host.strip():  # the system takes an empty host for all addresses
        raise BadHost("--host is empty; give an address, or leave it out (0.0.0.0 binds all addresses)")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (socket.gaierror, UnicodeError):
        listener.close()
        raise BadHost(f"--host {host[:64]!r} cannot be resolved; give an address of this machine") from None
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise BadHost(f"--host {host} is not an address of this machine; give one that is") from None
        raise PortTaken(f"{host}:{port} cannot be bound: {error.strerror}; choose another port") from None
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the http URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def reach_url(listener: socket.socket) -> str:
    """Return the URL at which this machine reaches a listening socket that may be bound to all addresses."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        return f"http://{'[::1]' if ':' in host else '127.0.0.1'}:{port}"
    return url_of(listener)
