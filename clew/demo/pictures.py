"""Pictures of the console's pages for `clew demo`, where there is a Chromium."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_DESKTOP = (1360, 860)
_PHONE = (390, 844)
_PHONE_PAGES = ("/console/", "/console/partners/", "/console/publish/")
_OTHER_PAGES = ("/console/partners/11/", "/console/offers/101/", "/console/people/", "/console/search/?q=harbor")
"""Pages that the navigation does not name."""
_PAGES_MAX = 60
_HEIGHT_PX_MAX = 1_800
"""Height of a picture; a longer page is cut to the window."""
_TIMEOUT_MS = 30_000


class NoPictures(Exception):
    """Pictures cannot be made here; the message says why."""


def browser_path() -> str:
    """Return the path of a Chromium. Raises NoPictures."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        raise NoPictures("there is no Chromium here (Debian: apt-get install chromium)")
    try:
        import playwright.async_api  # noqa: F401
    except ImportError:
        raise NoPictures("the Python package playwright is missing (make setup installs it)") from None
    return found


async def take_pictures(
    url: str,
    email: str,
    password: str,
    folder: Path,
    progress: Callable[[str], None],
    *,
    pages_max: int = _PAGES_MAX,
) -> list[Path]:
    """Sign in and take a picture of every page of the navigation and some more. Raises NoPictures."""
    path = browser_path()
    from playwright.async_api import Error, async_playwright

    try:
        async with async_playwright() as playwright:
            # Without the sandbox, because containers run as root. The only pages are those of the demo.
            browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            return await _Pictures(browser, url, folder, progress).take(email, password, pages_max)
    except Error as error:
        raise NoPictures(f"Chromium failed: {error.message.splitlines()[0]}") from None


class _Pictures:
    def __init__(self, browser: "Browser", url: str, folder: Path, progress: Callable[[str], None]) -> None:
        self._browser, self._url, self._folder, self._progress = browser, url, folder, progress
        self._taken: list[Path] = []

    async def take(self, email: str, password: str, pages_max: int) -> list[Path]:
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in self._folder.glob("*.png"):
            old.unlink()
        desktop = await self._page(_DESKTOP, "light")
        await desktop.goto(f"{self._url}/accounts/login/?next=/console/")
        await self._keep(desktop, "sign-in")
        await desktop.get_by_label("E-mail").fill(email)
        await desktop.get_by_label("Password").fill(password)
        await desktop.get_by_role("button", name="Sign in", exact=True).click()
        await desktop.wait_for_url(f"{self._url}/console/")
        cookies = await desktop.context.storage_state()
        for path in [*await self._navigation(desktop), *_OTHER_PAGES][:pages_max]:
            await self._visit(desktop, path, "")
        phone = await self._page(_PHONE, "dark", cookies)
        for path in _PHONE_PAGES[:pages_max]:
            await self._visit(phone, path, "-phone-dark")
        return self._taken

    async def _page(self, size: tuple[int, int], scheme: str, cookies: object = None) -> "Page":
        context = await self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
            storage_state=cookies,  # type: ignore[arg-type]
        )
        context.set_default_timeout(_TIMEOUT_MS)
        return await context.new_page()

    async def _navigation(self, page: "Page") -> list[str]:
        """Return the paths that the navigation links to."""
        links: list[str] = await page.locator("nav a[href^='/console/']").evaluate_all(
            "links => links.map(link => link.getAttribute('href'))"
        )
        return list(dict.fromkeys(links))

    async def _visit(self, page: "Page", path: str, suffix: str) -> None:
        answer = await page.goto(self._url + path)
        if answer is not None and answer.ok:
            await self._keep(page, f"{name_of(path)}{suffix}")

    async def _keep(self, page: "Page", name: str) -> None:
        self._progress(f"taking a picture: {name}")
        target = self._folder / f"{name}.png"
        long = await page.evaluate("document.documentElement.scrollHeight") > _HEIGHT_PX_MAX
        await page.screenshot(path=target, full_page=not long)
        self._taken.append(target)


def name_of(path: str) -> str:
    """Return the file name of a page's picture."""
    parts = urlsplit(path)
    words = re.findall(r"[A-Za-z0-9]+", f"{parts.path.removeprefix('/console/')} {parts.query}")
    return "-".join(words) or "home"
