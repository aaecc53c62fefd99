"""Fixtures of the browser tests: one Chromium and one console for all, a fresh page for each test."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.site import console
from tests.control.accounts.oidc_provider import CLIENT, SECRET, OidcServer, oidc_server
from tests.conventions.tree import ROOT
from tests.servers.skip import skip_or_fail

SCREENS = ROOT / "build" / "screens"
DESKTOP = {"width": 1360, "height": 860}
PHONE = {"width": 390, "height": 844}
WAIT_MS = 60_000
"""For pages and what they show: a busy machine may take long."""
expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    return shutil.which("chromium") or skip_or_fail("no chromium; install Debian's package of this name")


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Browser]:
    """A browser of one module: while it is open an event loop runs in this thread, and no other test could run one."""
    with sync_playwright() as playwright:
        # Without the sandbox, because containers run as root.
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data directory of the console."""
    return tmp_path_factory.mktemp("console")


@pytest.fixture(scope="session")
def provider() -> Iterator[OidcServer]:
    """A provider of sign-ins that the console knows as Acme."""
    with oidc_server() as server:
        yield server


@pytest.fixture(scope="session")
def site(chromium_path: str, folder: Path, provider: OidcServer) -> Iterator[str]:
    """Address of the console. One can sign in with two providers, of which one is away."""
    values = {"ISSUER": provider.issuer, "CLIENT_ID": CLIENT, "CLIENT_SECRET": SECRET}
    settings = {"ACME": {"NAME": "Acme", **values}, "AWAY": {**values, "NAME": "Gone", "ISSUER": "http://127.0.0.1:9"}}
    environment = {
        f"CLEW_OIDC__PROVIDERS__{key}__{name}": value for key, own in settings.items() for name, value in own.items()
    }
    with console(folder, environment) as url:
        yield url


Open = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Browser, site: str, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Open a page; afterwards nothing may have gone wrong in it, and no other host may have been asked."""
    said: list[str] = []
    contexts = []

    def open_path(path: str, *, expected: int = 200, **options: Any) -> Page:
        context = chromium.new_context(**{"viewport": DESKTOP, "reduced_motion": "reduce", **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith((site, "data:")) else said.append(asked.url))
        answer = page.goto(site + path)
        assert answer is not None and answer.status == expected
        return page

    yield open_path
    for context in contexts:
        context.close()
    allowed = getattr(request, "param", ())
    assert [line for line in said if not any(part in line for part in allowed)] == []


def keep(page: Page, name: str) -> None:
    """Keep a picture of the page in build/screens if SCREENS is set: all of it, unless it is very long.

    Pictures of every page take longer than the tests of it.
    """
    if not os.environ.get("SCREENS"):
        return
    SCREENS.mkdir(parents=True, exist_ok=True)
    long = page.evaluate("document.documentElement.scrollHeight") > 4_000
    page.screenshot(path=SCREENS / f"{name}.png", full_page=not long)
