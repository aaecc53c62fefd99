"""The public form of an application, with JavaScript on a phone and without it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.apply_objects import SLUG
from tests.browser.axe import faults
from tests.browser.conftest import PHONE, Open
from tests.browser.test_look import sideways
from tests.conventions.tree import ROOT

PATH = f"/apply/{SLUG}/"


@pytest.fixture(scope="module", autouse=True)
def _form(site: str, folder: Path) -> None:
    words = [sys.executable, "-m", "tests.browser.apply_objects", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]


def _fill(page: Page, email: str) -> None:
    page.get_by_label("Your name").fill("Eve Example")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Site").fill("eve.example")
    page.get_by_label("Country").select_option("AT")
    expect(page).to_have_url(re.compile(PATH))  # a choice sends nothing


def test_a_field_appears_when_it_is_needed_and_work_is_proved(open_page: Open) -> None:
    page = open_page(PATH, viewport=PHONE)
    assert not sideways(page) and faults(page) == []
    _fill(page, "eve@eve.example")
    expect(page.get_by_label("Profiles")).not_to_be_visible()
    page.get_by_label("Social media").check()
    page.get_by_label("Profiles").fill("social.example/eve")
    expect(page.locator("input[name=cl-proof]")).to_have_value(re.compile("^[0-9]+$"), timeout=30_000)
    page.wait_for_timeout(3_000)  # the form takes nothing that comes sooner
    page.get_by_role("button", name="Send application").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()


def test_the_form_works_without_javascript(open_page: Open) -> None:
    page = open_page(PATH, java_script_enabled=False)
    _fill(page, "una@una.example")
    page.get_by_label("Blog").check()
    page.wait_for_timeout(3_000)
    page.get_by_role("button", name="Send application").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
