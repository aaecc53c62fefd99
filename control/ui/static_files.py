"""Built files over HTTP: named by their content, so browsers keep them; compressed when the browser takes that."""

from mimetypes import guess_type
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from control.ui.assets_manifest import built_files
from control.ui.paths import BUILT_FOLDER

ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
YEAR_S = 365 * 86_400


async def serve_built_file(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a file of the manifest; every other name is 404, so no path leads out of the folder."""
    request = Request(scope, receive)
    name = request.url.path.rpartition("/")[2]
    if request.method not in ("GET", "HEAD"):
        raise HTTPException(405, headers={"Allow": "GET, HEAD"})
    if name not in built_files().values():
        raise HTTPException(404)
    headers = {
        "Cache-Control": f"public, max-age={YEAR_S}, immutable",
        "X-Content-Type-Options": "nosniff",
        "Vary": "Accept-Encoding",
    }
    path, encoding = _compressed(BUILT_FOLDER / name, request.headers.get("accept-encoding", ""))
    if encoding:
        headers["Content-Encoding"] = encoding
    await FileResponse(path, headers=headers, media_type=_media_type(name))(scope, receive, send)


def _media_type(name: str) -> str:
    if name.endswith(".woff2"):  # unknown to the tables of some systems
        return "font/woff2"
    return guess_type(name)[0] or "application/octet-stream"


def _compressed(path: Path, accepted: str) -> tuple[Path, str]:
    wanted = {word.partition(";")[0].strip() for word in accepted.split(",") if "q=0" not in word.replace(" ", "")}
    for encoding, suffix in ENCODINGS:
        copy = path.with_name(path.name + suffix)
        if encoding in wanted and copy.exists():
            return copy, encoding
    return path, ""
