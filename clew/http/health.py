"""What every process answers about itself: alive, ready, and its figures."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runtime import metrics

Check = Callable[[], Awaitable[str]]
"""Says "" when the process can do its work, else one sentence why not."""

_CHECK_TIMEOUT_S = 4.0


def health_routes(check: Check) -> list[Route]:
    """/healthz, /readyz and /metrics."""

    async def healthy(_: Request) -> Response:
        return Response("alive\n")

    async def ready(_: Request) -> Response:
        try:
            why_not = await asyncio.wait_for(check(), _CHECK_TIMEOUT_S)
        except TimeoutError:
            why_not = f"what it needs does not answer within {_CHECK_TIMEOUT_S:.0f} s"
        return Response(f"{why_not or 'ready'}\n", status_code=503 if why_not else 200)

    async def exposition(_: Request) -> Response:
        return Response(metrics.exposition(), media_type="text/plain; version=0.0.4")

    return [Route("/healthz", healthy), Route("/readyz", ready), Route("/metrics", exposition)]


def health_app(check: Check) -> Starlette:
    """The application of a process that answers nothing else."""
    return Starlette(routes=health_routes(check))
