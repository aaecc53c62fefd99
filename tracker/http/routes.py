"""The routes of the edge, each named once, and what all applications do around theirs."""

from typing import NamedTuple

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send


class RouteName(NamedTuple):
    """A route: its path, its name in metrics, and the kind of event that a refused request on it is."""

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
"""Every path that no route has."""

_EXACT = {route.path: route for route in (POSTBACK, EVENTS, HEALTHZ, READYZ, METRICS)}


def route_of(path: str) -> RouteName:
    """The route of a path, with or without a trailing slash."""
    if path.startswith(CLICK.path):
        return CLICK
    if path.startswith(IMPRESSION.path):
        return IMPRESSION
    return _EXACT.get(path) or _EXACT.get(path.rstrip("/")) or OTHER


class AnyRequest:
    """ASGI middleware: a trailing slash is the same route, and a client that hangs up is not an error."""

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
    """The application without Starlette's redirects, which are made from the Host header."""
    app.router.redirect_slashes = False
    return app
