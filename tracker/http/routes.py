"""Routes of the edge, each named once, and the middleware of all applications."""

from typing import NamedTuple

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send


class RouteName(NamedTuple):
    """Route: its path, its name in metrics, and the kind of event of a request that is refused on it."""

    path: str
    name: str
    kind: str = ""


CLICK = RouteName("/c/", "click", "click")
IMPRESSION = RouteName("/i/", "impression", "impression")
POSTBACK = RouteName("/postback", "postback", "conversion")
EVENTS = RouteName("/v1/events", "events", "event")
HEALTHZ = RouteName("/healthz", "healthz")
READYZ = RouteName("/readyz", "readyz")
METRICS = RouteName("/metrics", "metrics")
OTHER = RouteName("", "other")
"""Name in metrics of every path without a route."""

_EXACT = {route.path: route for route in (POSTBACK, EVENTS, HEALTHZ, READYZ, METRICS)}


def route_of(path: str) -> RouteName:
    """Return the route of a path, with or without a trailing slash."""
    if path.startswith(CLICK.path):
        return CLICK
    if path.startswith(IMPRESSION.path):
        return IMPRESSION
    return _EXACT.get(path) or _EXACT.get(path.rstrip("/")) or OTHER


class AnyRequest:
    """ASGI middleware: ignore a trailing slash, and do not treat a client that disconnects as an error."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "/")
        if path.endswith("/") and len(path) > 1:
            scope["path"] = path.rstrip("/") or "/"
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            return


def without_redirects(app: Starlette) -> Starlette:
    """Return the application without Starlette's redirects, which use the Host header."""
    app.router.redirect_slashes = False
    return app
