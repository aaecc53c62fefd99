"""The API port: reports, conversions and explanations for holders of an API key, and requests of the command line."""

from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from clew.http.health import probes_of
from clew.requests.handlers import ask
from clew.requests.partner_view import check_order, partner_view
from clew.requests.types import (
    OF_CONTROL_PLANE,
    OF_PARTNER,
    REQUESTS,
    BadRequest,
    ConversionRequest,
    ExplainRequest,
    ReportRequest,
    decode_request,
)
from clew.requests.types import Request as TypedRequest
from installation.engine import Engine
from reporting.dimensions import FILTERS
from runtime.engine_key import PartnerToken, read_partner_token
from runtime.user_error import NO, TIMED_OUT, UNREACHABLE, WRONG_USE, UserError
from tracker import secrets
from tracker.http.limits import TooLarge, TooSlow, read_body
from tracker.http.routes import AnyRequest, without_redirects

_STATUS = {NO: 404, WRONG_USE: 400, TIMED_OUT: 504, UNREACHABLE: 503}
_BODY_BYTES_MAX = 1_000_000
_BODY_TIMEOUT_MS = 30_000


class Api:
    """Endpoints over one engine.

    `operator_key` opens those that only the command line may use, `control_key` those of the control plane.
    """

    def __init__(self, engine: Engine, operator_key: str, control_key: str | None) -> None:
        self._engine, self._operator_key, self._control_key = engine, operator_key, control_key

    async def report(self, request: Request) -> Response:
        """Answer a report. Filters are parameters with the name of their dimension."""
        fields: dict[str, Any] = {**request.query_params, **request.path_params}
        if filters := {name: fields.pop(name).split(",") for name in FILTERS if name in fields}:
            fields["filters"] = filters
        return await self._public(request, ReportRequest, fields)

    async def conversion(self, request: Request) -> Response:
        return await self._public(request, ConversionRequest, {**request.query_params, **request.path_params})

    async def explain(self, request: Request) -> Response:
        return await self._public(request, ExplainRequest, {**request.query_params, **request.path_params})

    async def operator(self, request: Request) -> Response:
        """Answer a request of the command line, which reads the key from the data directory."""
        if not secrets.same(_bearer(request), self._operator_key):
            return _problem(401, "this route is for the command line on the same machine")
        return await self._posted(request, frozenset(REQUESTS))

    async def control(self, request: Request) -> Response:
        """Answer a request of the control plane; with a token of a partner, only what the partner may see."""
        given = _bearer(request)
        if self._control_key is not None and secrets.same(given, self._control_key):
            return await self._posted(request, OF_CONTROL_PLANE)
        now_s = self._engine.clock.now_us() // 1_000_000
        token = read_partner_token(given, self._control_key, now_s) if self._control_key is not None else None
        if token is None:
            return _problem(401, "this route is for the control plane; check CLEW_ENGINE__KEY_FILE and the clocks")
        return await self._posted(request, OF_PARTNER, token)

    async def _posted(self, request: Request, allowed: frozenset[str], token: PartnerToken | None = None) -> Response:
        """Answer a request whose fields are the body, if its name is allowed."""
        name = request.path_params["name"]
        if name not in allowed:
            return _problem(400, f"there is no request {name[:64]!r}; the server may be of another version")
        try:
            body = await read_body(request.scope, request.receive, _BODY_BYTES_MAX, _BODY_TIMEOUT_MS)
        except TooLarge:
            return _problem(413, f"the request is longer than {_BODY_BYTES_MAX} bytes")
        except TooSlow:
            return _problem(408, "the body did not arrive in time")
        try:
            fields = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            return _problem(400, f"the body is not JSON: {error}")
        if not isinstance(fields, dict):
            return _problem(400, "send one JSON object")
        return await self._answer(REQUESTS[name], fields, token)

    async def _public(self, request: Request, kind: type[TypedRequest], fields: dict[str, Any]) -> Response:
        given = _bearer(request)
        keys = (*self._engine.program.secrets.api_keys, self._operator_key)
        if not secrets.is_one_of(given, keys):
            return _problem(401, "send `Authorization: Bearer KEY` with a key of [program] api_keys")
        return await self._answer(kind, fields)

    async def _answer(
        self, kind: type[TypedRequest], fields: dict[str, Any], token: PartnerToken | None = None
    ) -> Response:
        try:
            if token is not None:
                check_order(kind, fields, token)
                fields = {**fields, "partners": [token.partner]}
            answer = await ask(self._engine, decode_request(kind, fields), running=True)
            return _json(200, answer if token is None else partner_view(kind, answer, token))
        except BadRequest as error:
            return _json(400, {"error": str(error), "field": error.field, "exit_code": WRONG_USE})
        except UserError as error:
            return _json(_STATUS[error.exit_code], {"error": str(error), "exit_code": error.exit_code})


def create_api(engine: Engine, operator_key: str, control_key: str | None = None) -> Starlette:
    """Make the API application; without a key of the control plane, its routes are closed."""
    api = Api(engine, operator_key, control_key)
    app = Starlette(
        routes=[
            *probes_of(engine.unhealthy_reason, engine.settings.http).routes(),
            Route("/v1/reports/{name}", api.report),
            Route("/v1/conversions/{conversion_id}", api.conversion),
            Route("/v1/explain/{conversion_id}", api.explain),
            Route("/operator/{name}", api.operator, methods=["POST"]),
            Route("/control/{name}", api.control, methods=["POST"]),
        ],
        middleware=[Middleware(AnyRequest)],
    )
    return without_redirects(app)


def _bearer(request: Request) -> str:
    return secrets.bearer_of(request.headers.get("authorization", ""))


def _json(status: int, value: object) -> Response:
    return Response(orjson.dumps(value), status_code=status, media_type="application/json")


def _problem(status: int, message: str) -> Response:
    return _json(status, {"error": message})
