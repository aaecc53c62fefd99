"""Count and time every answer by route and status."""

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime import metrics
from runtime.clock import Clock
from tracker.http.routes import route_of

CLIENT_CLOSED_REQUEST = 499
"""Status in metrics if the client closed the connection before the answer."""


class Measured:
    """Outermost ASGI middleware of all routes but links and pixels."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app, self._clock = app, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = CLIENT_CLOSED_REQUEST
        started_s = self._clock.monotonic_s()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except ClientDisconnect:
            status = CLIENT_CLOSED_REQUEST
        except Exception:
            status = 500
            raise
        finally:
            count_answer(route_of(scope["path"]).name, status, self._clock.monotonic_s() - started_s)


def count_answer(route: str, status: int, seconds: float) -> None:
    """Count one answer and its duration."""
    metrics.count("clew_http_requests_total", route=route, status=str(status))
    metrics.observe("clew_http_seconds", seconds, route=route)
