"""Built files over HTTP: kept for a year, compressed on request, nothing outside the folder."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from control.ui.assets_manifest import asset_url, built_files
from control.ui.paths import BUILT_FOLDER
from control.ui.static_files import serve_built_file


def _ask(path: str, method: str = "GET", **headers: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        app = Starlette(routes=[Mount("/static/ui", serve_built_file)])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate, br", "br"), ("gzip;q=1.0, br;q=0", "gzip"), ("identity", None), ("", None)],
)
def test_compression(accepted: str, encoding: str | None) -> None:
    answer = _ask(asset_url("clew.css"), **{"accept-encoding": accepted})
    assert answer.status_code == 200 and answer.headers.get("content-encoding") == encoding
    assert answer.text == (BUILT_FOLDER / built_files()["clew.css"]).read_text("utf-8")
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"] and answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("clew.js", "text/javascript; charset=utf-8"),
        ("favicon.svg", "image/svg+xml"),
        (next(name for name in built_files() if name.endswith(".woff2")), "font/woff2"),
    ],
)
def test_types(name: str, kind: str) -> None:
    answer = _ask(asset_url(name))
    assert answer.status_code == 200 and answer.headers["content-type"] == kind
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/static/ui/manifest.json", "/static/ui/..%2f..%2fpaths.py", "/static/ui/", "/static/ui/absent.css"]
)
def test_other_names_are_not_found(path: str) -> None:
    assert _ask(path).status_code == 404


def test_methods() -> None:
    head = _ask(asset_url("clew.js"), "HEAD")
    assert head.status_code == 200 and head.content == b""
    assert _ask(asset_url("clew.js"), "POST").status_code == 405
