"""Pages that appear when providers of sign-ins are set up: accessible, and clear about what to do."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import faults
from tests.browser.conftest import DESKTOP, PHONE, Open, keep
from tests.browser.test_look import SIZES, sideways
from tests.control.accounts.oidc_provider import OidcServer

REFUSED = ("/authorize", "the server responded with a status of")
"""The browser goes to the provider, and says in its console that an answer is a refusal."""
LOOKS = [("desktop", "light"), ("phone", "dark")]
looks = pytest.mark.parametrize(("size", "theme"), LOOKS)


def check(page: Page, name: str) -> None:
    keep(page, name)
    assert faults(page) == [] and sideways(page) == 0


def back_at_sign_in(page: Page) -> None:
    page.get_by_role("link", name="Back to the sign-in page").click()
    expect(page.get_by_role("link", name="Sign in with Acme")).to_be_visible()


@looks
def test_the_sign_in_page_has_the_providers(open_page: Open, size: str, theme: str) -> None:
    page = open_page("/accounts/login/", viewport=SIZES[size], color_scheme=theme)
    expect(page.get_by_role("link", name="Sign in with Gone")).to_be_visible()
    check(page, f"providers-{size}-{theme}")


@pytest.mark.parametrize("open_page", [REFUSED], indirect=True)
@looks
def test_no_account_has_the_address(open_page: Open, provider: OidcServer, size: str, theme: str) -> None:
    provider.person = {"sub": "zoe-1", "email": "zoe@acme.example", "email_verified": True, "name": "Zoe"}
    page = open_page("/accounts/login/", viewport=SIZES[size], color_scheme=theme)
    page.get_by_role("link", name="Sign in with Acme").click()
    expect(page.get_by_role("heading", name="Sign-in with Acme did not work")).to_be_visible()
    expect(page.get_by_text("zoe@acme.example")).to_be_visible()
    check(page, f"provider-no-account-{size}-{theme}")
    back_at_sign_in(page)


@pytest.mark.parametrize("open_page", [REFUSED], indirect=True)
def test_a_provider_that_is_away(open_page: Open) -> None:
    page = open_page("/accounts/oidc/away/", expected=503, viewport=PHONE)
    expect(page.get_by_text("Try again in a moment.")).to_be_visible()
    check(page, "provider-away-phone")
    back_at_sign_in(page)


@pytest.mark.parametrize("open_page", [REFUSED], indirect=True)
def test_an_answer_that_is_refused(open_page: Open) -> None:
    page = open_page("/accounts/oidc/acme/callback/?error=access_denied", expected=400, viewport=DESKTOP)
    expect(page.get_by_role("heading", name=re.compile("did not work"))).to_be_visible()
    check(page, "provider-refused-desktop")
    back_at_sign_in(page)
