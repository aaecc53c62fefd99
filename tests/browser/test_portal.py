"""The portal as a partner uses it on a phone: a link in one form, a request, and every page readable."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.axe import faults
from tests.browser.conftest import DESKTOP, PHONE, Open, keep
from tests.browser.portal_objects import EMAIL
from tests.browser.test_account import PASSWORD, sign_in
from tests.browser.test_console import go
from tests.browser.test_look import sideways
from tests.conventions.tree import ROOT


@pytest.fixture(scope="module")
def pages(site: str, folder: Path) -> dict[str, str]:
    """Addresses of all pages of the portal by name."""
    words = [sys.executable, "-m", "tests.browser.portal_objects", str(folder), PASSWORD]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.usefixtures("pages")
def test_a_link_and_a_request_without_javascript(open_page: Open) -> None:
    page = open_page("/accounts/login/", viewport=PHONE, java_script_enabled=False)
    sign_in(page, EMAIL)
    expect(page).to_have_url(re.compile("/portal/$"))
    page.get_by_role("link", name="New link").click()
    page.get_by_label("Offer").select_option(label="Boots")
    page.get_by_label(re.compile("^Page")).fill("https://boots.example/red")
    page.get_by_role("button", name="Make link").click()
    expect(page.get_by_text("Your link is ready.")).to_be_visible()
    expect(page.locator("#link-address")).to_contain_text("/c/")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("The link is paused.")).to_be_visible()
    page.get_by_role("link", name="Offers").last.click()
    page.get_by_role("link", name="Hiking tours").click()
    page.get_by_label("Message").fill("We guide tours")
    page.get_by_role("button", name="Send request").click()
    expect(page.get_by_text("Your request waits for an answer.")).to_be_visible()


def test_mistakes_are_told_while_a_form_is_filled_in(open_page: Open, pages: dict[str, str]) -> None:
    page = open_page(f"/accounts/login/?next={pages['portal_link_new']}", viewport=PHONE)
    sign_in(page, EMAIL)
    page.get_by_label(re.compile("^Page")).fill("https://elsewhere.example/")
    page.get_by_label(re.compile("^Name in")).click()
    expect(page.locator("#id_landing_url_error")).to_contain_text("allow")
    page.get_by_label(re.compile("^Page")).fill("https://boots.example/blue")
    page.get_by_label(re.compile("^Name in")).click()
    expect(page.locator("#id_landing_url_error")).to_be_empty()


@pytest.mark.timeout(600)
def test_every_page_is_readable(open_page: Open, pages: dict[str, str]) -> None:
    page = open_page("/accounts/login/?next=/portal/", viewport=PHONE, color_scheme="dark")
    sign_in(page, EMAIL)
    said: list[str] = []
    for name, path in sorted(pages.items()):
        go(page, path)
        for look, size, scheme in (("phone-dark", PHONE, "dark"), ("desktop-light", DESKTOP, "light")):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            keep(page, f"{name.replace('_', '-')}-{look}")
            said += [f"{path} {look}: {fault}" for fault in faults(page, "html" if path == "/portal/" else "main")]
            if sideways(page):
                said.append(f"{path} {look}: scrolls sideways by {sideways(page)}")
    assert said == []
