"""Addresses behind proxies, and figures of answers."""

import asyncio
from ipaddress import ip_network
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from control.middleware import AnswerFigures, ForwardedAddress, area_of
from runtime.clock import SystemClock
from runtime.metrics import exposition

PROXIES = [ip_network("10.0.0.0/8"), ip_network("::1/128")]


def _seen(client: str, *headers: tuple[str, str]) -> tuple[str, str]:
    """Return address and scheme that the application sees."""
    found: dict[str, Any] = {}

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        found.update(scope)

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(_message: Message) -> None:
        pass

    scope = {
        "type": "http", "client": (client, 5_000), "scheme": "http",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
    }  # fmt: skip
    asyncio.run(ForwardedAddress(app, PROXIES)(scope, receive, send))
    return found["client"][0], found["scheme"]


FOR, PROTO = "X-Forwarded-For", "X-Forwarded-Proto"


@pytest.mark.parametrize(
    ("client", "headers", "seen"),
    [
        ("10.0.0.1", [(FOR, "203.0.113.5"), (PROTO, "https")], ("203.0.113.5", "https")),
        ("::1", [(FOR, "2001:db8::7")], ("2001:db8::7", "http")),
        ("::ffff:10.0.0.1", [(FOR, "203.0.113.5")], ("203.0.113.5", "http")),
        # A visitor may invent addresses before the one that the proxy adds.
        ("10.0.0.1", [(FOR, "1.2.3.4, 203.0.113.5, 10.1.1.1")], ("203.0.113.5", "http")),
        ("10.0.0.1", [(FOR, "1.2.3.4"), (FOR, "203.0.113.5")], ("203.0.113.5", "http")),
        ("203.0.113.9", [(FOR, "1.2.3.4"), (PROTO, "https")], ("203.0.113.9", "http")),
        ("10.0.0.1", [(FOR, "not an address")], ("10.0.0.1", "http")),
        ("10.0.0.1", [(FOR, "10.2.2.2")], ("10.2.2.2", "http")),
        ("10.0.0.1", [(PROTO, "javascript")], ("10.0.0.1", "http")),
        ("10.0.0.1", [], ("10.0.0.1", "http")),
    ],
)
def test_only_trusted_proxies_name_the_visitor(
    client: str, headers: list[tuple[str, str]], seen: tuple[str, str]
) -> None:
    assert _seen(client, *headers) == seen


@pytest.mark.parametrize(
    ("path", "area"),
    [
        ("/console/x", "console"),
        ("/api/v1/users", "api"),
        ("/", "other"),
        ("/secret/../x", "other"),
        ("/portal", "portal"),
    ],
)
def test_areas_are_a_closed_list(path: str, area: str) -> None:
    assert area_of(path) == area


def test_answers_are_counted_by_area_and_status() -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> Message:
        return {"type": "http.request"}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(AnswerFigures(app, SystemClock())({"type": "http", "path": "/portal/x"}, receive, send))
    assert len(sent) == 2
    text = exposition().decode()
    assert 'clew_http_requests_total{route="web_portal",status="418"} 1.0' in text
    assert 'clew_http_seconds_count{route="web_portal"} 1.0' in text
