"""Every answer counted by route and status, and timed."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime import metrics
from runtime.clock import Clock

_ROUTES = {
    "/postback": "postback",
    "/v1/events": "events",
    "/healthz": "healthz",
    "/readyz": "readyz",
    "/metrics": "metrics",
}


def route_of(path: str) -> str:
    """The route's name, out of a closed set."""
    if path.startswith("/c/"):
        return "click"
    if path.startswith("/i/"):
        return "impression"
    return _ROUTES.get(path, "other")


class Measured:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app, self._clock = app, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        started_s = self._clock.monotonic_s()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            route = route_of(scope["path"])
            metrics.count("clew_http_requests_total", route=route, status=str(status))
            metrics.observe("clew_http_seconds", self._clock.monotonic_s() - started_s, route=route)
