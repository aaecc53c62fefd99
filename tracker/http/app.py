"""The edge as an ASGI application. Whoever runs it owns what the Edge is made of, and closes it."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from runtime import metrics
from tracker.edge import Edge
from tracker.http import responses
from tracker.http.batches import EventsEndpoint
from tracker.http.clicks import CLICKS, PIXELS, HitEndpoints, method_not_allowed
from tracker.http.context import Desk
from tracker.http.limits import Limits
from tracker.http.postbacks import PostbackEndpoint
from tracker.http.request_metrics import Measured

_ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def create_app(edge: Edge) -> Starlette:
    """The application of one edge process. Run it without the server's own reading of X-Forwarded-For."""
    desk = Desk(edge)
    probes = _Probes(edge)
    return Starlette(
        routes=[
            Route("/postback", PostbackEndpoint(desk).__call__, methods=_ALL_METHODS),
            Route("/v1/events", EventsEndpoint(desk).__call__, methods=("POST",)),
            Route("/healthz", probes.healthz),
            Route("/readyz", probes.readyz),
            Route("/metrics", probes.metrics),
        ],
        middleware=[
            Middleware(Measured, clock=edge.clock),
            Middleware(
                Limits,
                url_bytes_max=edge.settings.url_bytes_max,
                header_bytes_max=edge.settings.header_bytes_max,
                on_refused=desk.over_limit,
            ),
            Middleware(_Fast, endpoints=HitEndpoints(desk)),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _server_error},
    )


class _Fast:
    """Clicks and pixels go past the router: two comparisons instead of its table."""

    def __init__(self, app: ASGIApp, endpoints: HitEndpoints) -> None:
        self._app, self._endpoints = app, endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if path.startswith(CLICKS):
                await self._endpoints.click(scope, receive, send)
                return
            if path.startswith(PIXELS):
                await self._endpoints.impression(scope, receive, send)
                return
        await self._app(scope, receive, send)


class _Probes:
    """Alive, able to append, and metrics."""

    def __init__(self, edge: Edge) -> None:
        self._producer = edge.producer
        # A replay that goes on where it stopped must know that it speaks to the same data as before.
        self._headers = {"Clew-Installation": edge.keys.installation}

    async def healthz(self, _request: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(self, _request: Request) -> Response:
        trouble = await self._producer.healthy()
        notice = self._producer.notice()
        said = trouble or (f"ready: {notice}" if notice else "ready")
        return PlainTextResponse(said, 503 if trouble else 200, self._headers)

    async def metrics(self, _request: Request) -> Response:
        return Response(metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # that is what it is registered for
    if error.status_code == 405:
        return method_not_allowed((error.headers or {}).get("Allow", ""))
    return responses.error_answer(error.status_code, "not_found", "path", "see the tracking requests in the docs")


async def _server_error(_request: Request, _error: Exception) -> Response:
    fix = "nothing may be assumed about this request; send it again"
    return responses.error_answer(500, "internal", "", fix)
