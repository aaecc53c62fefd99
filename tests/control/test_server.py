"""The application answers probes and static files itself, and hands the rest to Django."""

import asyncio

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from control.server import create_app
from runtime.clock import SystemClock
from runtime.control_settings import WebSettings


async def _get(path: str) -> httpx.Response:
    async def probe(_request: object) -> PlainTextResponse:
        return PlainTextResponse("fine")

    transport = httpx.ASGITransport(create_app([Route("/healthz", probe)], WebSettings(threads_max=2), SystemClock()))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.get(path)


@pytest.mark.usefixtures("committed_database")
@pytest.mark.parametrize(
    ("path", "status", "part"),
    [
        ("/healthz", 200, "fine"),
        ("/accounts/login/", 200, "csrfmiddlewaretoken"),
        ("/static/ninja/swagger-ui.css", 200, ".swagger-ui"),
        ("/static/mfa/js/webauthn.js", 200, "credential"),
        ("/static/absent.css", 404, ""),
        ("/", 302, ""),
    ],
)
def test_routes(path: str, status: int, part: str) -> None:
    answer = asyncio.run(_get(path))
    assert answer.status_code == status and part in answer.text
