"""Routes /healthz, /readyz and /metrics of every process."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from runtime import metrics
from tracker.http.json_answers import error_answer
from tracker.http.routes import HEALTHZ, METRICS, READYZ

CHECK_TIMEOUT_S = 4.0
EXPOSITION_AGE_MAX_S = 1.0

Network = IPv4Network | IPv6Network


class Readiness(tuple[str | None, str | None]):
    """Two sentences, each None if there is no trouble: why the process cannot work, why its work is degraded."""

    def __new__(cls, unready_reason: str | None, degraded_reason: str | None = None) -> "Readiness":
        return super().__new__(cls, (unready_reason, degraded_reason))


Check = Callable[[], Awaitable[Readiness]]


class Probes:
    """Endpoints of probes. /metrics answers only `networks`, because it has business figures."""

    def __init__(self, check: Check, networks: Sequence[Network], headers: Mapping[str, str] | None = None) -> None:
        self._check, self._networks, self._headers = check, tuple(networks), dict(headers or {})
        self._exposition = Exposition()

    def routes(self) -> list[Route]:
        return [
            Route(HEALTHZ.path, self.healthz),
            Route(READYZ.path, self.readyz),
            Route(METRICS.path, self.metrics),
        ]

    async def healthz(self, _request: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(self, _request: Request) -> Response:
        try:
            unready_reason, degraded_reason = await asyncio.wait_for(self._check(), CHECK_TIMEOUT_S)
        except TimeoutError:
            unready_reason, degraded_reason = f"the check did not answer within {CHECK_TIMEOUT_S:.0f} s", None
        text = unready_reason or (f"ready: {degraded_reason}" if degraded_reason else "ready")
        return PlainTextResponse(text, 503 if unready_reason else 200, self._headers)

    async def metrics(self, request: Request) -> Response:
        if not self._is_allowed(request):
            fix = "ask from a network that CLEW_HTTP__METRICS_NETWORKS names"
            return error_answer(403, "metrics_not_public", "address", fix)
        text = await self._exposition.text()
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    def _is_allowed(self, request: Request) -> bool:
        """Return whether the peer, and every address that a proxy forwards for, is in the networks."""
        senders = [request.client.host if request.client is not None else ""]
        for name in ("x-forwarded-for", "x-real-ip"):
            for value in request.headers.getlist(name):
                senders += [part.strip() for part in value.split(",")]
        if "forwarded" in request.headers:
            return False
        return all(self._is_inside(sender) for sender in senders)

    def _is_inside(self, sender: str) -> bool:
        try:
            address = ip_address(sender)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._networks)


class Exposition:
    """Return the text of all metrics, rendered in a thread at most once a second."""

    def __init__(self) -> None:
        self._text = b""
        self._made_s = float("-inf")
        self._making: asyncio.Task[None] | None = None

    async def text(self) -> bytes:
        loop = asyncio.get_running_loop()
        if loop.time() - self._made_s >= EXPOSITION_AGE_MAX_S:
            if self._making is None:
                self._making = asyncio.create_task(self._make())
            await asyncio.shield(self._making)
        return self._text

    async def _make(self) -> None:
        try:
            self._text = await asyncio.to_thread(metrics.exposition)
            self._made_s = asyncio.get_running_loop().time()
        finally:
            self._making = None
