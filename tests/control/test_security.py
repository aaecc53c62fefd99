"""Protections that belong to no single page: cookies, headers, caches, codes, fields that nobody may set."""

import asyncio
import re
import runpy
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx
import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from structlog.testing import capture_logs

from control import settings as own_settings
from control.accounts.actor import command_line
from control.accounts.invitations import invite
from control.accounts.keys import make_key
from control.accounts.mfa import SealingAdapter
from control.accounts.models import User
from control.accounts.passwords import PASSWORD_CHARS_MAX
from control.accounts.people import add_operator
from control.api.root import api
from control.audit.origin import acting
from control.configuration import Configuration, current_configuration, set_configuration
from control.errors import Invalid
from control.mail.models import OutgoingMail
from control.server import create_app
from runtime.clock import SystemClock
from runtime.sealed_bytes import BadSeal
from runtime.settings import Settings, WebSettings
from tests.control.accounts.test_sign_in import EMAIL, LOGIN, PASSWORD, _login, _signed_in, _totp
from tests.control.ui.pages import ATTACK
from tests.conventions.tree import ROOT

sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def ann(database: object) -> User:
    return add_operator(command_line(), EMAIL, "owner", "Ann", PASSWORD)


# ---------------------------------------------------------------------------------------------- cookies and headers


@pytest.fixture
def https_settings() -> Iterator[dict[str, Any]]:
    """Settings of an installation whose public address is https."""
    before = current_configuration()
    set_configuration(
        Configuration(before.address, Settings(web=WebSettings(url="https://partners.acme.example")), "k" * 40)
    )
    yield runpy.run_path(str(Path(own_settings.__file__)))
    set_configuration(before)


def test_cookies_over_https_are_of_this_host_and_out_of_reach_of_scripts(https_settings: dict[str, Any]) -> None:
    for name in ("SESSION", "CSRF"):
        assert https_settings[f"{name}_COOKIE_NAME"].startswith("__Host-")
        assert https_settings[f"{name}_COOKIE_SECURE"] and https_settings[f"{name}_COOKIE_HTTPONLY"]
        assert https_settings[f"{name}_COOKIE_SAMESITE"] == "Lax"
    assert https_settings["SECURE_HSTS_SECONDS"] >= 15_724_800
    assert https_settings["SESSION_COOKIE_AGE"] <= 12 * 3_600
    assert max(https_settings["ACCOUNT_LOGIN_BY_CODE_TIMEOUT"], own_settings._CODE_AGE_MAX_S) <= 600
    assert https_settings["PASSWORD_RESET_TIMEOUT"] <= 3_600


@pytest.mark.parametrize("path", ["/healthz", "/static/mfa/js/webauthn.js", "/static/absent.css", "/static/ui/absent"])
def test_files_and_probes_are_never_pages(path: str) -> None:
    async def probe(_request: object) -> PlainTextResponse:
        return PlainTextResponse("fine")

    async def get() -> httpx.Response:
        settings = WebSettings(threads_max=2, url="https://partners.acme.example")
        transport = httpx.ASGITransport(create_app([Route("/healthz", probe)], settings, SystemClock()))
        async with httpx.AsyncClient(transport=transport, base_url="https://localhost") as client:
            return await client.get(path)

    headers = asyncio.run(get()).headers
    assert headers["x-content-type-options"] == "nosniff" and headers.get("content-type")
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "max-age" in headers["strict-transport-security"] and "server" not in headers


@sqlite
def test_answers_to_people_and_keys_are_in_no_cache(client: Client, ann: User) -> None:
    _, key = make_key(command_line(), "shop", "read")
    answers = [client.get("/"), client.get(LOGIN)]
    answers.append(client.get("/api/v1/offers", HTTP_AUTHORIZATION=f"Bearer {key}"))
    _login(client)
    answers += [client.get(path) for path in ("/console/", "/console/partners/", "/console/absent/", "/api/v1/offers")]
    for answer in answers:
        assert "no-store" in answer["Cache-Control"], answer
        assert answer["X-Content-Type-Options"] == "nosniff" and answer["Referrer-Policy"] == "same-origin"
        assert answer["X-Frame-Options"] == "DENY" and "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert not any(name.lower().startswith("access-control-") for answer in answers for name in answer.headers)


# ----------------------------------------------------------------------------------------------------- sign-in


@sqlite
@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("elevenchars", "at least 12"),
        ("correct horse", ""),
        ("ねこ🙂 und Käse 12", ""),
        ("x 9" * 42 + "yz", ""),
        ("x 9" * 43, "at most 128"),
        ("1q2w3e4r5t6y", "too common"),
        ("ann@acme.example", "too similar"),
    ],
)
def test_rules_of_passwords(database: object, password: str, message: str) -> None:
    assert PASSWORD_CHARS_MAX == 128
    if not message:
        assert add_operator(command_line(), EMAIL, "owner", "Ann", password).check_password(password)
        return
    with pytest.raises(Invalid, match=message):
        add_operator(command_line(), EMAIL, "owner", "Ann", password)


@sqlite
def test_a_new_password_ends_other_sessions_and_is_told_by_mail(client: Client, ann: User) -> None:
    other, another = Client(HTTP_HOST="localhost"), "another horse battery"
    _login(other)
    _login(client)
    wrong = {"oldpassword": "wrong", "password1": another, "password2": another}
    client.post("/accounts/password/change/", wrong)
    assert not OutgoingMail.objects.exists(), "the present password is asked for"
    client.post("/accounts/password/change/", {**wrong, "oldpassword": PASSWORD})
    assert _signed_in(client) and not _signed_in(other)
    assert OutgoingMail.objects.get().recipients == [EMAIL]


@sqlite
def test_a_code_of_an_app_works_once_and_its_secret_is_sealed(client: Client, ann: User) -> None:
    secret = generate_totp_secret()
    TOTP.activate(ann, secret)
    assert secret not in str(Authenticator.objects.get().data)
    code = _totp(secret)
    for browser, expected in ((client, True), (Client(HTTP_HOST="localhost"), False)):
        _login(browser)
        browser.post("/accounts/2fa/authenticate/", {"code": code})
        assert _signed_in(browser) is expected


def test_a_secret_that_was_changed_is_not_opened() -> None:
    adapter = SealingAdapter()
    sealed = adapter.encrypt("JBSWY3DP")
    assert adapter.decrypt(sealed) == adapter.decrypt("JBSWY3DP") == "JBSWY3DP"
    for changed in (sealed[:-8] + "AAAAAAA=", "sealed:", "sealed:%%%"):
        with pytest.raises(BadSeal):
            adapter.decrypt(changed)


class CountingHasher(MD5PasswordHasher):
    """Hasher that counts its work."""

    calls = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).calls += 1
        return super().encode(password, salt)


@sqlite
@override_settings(PASSWORD_HASHERS=["tests.control.test_security.CountingHasher"])
def test_an_unknown_address_costs_as_much_as_a_wrong_password(client: Client, ann: User) -> None:
    costs = []
    for email in (EMAIL, "eve@acme.example"):
        before = CountingHasher.calls
        _login(client, email=email, password="wrong password")
        costs.append(CountingHasher.calls - before)
    assert costs[0] == costs[1] > 0


# ------------------------------------------------------------------------------------------------- API and mail


def test_no_body_takes_fields_that_are_not_its_own() -> None:
    """Mass assignment: a field such as `role` or `manager` counts only where the document names it."""
    document = api.get_openapi_schema()
    schemas, bodies = document["components"]["schemas"], set()
    for operations in document["paths"].values():
        for operation in operations.values():
            # The form of an upload is not JSON; its endpoint reads the fields that it names, and no others.
            media = operation.get("requestBody", {}).get("content", {}).get("application/json", {"schema": {}})
            bodies.add(media["schema"].get("$ref", "").rpartition("/")[2])
    bodies.discard("")
    assert len(bodies) > 10
    assert [name for name in sorted(bodies) if schemas[name].get("additionalProperties") is not False] == []


@sqlite
@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_bodies_of_other_media_types_are_refused(database: object, media_type: str) -> None:
    _, key = make_key(command_line(), "shop", "admin")
    client = Client(HTTP_HOST="localhost", HTTP_AUTHORIZATION=f"Bearer {key}")
    body = '{"email": "eve@acme.example", "role": "owner"}'
    answer = client.post("/api/v1/users", body, content_type=media_type)
    assert answer.status_code == 415 and answer["Content-Type"] == "application/problem+json"
    assert not User.objects.exists()


@sqlite
def test_requests_of_another_form_are_refused_as_problems(database: object) -> None:
    _, key = make_key(command_line(), "shop", "admin")
    client = Client(HTTP_HOST="localhost", HTTP_AUTHORIZATION=f"Bearer {key}")
    large = '{"name": "' + "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + '"}'
    for named in ({}, {"HTTP_IDEMPOTENCY_KEY": "once"}):
        answer = client.post("/api/v1/users", large, content_type="application/json", **named)  # type: ignore[arg-type]
        assert answer.status_code == 413 and answer["Content-Type"] == "application/problem+json"
    answer = client.delete("/api/v1/offers")
    assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")
    assert answer["Allow"] == "GET, POST" and answer.json()["detail"] == "DELETE is not possible here; use GET, POST"


@sqlite
def test_mails_hold_what_others_wrote_as_text(client: Client, database: object) -> None:
    boss = command_line()
    with acting(boss):
        user = add_operator(boss, EMAIL, "owner", ATTACK[:100], PASSWORD)
        invite(boss, "new@acme.example", "support", None, lambda token: f"https://acme.example/{token}")
    _login(client)
    change = {"oldpassword": PASSWORD, "password1": "another horse battery", "password2": "another horse battery"}
    client.post("/accounts/password/change/", change)
    client.post("/accounts/password/reset/", {"email": user.email})
    assert OutgoingMail.objects.count() >= 3
    for mail in OutgoingMail.objects.all():
        message = message_from_bytes(bytes(mail.content), policy=policy.default)
        kinds = [part.get_content_type() for part in message.walk()]
        assert kinds == ["multipart/alternative", "text/plain", "text/html"]
        page = message.get_body(("html",)).get_content()
        assert "<script" not in page and "onerror=" not in page.replace("&lt;img src=x onerror=", "")
        assert "<script" not in str(message.items()) and "\n" not in message["Subject"]
    with pytest.raises(Invalid, match="email"):
        add_operator(boss, "x@acme.example\r\nBcc: eve@evil.example", "owner", "Eve", PASSWORD)


@sqlite
def test_a_refusal_is_logged_without_the_path(client: Client, database: object) -> None:
    ben = add_operator(command_line(), "ben@acme.example", "read_only", "Ben", PASSWORD)
    _login(client, email=ben.email)
    with capture_logs() as lines:
        assert client.get("/console/people/?q=secret").status_code == 403
    refused = next(line for line in lines if line["event"] == "refused")
    assert refused["actor"] == str(ben.pk) and refused["view"] == "console_people" and refused["address"] == "127.0.0.1"
    assert "secret" not in str(lines)


@sqlite
def test_a_session_that_nobody_uses_ends(client: Client, ann: User) -> None:
    def unused(**since: int) -> None:
        UserSession.objects.update(last_seen_at=timezone.now() - timedelta(**since))

    _login(client)
    unused(minutes=29)
    assert client.get("/console/").status_code == 200
    assert timezone.now() - UserSession.objects.get().last_seen_at < timedelta(minutes=1)
    unused(minutes=29)  # an open page that refreshes itself does not show that somebody is there
    assert client.get("/console/health/line/", headers={"Clew-Refresh": "1"}).status_code == 200
    assert timezone.now() - UserSession.objects.get().last_seen_at > timedelta(minutes=28)

    cookie = client.cookies["sessionid"].value
    unused(minutes=31)
    refreshed = client.get("/console/health/line/", headers={"Clew-Refresh": "1", "HX-Request": "true"})
    assert (refreshed.status_code, refreshed["HX-Refresh"], refreshed.content) == (204, "true", b"")
    assert not UserSession.objects.exists() and not Session.objects.filter(session_key=cookie).exists()
    client.cookies["sessionid"] = cookie
    assert client.get("/console/people/").status_code == 302
    for path, status in (("/console/people/", 302), ("/api/v1/users", 401), ("/accounts/profile/", 302)):
        _login(client)
        unused(minutes=31)
        answer = client.get(path)
        assert answer.status_code == status, path
        assert status == 401 or answer["Location"] == f"/accounts/login/?next={path}"
    _login(client)
    unused(minutes=31)
    before = User.objects.count()
    answer = client.post("/console/people/invite/", {"email": "eve@acme.example", "role": "owner"})
    assert (answer["Location"], User.objects.count()) == ("/accounts/login/?next=/", before)


def test_pages_say_which_requests_they_make_by_themselves() -> None:
    mark = """hx-headers='{"Clew-Refresh": "1"}'"""
    for template in (ROOT / "control").rglob("*.html"):
        text = template.read_text("utf-8")
        assert len(re.findall('hx-trigger="[^"]*every', text)) == text.count(mark), template


@sqlite
def test_reading_pages_writes_nothing_within_a_minute(client: Client, ann: User) -> None:
    _login(client)
    client.get("/console/")
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/console/").status_code == 200
    assert not [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    UserSession.objects.update(last_seen_at=timezone.now() - timedelta(minutes=2))
    assert client.get("/console/", HTTP_USER_AGENT="Another browser").status_code == 200
    seen = UserSession.objects.get()
    assert seen.user_agent == "Another browser" and timezone.now() - seen.last_seen_at < timedelta(minutes=1)
