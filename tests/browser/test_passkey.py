"""Signing in as a person does: with a password, then with a passkey of the browser."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.site import console

EMAIL, PASSWORD = "ann@acme.example", "correct horse battery"


@pytest.fixture(scope="module")
def own_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A console with one owner, under a name: browsers allow passkeys on localhost and not on an address."""
    folder: Path = tmp_path_factory.mktemp("sign-in")
    words = ["user", "add", EMAIL, "--role", "owner", "--password-stdin", "--data", str(folder)]
    subprocess.run([sys.executable, "-m", "clew", *words], input=PASSWORD, text=True, check=True, timeout=60)
    with console(folder) as url:
        yield url.replace("127.0.0.1", "localhost")


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(10_000)
    yield page
    context.close()


def _signed_in(page: Page, site: str) -> bool:
    page.goto(f"{site}/accounts/sessions/")
    return page.url == f"{site}/accounts/sessions/"


def _with_password(page: Page, site: str) -> None:
    page.goto(f"{site}/accounts/login/")
    page.locator("input[name=login]").fill(EMAIL)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    expect(page).not_to_have_url(f"{site}/accounts/login/")


def test_a_passkey_is_made_and_signs_in(page: Page, own_site: str) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    _with_password(page, own_site)
    page.goto(f"{own_site}/accounts/2fa/webauthn/add/")
    page.locator("input[name=password]").fill(PASSWORD)  # asked for again before a change of the account
    page.locator("input[name=password]").press("Enter")
    page.locator("input[name=name]").fill("Laptop")
    page.locator("input[name=passwordless]").check()
    page.locator("#mfa_webauthn_add").click()
    expect(page).not_to_have_url(f"{own_site}/accounts/2fa/webauthn/add/")
    page.context.clear_cookies()
    assert not _signed_in(page, own_site)
    page.goto(f"{own_site}/accounts/login/")
    page.locator("#passkey_login").click()
    expect(page).not_to_have_url(f"{own_site}/accounts/login/")
    assert _signed_in(page, own_site)
    assert said == []
