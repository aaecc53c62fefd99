"""Sign-in by password, by code, with a second factor; what attackers try does not work."""

import re
from typing import Any

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.test import Client

from control import settings as own_settings
from control.accounts.actor import command_line
from control.accounts.models import User
from control.accounts.people import add_operator, disable_person
from control.audit.models import AuditEvent
from control.audit.origin import acting
from control.mail.models import OutgoingMail
from tests.control.accounts.mails import last_mail, link_in

pytestmark = pytest.mark.usefixtures("database")
EMAIL, PASSWORD = "ann@acme.example", "correct horse battery"
LOGIN = "/accounts/login/"


@pytest.fixture
def ann(database: object) -> User:
    return add_operator(command_line(), EMAIL, "owner", "Ann", PASSWORD)


def _login(client: Client, email: str = EMAIL, password: str = PASSWORD, **more: str) -> Any:
    return client.post(LOGIN, {"login": email, "password": password, **more})


def _signed_in(client: Client) -> bool:
    return client.get("/accounts/sessions/").status_code == 200


def test_a_password_signs_in_and_the_trail_says_so(client: Client, ann: User) -> None:
    assert client.get("/").headers["Location"] == LOGIN
    answer = client.post(LOGIN, {"login": EMAIL.upper(), "password": PASSWORD}, HTTP_X_REQUEST_ID="request-1")
    assert (answer.status_code, answer.headers["Location"], answer.headers["X-Request-ID"]) == (302, "/", "request-1")
    assert _signed_in(client)
    event = AuditEvent.objects.filter(action="signed_in").get()
    assert (event.actor_id, event.actor_name, event.object_id) == (str(ann.pk), "Ann", str(ann.pk))
    assert (event.request_id, event.address) == ("request-1", "127.0.0.1")
    client.post("/accounts/logout/")
    assert not _signed_in(client) and AuditEvent.objects.filter(action="signed_out").count() == 1


def test_wrong_password_and_unknown_address_look_the_same(client: Client, ann: User) -> None:
    wrong, unknown = _login(client, password="wrong"), _login(client, email="eve@acme.example", password="wrong")
    assert wrong.status_code == unknown.status_code == 200
    assert _words(wrong).replace(EMAIL, "") == _words(unknown).replace("eve@acme.example", "")
    assert AuditEvent.objects.filter(action="sign_in_failed").count() == 1
    assert "wrong" not in str(AuditEvent.objects.values_list("after", "object_name"))


def _words(answer: Any) -> str:
    """Return the page without what differs on each request."""
    text = re.sub(r'(name="csrfmiddlewaretoken" value|nonce)="[^"]*"', "", answer.content.decode())
    return re.sub(r'"challenge": "[^"]*"', "", text)


def test_after_five_failures_the_right_password_waits_too(client: Client, ann: User) -> None:
    for _ in range(5):
        _login(client, password="wrong")
    _login(client)
    assert not _signed_in(client)
    other = Client(HTTP_HOST="localhost", REMOTE_ADDR="10.0.0.9")
    _login(other)
    assert not _signed_in(other), "the limit is that of the account, whoever asks"


def test_a_code_by_mail_signs_in_once(client: Client, ann: User) -> None:
    client.post("/accounts/login/code/", {"email": EMAIL})
    code = re.search(r"\b([A-Z0-9]{4}-[A-Z0-9]{4})\b", last_mail(EMAIL))
    assert code is not None, last_mail(EMAIL)
    client.post("/accounts/login/code/confirm/", {"code": code[1]})
    assert _signed_in(client)
    again = Client(HTTP_HOST="localhost")
    again.post("/accounts/login/code/confirm/", {"code": code[1]})
    assert not _signed_in(again)


def test_asking_for_a_code_does_not_tell_who_has_an_account(client: Client, ann: User) -> None:
    known = client.post("/accounts/login/code/", {"email": EMAIL})
    unknown = Client(HTTP_HOST="localhost").post("/accounts/login/code/", {"email": "eve@acme.example"})
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])
    known = client.post("/accounts/password/reset/", {"email": EMAIL})
    unknown = Client(HTTP_HOST="localhost").post("/accounts/password/reset/", {"email": "eve@acme.example"})
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])


def test_a_password_is_reset_by_a_link_that_works_once(client: Client, ann: User) -> None:
    client.post("/accounts/password/reset/", {"email": EMAIL})
    link = link_in(last_mail(EMAIL))
    form = client.get(link).headers["Location"]
    another = "another horse battery"
    client.post(form, {"password1": another, "password2": another})
    assert AuditEvent.objects.filter(action="password_reset").count() == 1
    fresh = Client(HTTP_HOST="localhost")
    assert fresh.get(link).status_code == 200  # the page that says that the link was used
    _login(fresh)
    assert not _signed_in(fresh)
    _login(fresh, password=another)
    assert _signed_in(fresh)


def _totp(secret: str) -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))


def test_a_second_factor_is_asked_for(client: Client, ann: User) -> None:
    secret = generate_totp_secret()
    TOTP.activate(ann, secret)
    codes = RecoveryCodes.activate(ann).get_unused_codes()
    answer = _login(client)
    assert answer.headers["Location"].startswith("/accounts/2fa/authenticate/") and not _signed_in(client)
    client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert not _signed_in(client)
    client.post("/accounts/2fa/authenticate/", {"code": _totp(secret)})
    assert _signed_in(client)
    for expected in (True, False):  # a recovery code works once
        other = Client(HTTP_HOST="localhost")
        _login(other)
        other.post("/accounts/2fa/authenticate/", {"code": codes[0]})
        assert _signed_in(other) is expected


def test_passkeys_are_offered(client: Client, ann: User) -> None:
    assert "passkey_login" in client.get(LOGIN).content.decode()
    answer = client.get("/accounts/2fa/webauthn/login/", HTTP_ACCEPT="application/json",
                        HTTP_X_REQUESTED_WITH="XMLHttpRequest")  # fmt: skip
    assert answer.status_code == 200 and "challenge" in answer.content.decode()


def test_sessions_are_listed_and_ended(client: Client, ann: User) -> None:
    _login(client)
    other = Client(HTTP_HOST="localhost", HTTP_USER_AGENT="Other browser")
    _login(other)
    page = client.get("/accounts/sessions/").content.decode()
    assert "Other browser" in page
    client.post("/accounts/sessions/")
    assert _signed_in(client) and not _signed_in(other)


def test_a_disabled_person_is_out_at_once(client: Client, ann: User) -> None:
    add_operator(command_line(), "ben@acme.example", "owner")
    _login(client)
    assert _signed_in(client)
    disable_person(command_line(), ann.pk)
    assert not _signed_in(client)
    _login(client)
    assert not _signed_in(client)


def test_nobody_makes_an_account_for_himself(client: Client, ann: User) -> None:
    values = {"email": "eve@acme.example", "password1": PASSWORD, "password2": PASSWORD}
    client.get("/accounts/signup/")
    client.post("/accounts/signup/", values)
    assert User.objects.count() == 1 and not OutgoingMail.objects.exists()


EVIL = ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]


@pytest.mark.parametrize("target", EVIL)
def test_signing_in_never_leads_elsewhere(target: str, client: Client, ann: User) -> None:
    assert _login(client, next=target).headers["Location"] == "/"


def test_a_session_gets_another_key_at_sign_in(client: Client, ann: User) -> None:
    session = client.session
    session["planted"] = "by an attacker"
    session.save()
    before = client.cookies["sessionid"].value
    _login(client)
    assert client.cookies["sessionid"].value != before
    cookie = client.cookies["sessionid"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"


def test_a_form_without_its_token_is_refused(ann: User) -> None:
    strict = Client(HTTP_HOST="localhost", enforce_csrf_checks=True)
    assert _login(strict).status_code == 403
    strict.get(LOGIN)
    token = strict.cookies["csrftoken"].value
    assert _login(strict, csrfmiddlewaretoken=token).status_code == 302


PAGES = ["login/", "login/code/", "password/reset/", "signup/", "sessions/", "email/", "password/change/",
         "2fa/", "2fa/totp/activate/", "2fa/webauthn/", "2fa/webauthn/add/", "logout/", "reauthenticate/"]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_pages_hold_under_a_strict_policy(page: str, client: Client, ann: User) -> None:
    if page not in ("login/", "login/code/", "password/reset/", "signup/"):
        _login(client)
        client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    answer = client.get(f"/accounts/{page}")
    assert answer.status_code == 200, answer.headers.get("Location")
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    text = answer.content.decode()
    assert not re.search(r"\son\w+=|\sstyle=", text), "inline handlers and styles do not run"
    for script in re.findall(r"<script(?![^>]*\b(?:src|nonce)=)[^>]*>", text):
        assert "application/json" in script
    assert answer.headers["X-Frame-Options"] == "DENY" and answer.headers["X-Content-Type-Options"] == "nosniff"


def test_passwords_are_hashed_by_argon2() -> None:
    assert own_settings.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]


def test_changes_of_ones_own_account_are_in_the_trail(client: Client, ann: User) -> None:
    _login(client)
    another = "another horse battery"
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": another, "password2": another})
    assert AuditEvent.objects.filter(action="password_changed", actor_name="Ann").count() == 1
    with acting(command_line()):
        assert User.objects.get().check_password(another)
    assert PASSWORD not in str(list(AuditEvent.objects.values()))
