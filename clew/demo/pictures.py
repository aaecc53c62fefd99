"""Pictures of the pages of console and portal for `clew demo`, where there is a Chromium."""

import re
import shutil
from collections.abc import Callable, Sequence
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
    operator: str,
    partners: tuple[str, str] | None,
    password: str,
    folder: Path,
    progress: Callable[[str], None],
    *,
    pages_max: int = _PAGES_MAX,
) -> list[Path]:
    """Sign in and take a picture of every page of the navigation and some more. Raises NoPictures.

    People are named by their addresses: an operator, and two of a partner's people, of whom the second reads from
    right to left.
    """
    path = browser_path()
    from playwright.async_api import Error, async_playwright

    try:
        async with async_playwright() as playwright:
            # Without the sandbox, because containers run as root. The only pages are those of the demo.
            browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            return await _Pictures(browser, url, folder, progress).take(operator, partners, password, pages_max)
    except Error as error:
        raise NoPictures(f"Chromium failed: {error.message.splitlines()[0]}") from None


class _Pictures:
    def __init__(self, browser: "Browser", url: str, folder: Path, progress: Callable[[str], None]) -> None:
        self._browser, self._url, self._folder, self._progress = browser, url, folder, progress
        self._taken: list[Path] = []

    async def take(self, operator: str, partners: tuple[str, str] | None, password: str, pages_max: int) -> list[Path]:
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in self._folder.glob("*.png"):
            old.unlink()
        desktop = await self._page(_DESKTOP, "light")
        await desktop.goto(f"{self._url}/accounts/login/")
        await self._keep(desktop, "sign-in")
        await self._sign_in(desktop, operator, password, "/console/")
        for path in [*await self._navigation(desktop, "/console/"), *_OTHER_PAGES][:pages_max]:
            await self._visit(desktop, path, "")
        await self._on_phone(desktop, _PHONE_PAGES[:pages_max], "-phone-dark")
        if partners is not None:
            await self._take_portal(*partners, password, pages_max)
        return self._taken

    async def _take_portal(self, reader: str, reader_from_right: str, password: str, pages_max: int) -> None:
        portal = await self._page(_DESKTOP, "light")
        await self._sign_in(portal, reader, password, "/portal/")
        paths = (await self._navigation(portal, "/portal/"))[:pages_max]
        for path in paths:
            await self._visit(portal, path, "")
        await self._on_phone(portal, paths, "-phone-dark")
        phone = await self._page(_PHONE, "light")
        await self._sign_in(phone, reader_from_right, password, "/portal/")
        for path in paths:
            await self._visit(phone, path, "-phone-arabic")

    async def _sign_in(self, page: "Page", email: str, password: str, start: str) -> None:
        await page.goto(f"{self._url}/accounts/login/?next={start}")
        await page.get_by_label("E-mail").fill(email)
        await page.get_by_label("Password").fill(password)
        await page.get_by_role("button", name="Sign in", exact=True).click()
        await page.wait_for_url(f"{self._url}{start}")

    async def _on_phone(self, page: "Page", paths: Sequence[str], suffix: str) -> None:
        phone = await self._page(_PHONE, "dark", await page.context.storage_state())
        for path in paths:
            await self._visit(phone, path, suffix)

    async def _page(self, size: tuple[int, int], scheme: str, cookies: object = None) -> "Page":
        context = await self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
            storage_state=cookies,  # type: ignore[arg-type]
        )
        context.set_default_timeout(_TIMEOUT_MS)
        return await context.new_page()

    async def _navigation(self, page: "Page", start: str) -> list[str]:
        """Return the paths below a start that the navigation links to."""
        links: list[str] = await page.locator(f"nav a[href^='{start}']").evaluate_all(
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
