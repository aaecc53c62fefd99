"""Pages without JavaScript: menus, dialogs, the drawer, themes and filters work."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Open

COMPONENTS = "/console/components/?only=menu&only=dialog&only=filter_bar&only=code&only=toast"
CHART = "/console/components/?only=chart"


@pytest.fixture
def page(open_page: Open) -> Page:
    return open_page(COMPONENTS, java_script_enabled=False)


def test_menu(page: Page) -> None:
    menu = page.locator("#menu details.cl-menu").first
    expect(menu.get_by_text("Duplicate")).not_to_be_visible()
    menu.locator("summary").click()
    expect(menu.get_by_text("Duplicate")).to_be_visible()


def test_dialog(page: Page) -> None:
    dialog = page.locator("#sample-dialog")
    expect(dialog).not_to_be_visible()
    page.get_by_role("button", name="Archive offer").click()
    expect(dialog).to_be_visible()
    expect(dialog.locator("form")).to_have_attribute("method", "post")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).not_to_be_visible()


def test_drawer_of_phones(open_page: Open) -> None:
    page = open_page(COMPONENTS, java_script_enabled=False, viewport=PHONE)
    expect(page.get_by_role("link", name="Offers")).not_to_be_visible()
    page.get_by_role("button", name="Menu", exact=True).click()
    expect(page.get_by_role("link", name="Offers")).to_be_visible()
    page.get_by_role("button", name="Close menu").click()
    expect(page.get_by_role("link", name="Offers")).not_to_be_visible()


def test_theme(page: Page) -> None:
    page.locator(".cl-topbar details summary").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(page).to_have_url(page.url)
    expect(page.locator("main h1").first).to_have_text("Components")


def test_filters_have_a_button_and_copy_buttons_are_hidden(page: Page) -> None:
    page.locator("#filter_bar select[name=tier]").select_option("gold")
    page.locator("#filter_bar").get_by_role("button", name="Apply").click()
    assert "tier=gold" in page.url
    expect(page.locator("[data-copy]").first).not_to_be_visible()


def test_messages_stay_in_the_page(page: Page) -> None:
    expect(page.locator("#toast .cl-toast").first).to_be_visible()
    expect(page.locator("[data-dismiss]").first).not_to_be_visible()


def test_charts_have_their_figures(open_page: Open) -> None:
    page = open_page(CHART, java_script_enabled=False)
    details = page.locator("#chart details.cl-chart-data").first
    details.locator("summary").click()
    expect(details.locator("td").first).to_be_visible()
    expect(details.locator("td").first).to_contain_text("$")


def test_sign_in_form(open_page: Open) -> None:
    page = open_page("/accounts/login/", java_script_enabled=False)
    page.get_by_label("E-mail").fill("nobody@x.example")
    page.get_by_label("Password").fill("wrong words here")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("E-mail")).to_have_value("nobody@x.example")
