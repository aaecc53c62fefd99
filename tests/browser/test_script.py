"""What a script adds to the pages."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Open, keep

COMPONENTS = (
    "/console/components/?only=menu&only=dialog&only=code&only=bulk_bar&only=table&only=filter_bar&only=live&only=toast"
)
CHART = "/console/components/?only=chart"


@pytest.fixture
def page(open_page: Open) -> Page:
    return open_page(COMPONENTS)


def test_dialog_is_modal_and_gives_the_focus_back(page: Page) -> None:
    button = page.get_by_role("button", name="Archive offer")
    dialog = page.locator("#sample-dialog")
    for close in ("Escape", "Cancel"):
        button.click()
        expect(dialog).to_be_visible()
        assert page.evaluate("document.querySelector('#sample-dialog').matches(':modal')")
        keep(page, "dialog")
        if close == "Escape":
            page.keyboard.press("Escape")
        else:
            dialog.get_by_role("button", name="Cancel").click()
        expect(dialog).not_to_be_visible()
        expect(button).to_be_focused()


def test_menu_closes_on_escape_and_on_a_click_elsewhere(page: Page) -> None:
    menu = page.locator("#menu details.cl-menu").first
    menu.locator("summary").click()
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()
    menu.locator("summary").click()
    page.locator("#menu h2").click()
    expect(menu).not_to_have_attribute("open", "")


def test_theme_changes_at_once_and_is_kept(page: Page) -> None:
    page.locator(".cl-topbar details summary").click()
    with page.expect_response("**/theme/"):
        page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_copy(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = page.locator('[data-copy="sample-key"]')
    button.click()
    expect(button).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#sample-key").text_content()


def test_marks_are_counted(page: Page) -> None:
    form = page.locator("#bulk_bar form")
    bar = form.locator(".cl-bulk")
    expect(bar).to_contain_text("1 marked")
    form.locator("tbody input").uncheck()
    expect(bar).not_to_be_visible()
    table = page.locator("#table form")
    table.locator("[data-pick-all]").check()
    assert table.locator("tbody .cl-pick input:checked").count() == 4
    table.locator("tbody input").first.uncheck()
    assert table.locator("[data-pick-all]").evaluate("box => box.indeterminate")


def test_slash_goes_to_the_search(page: Page) -> None:
    search = page.locator(".cl-topbar input[type=search]")
    page.keyboard.press("/")
    expect(search).to_be_focused()
    page.keyboard.type("a/b")
    expect(search).to_have_value("a/b")


def test_filters_apply_at_once(page: Page) -> None:
    with page.expect_navigation(url="**tier=gold**"):
        page.locator("#filter_bar select[name=tier]").select_option("gold")


def test_live_lists_refresh_in_place(page: Page) -> None:
    page.evaluate("window.same = true")
    part = page.locator("#sample-list")
    part.get_by_role("link", name="Page 8").click()
    expect(page).to_have_url(re.compile(r"page=8"))
    search = page.locator("#sample-search")
    search.press_sequentially("shoes")
    expect(page).to_have_url(re.compile(r"q=shoes"))
    expect(search).to_have_value("shoes")
    expect(search).to_be_focused()
    part.locator("select[name=tier]").select_option("gold")
    expect(page).to_have_url(re.compile(r"tier=gold"))
    assert page.evaluate("window.same")
    page.go_back()
    expect(page).to_have_url(re.compile(r"q=shoes"))
    expect(page.locator("#sample-search")).to_have_value("shoes")


def test_toasts_leave_by_their_button(page: Page) -> None:
    toasts = page.locator("#toast [data-toast]")
    before = toasts.count()
    toasts.first.get_by_role("button", name="Dismiss").click()
    expect(toasts).to_have_count(before - 1)


def test_heads_of_card_tables_show_up_for_the_keyboard(open_page: Open) -> None:
    page = open_page(COMPONENTS, viewport=PHONE)
    head = page.locator("#table .cl-table-cards thead").first
    sort = head.get_by_role("link", name="Clicks")
    assert (head.bounding_box() or {})["width"] <= 1
    sort.focus()
    assert (head.bounding_box() or {})["width"] > 200
    expect(sort).to_be_in_viewport()


def test_chart_shows_figures_under_the_pointer(open_page: Open) -> None:
    page = open_page(CHART)
    band = page.locator("#chart .cl-chart-band").nth(11)
    expect(band.locator(".cl-chart-tip")).to_have_css("opacity", "0")
    band.locator(".cl-chart-hit").hover()
    expect(band.locator(".cl-chart-tip")).to_have_css("opacity", "1")
    expect(band.locator(".cl-chart-tip")).to_contain_text("9 Nov")


def test_keyboard_reaches_the_content_first(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_drawer_of_phones_closes_by_a_tap_elsewhere(open_page: Open) -> None:
    page = open_page(COMPONENTS, viewport=PHONE, has_touch=True)
    page.get_by_role("button", name="Menu", exact=True).click()
    expect(page.get_by_role("link", name="Offers")).to_be_visible()
    keep(page, "drawer-phone")
    page.touchscreen.tap(370, 700)
    expect(page.get_by_role("link", name="Offers")).not_to_be_visible()
