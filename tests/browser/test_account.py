"""Sign-in and account pages as a person uses them: password, authenticator app, recovery codes, a passkey."""

import base64
import hmac
import struct
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import faults
from tests.browser.conftest import PHONE, Open, keep
from tests.browser.site import add_operator
from tests.browser.test_look import sideways

EMAIL, PASSWORD = "olivia@acme.example", "seven green bottles"


@pytest.fixture(scope="module")
def operator(site: str, folder: Path) -> None:
    add_operator(folder, EMAIL, "Olivia Stone", PASSWORD)


def sign_in(page: Page, email: str = EMAIL) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda address: "/login/" not in address)


def confirm(page: Page) -> None:
    """Give the password again where a page asks for it."""
    if page.get_by_role("heading", name="Confirm that it is you").is_visible():
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()
        page.wait_for_url(lambda address: "reauthenticate" not in address)


def sign_out(page: Page) -> None:
    page.locator("summary", has_text="Account of").click()
    page.get_by_role("button", name="Sign out").click()


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize("path", ["2fa/", "password/change/", "email/", "sessions/"])
def test_account_pages(open_page: Open, path: str) -> None:
    page = open_page(f"/accounts/login/?next=/accounts/{path}", viewport=PHONE)
    sign_in(page)
    expect(page.locator(".cl-tabs [aria-current]")).to_be_visible()
    keep(page, f"account-{path.strip('/').replace('/', '-')}-phone")
    assert faults(page) == [] and sideways(page) == 0


@pytest.mark.usefixtures("operator")
def test_every_page_of_the_navigation(open_page: Open, site: str) -> None:
    """Without data yet: what a new installation shows, on a phone."""
    page = open_page("/accounts/login/?next=/console/", viewport=PHONE)
    sign_in(page)
    expect(page.locator("main h1")).to_be_visible()
    links = page.locator(".cl-nav-link").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert len(links) > 3
    for link in links:
        answer = page.goto(site + link)
        assert answer is not None and answer.status == 200, link
        assert (link, faults(page, "main"), sideways(page)) == (link, [], 0)


@pytest.mark.usefixtures("operator")
def test_authenticator_app_and_recovery_codes(open_page: Open) -> None:
    page = open_page("/accounts/login/?next=/accounts/2fa/totp/activate/")
    sign_in(page)
    confirm(page)
    secret = page.get_by_label("Authenticator secret").input_value()
    keep(page, "authenticator-app")
    assert faults(page) == []
    page.get_by_label("Authenticator code").fill(code(secret))
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    keep(page, "recovery-codes")
    assert faults(page) == []
    codes = page.locator("#recovery-codes").inner_text().split()
    assert len(codes) == 10
    sign_out(page)
    page.goto(page.url.partition("/accounts")[0] + "/accounts/login/?next=/accounts/sessions/")
    sign_in(page)
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    keep(page, "second-factor")
    assert faults(page) == []
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("This browser")).to_be_visible()


def test_passkey(open_page: Open, site: str, folder: Path) -> None:
    """The authenticator is one that Chromium simulates; nothing else is."""
    add_operator(folder, "ana@acme.example", "Ana Ruiz", PASSWORD)
    page = open_page("/accounts/login/?next=/accounts/2fa/webauthn/add/")
    sign_in(page, "ana@acme.example")
    confirm(page)
    keep(page, "passkey-new")
    assert faults(page) == []  # before the authenticator, which would end with the session of axe
    authenticator = page.context.new_cdp_session(page)
    authenticator.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    authenticator.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.get_by_label("Name").fill("Laptop")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    sign_out(page)
    page.goto(f"{site}/accounts/login/?next=/accounts/sessions/")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("This browser")).to_be_visible()
    page.goto(f"{site}/accounts/2fa/webauthn/")
    confirm(page)
    expect(page.get_by_text("Laptop")).to_be_visible()
    keep(page, "passkeys")
    assert faults(page) == []


def code(secret: str) -> str:
    """Return what an authenticator app shows now (RFC 6238), once it stays valid for a while."""
    while time.time() % 30 > 15:
        time.sleep(0.1)
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), "sha1")
    start = digest[-1] & 15
    number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"
