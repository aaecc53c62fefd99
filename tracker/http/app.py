"""The edge as an ASGI application. The process that runs it owns its EdgeDependencies and closes them."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tracker.edge import EdgeDependencies
from tracker.http.batches import EventsEndpoint
from tracker.http.clicks import HitEndpoints, method_not_allowed
from tracker.http.context import EdgeContext
from tracker.http.json_answers import error_answer
from tracker.http.postbacks import PostbackEndpoint
from tracker.http.probes import Probes, Readiness
from tracker.http.request_metrics import Measured, count_answer
from tracker.http.routes import CLICK, EVENTS, IMPRESSION, POSTBACK, AnyRequest, without_redirects

_ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class EdgeApp:
    """ASGI application of one edge process. Run it without the server's own reading of X-Forwarded-For.

    Clicks and pixels are answered before Starlette: two comparisons instead of its middleware and its table of routes.
    """

    def __init__(self, edge: EdgeDependencies) -> None:
        context = EdgeContext(edge)
        self.on_refused = context.refused_while_read
        """Recorder of requests that the server refused."""
        self._hits, self._clock, self._other = HitEndpoints(context), edge.clock, _starlette(edge, context)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if path.startswith(CLICK.path):
            route, endpoint = CLICK, self._hits.click
        elif path.startswith(IMPRESSION.path):
            route, endpoint = IMPRESSION, self._hits.impression
        else:
            await self._other(scope, receive, send)
            return
        status, started_s = 500, self._clock.monotonic_s()
        try:
            status = await endpoint(scope, receive, send)
        finally:
            count_answer(route.name, status, self._clock.monotonic_s() - started_s)


def _starlette(edge: EdgeDependencies, context: EdgeContext) -> Starlette:
    app = Starlette(
        routes=[
            Route(POSTBACK.path, PostbackEndpoint(context).__call__, methods=_ALL_METHODS),
            Route(EVENTS.path, EventsEndpoint(context).__call__, methods=("POST",)),
            *_probes(edge).routes(),
        ],
        middleware=[Middleware(Measured, clock=edge.clock), Middleware(AnyRequest)],
        exception_handlers={HTTPException: _http_error, Exception: _server_error},
    )
    return without_redirects(app)


def _probes(edge: EdgeDependencies) -> Probes:
    async def check() -> Readiness:
        reason = edge.program.unready_reason or await edge.producer.unhealthy_reason()
        return Readiness(reason, edge.producer.degraded_reason())

    # A replay that resumes must know that it speaks to the same data as before.
    return Probes(check, edge.http.networks(), {"Clew-Installation": edge.keys.installation})


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # it is registered for this class
    if error.status_code == 405:
        return method_not_allowed((error.headers or {}).get("Allow", ""))
    return error_answer(error.status_code, "not_found", "path", "see the tracking requests in the docs")


async def _server_error(_request: Request, _error: Exception) -> Response:
    fix = "nothing may be assumed about this request; send it again"
    return error_answer(500, "internal", "", fix)
