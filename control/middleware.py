"""ASGI middleware of the web process: addresses that a proxy forwards, and figures of the answers."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime import metrics
from runtime.clock import Clock

_AREAS = ("static", "console", "portal", "apply", "api", "accounts", "internal")
"""First parts of paths by which answers are counted."""


class ForwardedAddress:
    """Replaces address and scheme of a request by those that a trusted proxy forwards."""

    def __init__(self, app: ASGIApp, proxies: Sequence[IPv4Network | IPv6Network]) -> None:
        self._app, self._proxies = app, tuple(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if scope["type"] == "http" and client is not None and self._is_trusted(client[0]):
            scope = {**scope, "client": (self._sender(scope, client[0]), 0), "scheme": _scheme(scope)}
        await self._app(scope, receive, send)

    def _sender(self, scope: Scope, peer: str) -> str:
        """Return the last address that is not a trusted proxy's; a visitor can invent those before it."""
        forwarded = [part.strip() for value in _values(scope, b"x-forwarded-for") for part in value.split(",")]
        for address in reversed(forwarded):
            if not self._is_trusted(address):
                return address if _is_address(address) else peer
        return forwarded[0] if forwarded else peer

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None)
        return any((mapped or parsed) in network for network in self._proxies)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _scheme(scope: Scope) -> str:
    said = [part.strip().lower() for value in _values(scope, b"x-forwarded-proto") for part in value.split(",")]
    return said[-1] if said and said[-1] in ("http", "https") else str(scope["scheme"])


class AnswerFigures:
    """Counts answers and their time, by the area of the path."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app, self._clock = app, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s, route = self._clock.monotonic_s(), f"web_{area_of(scope['path'])}"

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                metrics.count("clew_http_requests_total", route=route, status=str(message["status"]))
                metrics.observe("clew_http_seconds", self._clock.monotonic_s() - started_s, route=route)
            await send(message)

        await self._app(scope, receive, counting)


def area_of(path: str) -> str:
    """Return the area of a path, one of a closed list."""
    first = path.removeprefix("/").partition("/")[0]
    return first if first in _AREAS else "other"


class SafeHeaders:
    """Adds headers to answers that do not come from Django, such as files and probes."""

    _HEADERS = (
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
        (b"referrer-policy", b"same-origin"),
    )
    _HTTPS = (b"strict-transport-security", b"max-age=31536000")

    def __init__(self, app: ASGIApp, https: bool) -> None:
        self._app = app
        self._headers = (*self._HEADERS, self._HTTPS) if https else self._HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = [(bytes(name), bytes(value)) for name, value in message["headers"]]
                names = {name.lower() for name, _ in given}
                added = [header for header in self._headers if header[0] not in names]
                message = {**message, "headers": [*given, *added]}
            await send(message)

        await self._app(scope, receive, adding)
