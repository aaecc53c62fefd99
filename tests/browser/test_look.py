"""Every page that exists without data: accessible, narrow enough, without other hosts, in every theme and size."""

import pytest
from playwright.sync_api import Page

from tests.browser.axe import faults
from tests.browser.conftest import DESKTOP, PHONE, Open, keep

PAGES = {
    "components": "/console/components/",
    "portal": "/console/components/portal/",
    "sign-in": "/accounts/login/",
    "password-reset": "/accounts/password/reset/",
}
SIZES = {"desktop": DESKTOP, "phone": PHONE}


def test_faults_are_found(open_page: Open) -> None:
    page = open_page(PAGES["sign-in"])
    page.evaluate("document.querySelector('label').remove()")
    assert any("label" in line for line in faults(page))


def sideways(page: Page) -> int:
    """Return the pixels that a page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize(
    ("name", "size", "theme"),
    [
        ("components", "desktop", "light"),
        ("components", "desktop", "dark"),
        ("components", "phone", "light"),
        ("portal", "desktop", "light"),
        ("portal", "phone", "dark"),
        ("sign-in", "desktop", "light"),
        ("sign-in", "phone", "dark"),
        ("password-reset", "phone", "light"),
    ],
)
def test_pages(open_page: Open, name: str, size: str, theme: str) -> None:
    page = open_page(PAGES[name], viewport=SIZES[size], color_scheme=theme, has_touch=size == "phone")
    keep(page, f"{name}-{size}-{theme}")
    assert faults(page) == []
    assert sideways(page) == 0


@pytest.mark.parametrize("open_page", [("404",)], indirect=True)
def test_error_page(open_page: Open) -> None:
    page = open_page("/nowhere/", expected=404)
    keep(page, "error-404")
    assert faults(page) == [] and page.get_by_role("link", name="Go to the start").is_visible()


@pytest.mark.parametrize("name", ["components", "portal"])
def test_smallest_phones(open_page: Open, name: str) -> None:
    """WCAG asks for 320 pixels: a desktop at four times its size."""
    assert sideways(open_page(PAGES[name], viewport={"width": 320, "height": 640})) == 0


@pytest.mark.parametrize("size", SIZES)
def test_right_to_left(open_page: Open, size: str) -> None:
    page = open_page(PAGES["components"], viewport=SIZES[size], locale="ar")
    keep(page, f"components-{size}-rtl")
    assert page.locator("html").get_attribute("dir") == "rtl"
    assert sideways(page) == 0
    if size == "desktop":
        box = page.locator(".cl-sidebar").bounding_box()
        assert box is not None and box["x"] > DESKTOP["width"] / 2


def test_print_leaves_the_navigation_out(open_page: Open) -> None:
    page = open_page(PAGES["components"])
    page.emulate_media(media="print")
    assert not page.locator(".cl-sidebar").is_visible() and page.locator("main h1").first.is_visible()
