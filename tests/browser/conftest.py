"""Fixtures of the browser tests: one Chromium and one console for all, pages that hold nothing of the test before."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.browser.site import console
from tests.control.accounts.oidc_provider import CLIENT, SECRET, OidcServer, oidc_server
from tests.conventions.tree import ROOT
from tests.servers.skip import skip_or_fail

SCREENS = ROOT / "build" / "screens"
DESKTOP: ViewportSize = {"width": 1360, "height": 860}
PHONE: ViewportSize = {"width": 390, "height": 844}
ColorScheme = Literal["light", "dark"]
PLAIN = "/static/ui/inter-licence.txt"
"""A page of the site without style sheets and scripts."""
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


@dataclass
class Tab:
    """A page in a context of its own, and what went wrong in it."""

    page: Page
    said: list[str] = field(default_factory=list)

    def listen(self, site: str) -> None:
        page = self.page
        page.on("console", lambda message: self.said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith((site, "data:")) else self.said.append(asked.url))

    def forget(self, site: str) -> None:
        """Leave nothing of a test in the browser but files that it may keep."""
        page, context = self.page, self.page.context
        for other in context.pages:
            if other is not page:
                other.close()
        session = context.new_cdp_session(page)
        page.goto(site + PLAIN)  # not about:blank, for which Chromium starts another process
        session.send("Runtime.evaluate", {"expression": "sessionStorage.clear()"})
        session.send("Storage.clearDataForOrigin", {"origin": site, "storageTypes": "all"})
        session.detach()
        context.clear_cookies()
        context.clear_permissions()
        self.said = []


class Tabs:
    """Tabs that tests take in turn: a new context and its first page take a second of CPU time or two."""

    def __init__(self, browser: Browser, site: str) -> None:
        self._browser, self._site = browser, site
        self._free: dict[str, list[Tab]] = {}

    def take(self, viewport: ViewportSize, color_scheme: ColorScheme, **options: Any) -> Tab:
        """Return a tab that looks like a new one."""
        free = self._free.setdefault(repr(sorted(options.items())), [])
        tab = free.pop() if free else self._new(options)
        tab.page.set_viewport_size(viewport)
        tab.page.emulate_media(media="null", color_scheme=color_scheme, reduced_motion="reduce")
        return tab

    def _new(self, options: dict[str, Any]) -> Tab:
        page = self._browser.new_context(reduced_motion="reduce", **options).new_page()
        page.set_default_timeout(WAIT_MS)
        tab = Tab(page)
        tab.listen(self._site)
        return tab

    def give(self, tab: Tab, **options: Any) -> None:
        tab.forget(self._site)
        self._free[repr(sorted(options.items()))].append(tab)


@pytest.fixture(scope="module")
def tabs(chromium: Browser, site: str) -> Tabs:
    return Tabs(chromium, site)


@pytest.fixture
def open_page(tabs: Tabs, site: str, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Open a page; afterwards nothing may have gone wrong in it, and no other host may have been asked."""
    taken: list[tuple[Tab, dict[str, Any]]] = []

    def open_path(
        path: str, *, expected: int = 200, viewport: ViewportSize = DESKTOP, color_scheme: ColorScheme = "light",
        **options: Any,
    ) -> Page:  # fmt: skip
        tab = tabs.take(viewport, color_scheme, **options)
        taken.append((tab, options))
        answer = tab.page.goto(site + path)
        assert answer is not None and answer.status == expected
        return tab.page

    yield open_path
    said = [line for tab, _ in taken for line in tab.said]
    for tab, options in taken:
        tabs.give(tab, **options)
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
