"""The edge as an ASGI application. The process that runs it owns its EdgeDependencies and closes them."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tracker.edge import EdgeDependencies
from tracker.http import responses
from tracker.http.batches import EventsEndpoint
from tracker.http.clicks import HitEndpoints, method_not_allowed
from tracker.http.context import EdgeContext
from tracker.http.postbacks import PostbackEndpoint
from tracker.http.probes import Probes, Readiness
from tracker.http.request_metrics import Measured
from tracker.http.routes import CLICK, EVENTS, IMPRESSION, POSTBACK, AnyRequest, without_redirects

_ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def create_app(edge: EdgeDependencies) -> Starlette:
    """Make the application of one edge process. Its `state.on_refused` records requests that the server refused.

    Run it without the server's own reading of X-Forwarded-For.
    """
    context = EdgeContext(edge)
    app = Starlette(
        routes=[
            Route(POSTBACK.path, PostbackEndpoint(context).__call__, methods=_ALL_METHODS),
            Route(EVENTS.path, EventsEndpoint(context).__call__, methods=("POST",)),
            *_probes(edge).routes(),
        ],
        middleware=[
            Middleware(Measured, clock=edge.clock),
            Middleware(_Fast, endpoints=HitEndpoints(context)),
            Middleware(AnyRequest),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _server_error},
    )
    app.state.on_refused = context.refused_while_read
    return without_redirects(app)


class _Fast:
    """Middleware that answers clicks and pixels before the router: two comparisons instead of its table."""

    def __init__(self, app: ASGIApp, endpoints: HitEndpoints) -> None:
        self._app, self._endpoints = app, endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if path.startswith(CLICK.path):
                await self._endpoints.click(scope, receive, send)
                return
            if path.startswith(IMPRESSION.path):
                await self._endpoints.impression(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _probes(edge: EdgeDependencies) -> Probes:
    async def check() -> Readiness:
        return Readiness(await edge.producer.unhealthy_reason(), edge.producer.degraded_reason())

    # A replay that resumes must know that it speaks to the same data as before.
    return Probes(check, edge.http.networks(), {"Clew-Installation": edge.keys.installation})


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # it is registered for this class
    if error.status_code == 405:
        return method_not_allowed((error.headers or {}).get("Allow", ""))
    return responses.error_answer(error.status_code, "not_found", "path", "see the tracking requests in the docs")


async def _server_error(_request: Request, _error: Exception) -> Response:
    fix = "nothing may be assumed about this request; send it again"
    return responses.error_answer(500, "internal", "", fix)
