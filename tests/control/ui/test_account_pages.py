"""Account pages: every page of sign-in and security has the look of the others and no inline code."""

from collections.abc import Iterator

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from control.audit.origin import ActorKind, Origin, acting
from control.ui import account_pages
from control.ui.assets_manifest import asset_url
from tests.control.ui.pages import ATTACK, Elements, injections

IMAGES_OF_DATA = "data:image/svg+xml"
"""The QR code of an authenticator app."""


@pytest.fixture(autouse=True)
def origin() -> Iterator[None]:
    with acting(Origin(ActorKind.COMMAND, name="test")):
        yield


def plain_paths(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    """Yield the paths without parameters."""
    for entry in resolver.url_patterns:
        part = str(entry.pattern).lstrip("^").rstrip("$")
        if isinstance(entry, URLResolver):
            yield from plain_paths(entry, prefix + part)
        elif isinstance(entry, URLPattern) and "<" not in part and "(" not in part:
            yield prefix + part


def account_paths() -> list[str]:
    return sorted({path for path in plain_paths(get_resolver()) if path.startswith("/accounts/")})


def sign_in(client: Client, name: str, role: str) -> None:
    """Sign in by the form, so that pages that ask for a recent sign-in open."""
    user = get_user_model().objects.create_user("ana@x.example", "long enough words", name=name, role=role)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    answer = client.post("/accounts/login/", {"login": user.email, "password": "long enough words"})
    assert answer.status_code == 302, answer.content.decode()[:2000]


def own_look(page: str) -> bool:
    return f'href="{asset_url("clew.css")}"' in page and 'id="main"' in page


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("signed_in", [False, True])
def test_every_account_page(client: Client, signed_in: bool) -> None:
    if signed_in:
        sign_in(client, ATTACK, "owner")
    seen = 0
    for path in account_paths():
        answer = client.get(path)
        assert answer.status_code < 500, path
        if answer.status_code != 200 or "html" not in answer["Content-Type"]:
            continue
        text = answer.content.decode()
        seen += 1
        assert own_look(text), path
        found = [line for line in injections(text) if IMAGES_OF_DATA not in line and not line.startswith("<img")]
        assert [line for line in found if "application/json" not in line] == [], path
        assert [tag for tag, _ in Elements(text).found].count("h1") == 1, path
    assert seen >= (8 if signed_in else 5)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("role", "shell"), [("owner", "cl-shell-console"), ("", "cl-shell-portal")])
def test_shell_follows_the_person(client: Client, role: str, shell: str) -> None:
    sign_in(client, "Ana", role)
    text = client.get("/accounts/sessions/").content.decode()
    current = [values["href"] for tag, values in Elements(text).found if tag == "a" and "aria-current" in values]
    assert shell in text and "/accounts/sessions/" in current


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_wrong_password_is_said_at_the_form(client: Client) -> None:
    answer = client.post("/accounts/login/", {"login": "a@x.example", "password": ATTACK})
    text = answer.content.decode()
    assert 'role="alert"' in text and injections(text) == []


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36",
            "Chrome on Windows",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_1) AppleWebKit/605.1 Version/17 Safari/605.1", "Safari on macOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox on Linux"),
        ("curl/8.1\n<b>", "curl/8.1 <b>"),
        ("", "Unknown browser"),
    ],
)
def test_browsers_have_names(agent: str, name: str) -> None:
    assert account_pages.browser_name(agent) == name


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "429", "500"])
def test_error_pages_need_nothing(name: str) -> None:
    """The page of error 500 is rendered without request, session and database."""
    text = render_to_string(f"{name}.html")
    assert own_look(text) and name[:3] in text and injections(text) == []


def test_error_pages_are_used(client: Client) -> None:
    answer = client.get("/nowhere/")
    assert answer.status_code == 404 and own_look(answer.content.decode())
    refused = Client(enforce_csrf_checks=True, HTTP_HOST="localhost").post("/theme/", {"theme": "dark"})
    assert refused.status_code == 403 and "open for too long" in refused.content.decode()


def test_error_pages_follow_the_theme() -> None:
    request = RequestFactory().get("/")
    request.COOKIES["theme"] = "dark"
    assert 'data-bs-theme="dark"' in render_to_string("404.html", {}, request)
