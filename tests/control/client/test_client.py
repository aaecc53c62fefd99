"""The client against the whole web application: pages, repetitions, ETags, errors."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from django.db import connections

from clew.client import (
    ApiError,
    AsyncClient,
    BadSignature,
    ClewError,
    Client,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    ServerError,
    TooManyRequests,
    Unauthenticated,
    Unreachable,
    verify_webhook,
)
from clew.client.webhooks import sign
from control.accounts.actor import command_line
from control.accounts.keys import make_key
from control.wsgi import wsgi_application

Outcome = httpx.Response | httpx.TransportError | None
ON_SQLITE = pytest.mark.parametrize("committed_database", ["sqlite"], indirect=True)


class Line(httpx.BaseTransport):
    """A line to the application that fails as it is told: before or after the application has answered."""

    def __init__(self) -> None:
        self.application = httpx.WSGITransport(wsgi_application())  # type: ignore[arg-type]
        self.before: list[Outcome] = []
        self.after: list[Outcome] = []
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = _next(self.before) or self.application.handle_request(request)
        answer.read()
        return _next(self.after) or answer


class AsyncLine(httpx.AsyncBaseTransport):
    """A line for asyncio. Each request has a thread, whose connection to the database ends with it."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = await request.aread()
        copy = httpx.Request(request.method, request.url, headers=request.headers, content=content)

        def ask() -> httpx.Response:
            try:
                answer = Line().application.handle_request(copy)
                return httpx.Response(answer.status_code, headers=answer.headers, content=answer.read())
            finally:
                connections.close_all()

        return await asyncio.to_thread(ask)


def _next(outcomes: list[Outcome]) -> httpx.Response | None:
    outcome = outcomes.pop(0) if outcomes else None
    if isinstance(outcome, httpx.TransportError):
        raise outcome
    return outcome


def busy(status: int) -> httpx.Response:
    return httpx.Response(status, headers={"Retry-After": "0"}, text="<h1>busy</h1>")


@pytest.fixture
def line(committed_database: object) -> Line:
    return Line()


@pytest.fixture
def connect(line: Line) -> Iterator[Callable[..., Client]]:
    """Connect with a new key."""
    http = httpx.Client(transport=line)

    def make(scope: str = "admin", partner: int | None = None) -> Client:
        key = make_key(command_line(), str(uuid.uuid4()), scope, partner)[1]
        return Client("http://localhost/", key, http=http)

    with http:
        yield make


@ON_SQLITE
def test_offer_to_published_link(connect: Callable[..., Client]) -> None:
    clew = connect()
    offer = clew.offers.create(
        name="Shoes", status="active", landing_url="https://shop.example/?c={click_id}",
        allowed_hosts=["shop.example"], goals=[{"key": "1", "name": "Purchase"}],
    )  # fmt: skip
    plan = clew.plans.create(offer=offer.id, goal="1", percent="8.5", fixed={"amount": "1.20", "currency": "USD"})
    assert plan.fixed is not None and (plan.fixed.amount, plan.fixed.currency) == ("1.20", "USD")
    version = clew.program_versions.publish(reason="opening")
    assert version.seq >= 1 and version.published.tzinfo is not None
    partner = clew.partners.create(name="Blue Lagoon", status="active")
    made = clew.links.create(items=[{"offer": offer.id, "partner": partner.id, "code": "bl"}])
    assert made.items[0].code == "bl" and made.program_version > version.seq
    changed = clew.offers.update(clew.offers.get(offer.id), goals=[*offer.goals, {"key": "2", "name": "Lead"}])
    assert [goal.key for goal in changed.goals] == ["1", "2"]


@ON_SQLITE
def test_lists_are_read_page_by_page(connect: Callable[..., Client], line: Line) -> None:
    clew = connect()
    for number in range(5):
        clew.partners.create(name=f"P{number}", status="active", country="DE" if number else "FR")
    line.requests.clear()
    found = clew.partners.list(limit=2, country="DE", order="-name")
    assert line.requests == []
    assert [partner.name for partner in found] == ["P4", "P3", "P2", "P1"] and len(line.requests) == 2
    assert [len(page.items) for page in found.pages()] == [2, 2]
    since = datetime.now(UTC) - timedelta(hours=1)
    assert len(list(clew.audit_events.list(from_=since, object_type="partners.partner"))) == 5


@ON_SQLITE
def test_changes_are_checked_against_the_state_that_was_read(connect: Callable[..., Client]) -> None:
    clew = connect()
    made = clew.partners.create(name="Blue Lagoon")
    changed = clew.partners.update(made, name="Red Rock")
    assert changed.etag not in ("", made.etag)
    with pytest.raises(PreconditionFailed):
        clew.partners.update(made, name="Green Hill")
    assert clew.partners.update(made.id, country="FR").name == "Red Rock"
    with pytest.raises(ClewError, match="no ETag"):
        clew.partners.update(next(iter(clew.partners.list())), name="Green Hill")


@ON_SQLITE
def test_errors_have_their_fields_and_the_request_id(connect: Callable[..., Client]) -> None:
    clew = connect()
    with pytest.raises(Invalid) as invalid:
        clew.users.create(email="x", role="emperor")
    assert [error.field for error in invalid.value.errors] and invalid.value.request_id
    assert invalid.value.status == 422 and invalid.value.detail in str(invalid.value)
    for kind, act in (
        (NotFound, lambda: clew.offers.get(999)),
        (Conflict, lambda: clew.program_versions.rollback(seq=clew.program_versions.publish().seq)),
        (Forbidden, lambda: connect("read").partners.create(name="x")),
        (Unauthenticated, lambda: Client("http://localhost", "nonsense", http=clew._http).users.get("x")),
    ):
        with pytest.raises(kind):
            act()


@ON_SQLITE
def test_repetitions_have_one_effect(connect: Callable[..., Client], line: Line) -> None:
    """A request whose answer was lost is sent again with the same key; the server answers what it has stored."""
    clew = connect()
    line.after = [httpx.ReadError("reset"), busy(503)]
    made = clew.partners.create(name="Blue Lagoon")
    assert [partner.id for partner in clew.partners.list()] == [made.id]
    keys = [request.headers["Idempotency-Key"] for request in line.requests[:3]]
    assert len(set(keys)) == 1 and keys[0] != line.requests[0].headers["Authorization"]
    again = clew.partners.create(name="Blue Lagoon", idempotency_key=keys[0])
    assert again == made
    with pytest.raises(Conflict):
        clew.partners.create(name="Other", idempotency_key=keys[0])


@ON_SQLITE
def test_changes_are_repeated_only_if_the_server_did_not_begin(connect: Callable[..., Client], line: Line) -> None:
    clew = connect()
    made = clew.partners.create(name="Blue Lagoon")
    line.before = [busy(429)]
    made = clew.partners.update(made, name="Red Rock")
    for failure, kind in ((busy(503), ServerError), (httpx.ReadError("reset"), Unreachable)):
        line.requests.clear()
        line.before = [failure]
        with pytest.raises(kind):
            clew.partners.update(made, name="Green Hill")
        assert len(line.requests) == 1


@ON_SQLITE
def test_attempts_end(connect: Callable[..., Client], line: Line) -> None:
    clew = connect()
    for status, kind in ((429, TooManyRequests), (503, ServerError)):
        line.requests.clear()
        line.before = [busy(status) for _ in range(4)]
        with pytest.raises(kind, match="busy"):
            next(iter(clew.partners.list()))
        assert len(line.requests) == 4
    line.before = [httpx.Response(302, headers={"Location": "http://elsewhere.example/"})]
    with pytest.raises(ApiError, match="302"):
        clew.partners.get(1)


@ON_SQLITE
def test_under_asyncio(committed_database: object) -> None:
    key = make_key(command_line(), "async", "admin", None)[1]

    async def way() -> list[str]:
        async with (
            httpx.AsyncClient(transport=AsyncLine()) as http,
            AsyncClient("http://localhost", key, http=http) as clew,
        ):
            for number in range(3):
                partner = await clew.partners.create(name=f"P{number}")
            await clew.partners.update(partner, name="Last")
            with pytest.raises(NotFound):
                await clew.partners.get(999)
            return [partner.name async for partner in clew.partners.list(limit=2)]

    assert asyncio.run(way()) == ["P0", "P1", "Last"]


def test_webhooks_are_verified_by_the_example_of_the_specification() -> None:
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    headers = {
        "Webhook-Id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "Webhook-Timestamp": "1614265330",
        "Webhook-Signature": "v1,bm9ldHUjKzFob2VudXRob2VodWUzMjRvdWVvdW9ldQo= "
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    now = datetime.fromtimestamp(1614265330, UTC)
    verify_webhook(secret, headers, body, now=now + timedelta(minutes=4))
    for wrong_secret, wrong_headers, wrong_body, moment in (
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx", headers, body, now),
        (secret, headers, body + b" ", now),
        (secret, headers | {"Webhook-Id": "msg_other"}, body, now),
        (secret, headers | {"Webhook-Timestamp": "x"}, body, now),
        (secret, {}, body, now),
        (secret, headers, body, now + timedelta(minutes=6)),
        (secret, headers, body, now - timedelta(minutes=6)),
    ):
        with pytest.raises(BadSignature):
            verify_webhook(wrong_secret, wrong_headers, wrong_body, now=moment)
    with pytest.raises(BadSignature, match="too far"):
        verify_webhook(secret, headers, body)
    with pytest.raises(ValueError, match="whsec_"):
        sign("whsec_not base64!", "id", 0, b"")
