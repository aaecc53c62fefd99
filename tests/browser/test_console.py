"""The console as a partner manager's owner walks it: partners, a program that is published, lists, every page."""

import json
import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.axe import faults
from tests.browser.conftest import PHONE, Open, keep
from tests.browser.site import add_operator
from tests.browser.test_account import PASSWORD, sign_in
from tests.browser.test_look import sideways
from tests.conventions.tree import ROOT

EMAIL = "walker@acme.example"
MORE = {"saved view": "/console/partners/?country=DE&q=a", "search": "/console/search/?q=lagoon"}
"""States of pages that the bare addresses do not show."""
PARTS = 3
LOOKS: list[tuple[str, ViewportSize, Literal["light", "dark"]]] = [
    ("desktop-light", {"width": 1360, "height": 860}, "light"), ("phone-dark", {"width": 390, "height": 844}, "dark"),
]  # fmt: skip
_PICTURES = """
import asyncio, pathlib, sys
from clew.demo.pictures import take_pictures
url, email, password, folder = sys.argv[1:]
asyncio.run(take_pictures(url, email, None, password, pathlib.Path(folder), lambda text: None, pages_max=1))
"""
"""In a process of its own: an event loop runs in the thread of the tests already."""


@pytest.fixture(scope="module")
def operator(site: str, folder: Path) -> None:
    add_operator(folder, EMAIL, "Wanda Walker", PASSWORD)


def open_console(open_page: Open, path: str, **options: object) -> Page:
    page = open_page(f"/accounts/login/?next=/console/{path}", **options)
    sign_in(page, EMAIL)
    return page


def go(page: Page, path: str) -> None:
    """Open a page of the console, or one whose path begins with a slash."""
    root = re.match(r"https?://[^/]+", page.url)
    assert root is not None
    answer = page.goto(root.group() + (path if path.startswith("/") else f"/console/{path}"))
    assert answer is not None and answer.status == 200, path


@pytest.mark.usefixtures("operator")
def test_a_partner_from_creation_to_suspension(open_page: Open) -> None:
    page = open_console(open_page, "partners/")
    page.get_by_role("link", name="New partner").first.click()
    page.get_by_label("Name", exact=True).fill("Blue Lagoon")
    page.get_by_label(re.compile("^E-mail")).fill("no address")
    page.get_by_label(re.compile("^Website")).click()
    expect(page.locator("#id_email_error")).to_contain_text("valid e-mail")
    keep(page, "partner-live-check")
    page.get_by_label(re.compile("^E-mail")).fill("team@lagoon.example")
    page.get_by_label("Status").select_option("applied")
    expect(page.locator("#id_email_error")).to_be_empty()
    page.get_by_role("button", name="Add partner").click()
    expect(page.get_by_role("heading", name="Blue Lagoon")).to_be_visible()
    page.get_by_role("link", name="Activate", exact=True).first.click()
    page.get_by_role("button", name="Activate").click()
    expect(page.locator(".cl-page-header .cl-badge")).to_have_text("Active")
    page.locator("summary", has_text="More").click()
    page.get_by_role("link", name="Suspend").click()
    page.get_by_role("button", name="Suspend").click()
    expect(page.get_by_label("Reason")).to_be_focused()  # the browser wants a reason
    page.get_by_label("Reason").fill("Brand bidding, second warning")
    page.get_by_role("button", name="Suspend").click()
    expect(page.locator(".cl-page-header .cl-badge")).to_have_text("Suspended")
    keep(page, "partner-suspended")
    page.get_by_role("link", name="History").click()
    expect(page.get_by_text("Brand bidding, second warning").first).to_be_visible()
    keep(page, "partner-history")


@pytest.mark.usefixtures("operator")
def test_a_list_is_searched_changed_and_set_back(open_page: Open) -> None:
    page = open_console(open_page, "partners/new/")
    for name in ("Red Rock", "Green Hill"):
        go(page, "partners/new/")
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_role("button", name="Add partner").click()
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    go(page, "partners/")
    page.locator("#list-search").fill("rock")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?q=rock$"))
    page.get_by_label("Mark Red Rock").check()
    expect(page.locator(".cl-bulk")).to_contain_text("1 marked")
    keep(page, "partners-marked")
    page.get_by_role("button", name="Set tier").click()
    page.get_by_label("Tier").fill("Gold")
    page.get_by_role("button", name="Set tier").click()
    expect(page.locator("tbody")).to_contain_text("Gold")
    keep(page, "partners-changed")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="1 partner set back")).to_be_visible()
    go(page, "partners/?q=rock")
    expect(page.locator("tbody")).not_to_contain_text("Gold")


@pytest.mark.usefixtures("operator")
def test_an_offer_is_published_without_javascript(open_page: Open) -> None:
    page = open_console(open_page, "offers/new/", java_script_enabled=False)
    page.get_by_label("Name", exact=True).fill("Shoes")
    page.get_by_label("Landing page").fill("https://shop.example/?cid={clickid}")
    page.get_by_role("button", name="Make offer").click()
    expect(page.locator("#id_landing_url_error")).to_contain_text("clickid")
    page.get_by_label("Landing page").fill("https://shop.example/?cid={click_id}")
    page.get_by_role("button", name="Make offer").click()
    page.get_by_role("link", name="New plan").click()
    page.get_by_label(re.compile("^Percent")).fill("8")
    page.get_by_role("button", name="Save draft").click()
    go(page, "publish/")
    expect(page.get_by_text("publishes the first program")).to_be_visible()
    keep(page, "publish")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("heading", name="Version 1")).to_be_visible()
    go(page, "links/new/")
    page.locator("#id_partner").fill("1")
    page.get_by_role("button", name="Make link").click()
    expect(page.locator("tbody tr")).to_have_count(1)


@pytest.mark.usefixtures("operator")
def test_a_partner_is_looked_up_with_the_keyboard(open_page: Open) -> None:
    page = open_console(open_page, "links/new/", viewport=PHONE)
    box = page.get_by_role("combobox", name="Partner")
    box.press_sequentially("rock")
    expect(page.locator(".cl-lookup-option")).to_have_count(1)
    keep(page, "lookup-phone")
    assert faults(page) == []
    box.press("ArrowDown")
    box.press("Enter")
    expect(box).to_have_value(re.compile(r"^Red Rock \(\d\)$"))
    expect(page.get_by_role("listbox")).to_be_hidden()


@pytest.fixture(scope="module")
def pages(operator: None, folder: Path) -> dict[str, str]:
    """Addresses of all pages of the console and of accounts by name, and of some of their states."""
    words = [sys.executable, "-m", "tests.browser.objects", str(folder), EMAIL]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, str] = json.loads(done.stdout)
    return {**found, **MORE}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_is_readable(open_page: Open, pages: dict[str, str], part: int) -> None:
    """Each page is loaded once: its look depends on style sheets only. Pages of one object are looked at on a phone.

    Home is looked at whole; of the other pages only what differs from it.
    """
    page = open_console(open_page, "")
    said = []
    for name in sorted(pages)[part::PARTS]:
        path = pages[name].removeprefix("/console/")
        go(page, path)
        assert page.title(), path
        looks = LOOKS[1:] if re.search(r"[0-9a-f-]{36}", path) else LOOKS
        for look, size, scheme in looks:
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)
            keep(page, f"{name.replace('_', '-').replace(' ', '-')}-{look}")
            said += [f"{path} {look}: {fault}" for fault in faults(page, "main" if path else "html")]
            if sideways(page):
                said.append(f"{path} {look}: scrolls sideways by {sideways(page)}")
    assert said == []


@pytest.mark.usefixtures("operator")
def test_pages_of_objects_with_an_id(open_page: Open) -> None:
    """An import, a webhook with a delivery, a scheduled change and a publish request, each made as a person does it."""
    page = open_console(open_page, "webhooks/new/", viewport=PHONE, color_scheme="dark")
    said: list[str] = []

    def look(name: str) -> None:
        keep(page, f"console-{name}-phone-dark")
        said.extend(f"{name}: {fault}" for fault in faults(page))
        if sideways(page):
            said.append(f"{name}: scrolls sideways by {sideways(page)}")

    page.get_by_label("Address").fill("https://crm.example/hook")
    page.get_by_role("button", name="Make webhook").click()
    expect(page.get_by_role("heading", name="Secret of the webhook")).to_be_visible()
    look("webhook-secret")
    go(page, "webhooks/")
    page.locator("tbody a").first.click()
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    look("webhook")
    go(page, "imports/new/")
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "partners.csv", "mimeType": "text/csv", "buffer": b"name,country\nGreen Field,DE\n"}
    )
    page.get_by_role("button", name="Upload").click()
    expect(page).to_have_url(re.compile("/imports/[0-9a-f-]{36}/"))
    look("import")
    go(page, "offers/1/to/paused/")
    page.get_by_label(re.compile("^When")).fill(f"{date.today() + timedelta(days=30)}T18:00")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text(re.compile("is paused from"))).to_be_visible()
    page.get_by_role("link", name=re.compile("^Paused")).click()
    expect(page.get_by_role("button", name="Cancel the change")).to_be_visible()
    look("scheduled-change")
    go(page, "plans/new/?offer=1")
    page.get_by_label(re.compile("^Percent")).fill("9")
    page.get_by_role("button", name="Save draft").click()
    go(page, "versions/1/ask/")
    page.get_by_role("button", name="Ask for approval").click()
    look("ask-for-approval")
    assert said == []


@pytest.mark.usefixtures("operator")
def test_the_demo_takes_pictures_of_the_console(site: str, tmp_path: Path) -> None:
    words = [sys.executable, "-c", _PICTURES, site, EMAIL, PASSWORD, str(tmp_path)]
    subprocess.run(words, check=True, timeout=120)
    assert {"sign-in.png", "home.png", "home-phone-dark.png"} <= {path.name for path in tmp_path.iterdir()}
    assert all(path.stat().st_size > 5_000 for path in tmp_path.iterdir())
